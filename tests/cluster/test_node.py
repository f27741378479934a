"""The cluster itself: what the other tests here take for granted."""

import contextlib
import http.server
import json
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from testcluster import Cluster, ClusterError

Object = dict[str, Any]

FETCH = """
import sys, time, urllib.request
end = time.monotonic() + 30
while True:
    try:
        print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
        break
    except OSError:  # rules for a new Service come a moment after it
        if time.monotonic() > end:
            raise
        time.sleep(0.1)
"""
SERVE = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=8000)"
EAT = "open('/dev/termination-log', 'w').write('so far so good')\nhoard = []\nwhile True: hoard.append(b'x' * 2**20)"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 53), timeout=20)"


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this test's own."""
    name = f"node-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def pod(cluster: Cluster, namespace: str, name: str, script: str, *arguments: str, **container: Any) -> Object:
    """Create a pod that runs this script; it is ended at once when it is deleted."""
    runs: Object = {"name": "main", "image": cluster.image, "imagePullPolicy": "IfNotPresent"}
    runs |= {"command": ["python3", "-c", script, *arguments], **container}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [runs]}
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    cluster.kubectl("create", "--filename", "-", stdin=json.dumps(document))
    return document


def outcome(cluster: Cluster, namespace: str, name: str) -> Object:
    """How the pod's container ended; waits for its end."""
    ended = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"
    where = ("--namespace", namespace)
    cluster.kubectl(*where, "wait", f"pod/{name}", f"--for={ended}", "--timeout=120s")
    found: Object = cluster.json(*where, "get", "pod", name)
    terminated: Object = found["status"]["containerStatuses"][0]["state"]["terminated"]
    return terminated


def served(cluster: Cluster, namespace: str) -> str:
    """Start a pod with a web server, and return its name when it is ready."""
    probe = {"httpGet": {"port": 8000, "path": "/"}, "periodSeconds": 1}
    pod(cluster, namespace, "server", SERVE, workingDir="/etc/ssl", readinessProbe=probe)
    cluster.kubectl("--namespace", namespace, "wait", "pod/server", "--for=condition=Ready", "--timeout=120s")
    return "server"


@contextlib.contextmanager
def listening(host: str) -> Iterator[str]:
    """Serve HTTP on this machine's address `host`; its URL."""
    server = http.server.ThreadingHTTPServer((host, 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_pod_runs_and_is_reached(cluster: Cluster, namespace: str) -> None:
    name = served(cluster, namespace)
    path = f"/api/v1/namespaces/{namespace}/pods/{name}:8000/proxy/"
    assert "certs" in cluster.kubectl("get", "--raw", path).stdout


def test_a_service_routes_to_its_pods(cluster: Cluster, namespace: str) -> None:
    name = served(cluster, namespace)
    where = ("--namespace", namespace)
    cluster.kubectl(*where, "expose", "pod", name, "--port=80", "--target-port=8000")
    address = cluster.json(*where, "get", "service", name)["spec"]["clusterIP"]

    pod(cluster, namespace, "client", FETCH, f"http://{address}/")

    ended, logs = outcome(cluster, namespace, "client"), cluster.kubectl(*where, "logs", "client").stdout
    assert ended["exitCode"] == 0, logs
    assert "certs" in logs


def test_a_memory_limit_kills_and_the_last_message_survives(cluster: Cluster, namespace: str) -> None:
    pod(cluster, namespace, "eater", EAT, resources={"limits": {"memory": "32Mi"}})
    ended = outcome(cluster, namespace, "eater")
    assert (ended["reason"], ended["exitCode"], ended["message"]) == ("OOMKilled", 137, "so far so good")


def test_restricted_namespaces_let_no_ordinary_pod_in(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        pod(cluster, namespace, "ordinary", "")
    context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    pod(cluster, namespace, "restricted", "import os; print(os.getuid())", securityContext=context)
    assert outcome(cluster, namespace, "restricted")["exitCode"] == 0


def test_pods_reach_the_host_address(cluster: Cluster, namespace: str) -> None:
    with listening(cluster.host) as url:
        pod(cluster, namespace, "caller", FETCH, url)
        ended = outcome(cluster, namespace, "caller")
    assert ended["exitCode"] == 0, cluster.kubectl("--namespace", namespace, "logs", "caller").stdout


def test_pods_reach_nothing_outside(cluster: Cluster, namespace: str) -> None:
    if not cluster.ctr:
        pytest.skip("a cluster that was given may have its own ways out")
    pod(cluster, namespace, "fugitive", CONNECT, "1.1.1.1")
    ended = outcome(cluster, namespace, "fugitive")
    logs = cluster.kubectl("--namespace", namespace, "logs", "fugitive").stdout
    assert ended["exitCode"] == 1
    assert "Network is unreachable" in logs


def test_pods_write_their_limits_and_account_where_cgroups_are(cluster: Cluster, namespace: str) -> None:
    """A worker reads its own limit there."""
    script = (
        "from pathlib import Path\n"
        "for path in ('/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'):\n"
        "    if Path(path).exists(): print(Path(path).read_text())\n"
    )
    pod(cluster, namespace, "reader", script, resources={"limits": {"memory": "64Mi"}})
    assert outcome(cluster, namespace, "reader")["exitCode"] == 0
    assert cluster.kubectl("--namespace", namespace, "logs", "reader").stdout.strip() == str(64 * 2**20)
