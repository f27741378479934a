"""The network of the cluster: names, and network policies, which other tests take for granted."""

import contextlib
import json
import secrets
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster.nodes import require_enforced_policies
from testcluster import Cluster
from testcluster.network import POLICY_QUEUE

Object = dict[str, Any]
Place = tuple[str, int]

PORTS = (8000, 9000)
LISTEN = f"""
import socket, threading
def serve(port):
    with socket.create_server(("", port)) as server:
        while True: server.accept()[0].close()
for port in {PORTS}: threading.Thread(target=serve, args=(port,)).start()
"""
# Nobody answers a packet that was dropped; a machine that is busy answers in less than this.
REACH = """
import concurrent.futures, json, socket, sys
def reach(place):
    try:
        socket.create_connection(place, timeout=5).close()
        return True
    except TimeoutError:
        return False
places = [tuple(place) for place in json.loads(sys.argv[1])]
with concurrent.futures.ThreadPoolExecutor(len(places)) as threads:
    print(json.dumps(list(threads.map(reach, places))))
"""
RESOLVE = """
import socket, sys, time
start = time.monotonic()
try:
    print(socket.getaddrinfo(sys.argv[1], 80, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
except socket.gaierror as error:
    print(error.args[0] == socket.EAI_NONAME, time.monotonic() - start < 4)
"""

# A new Service has its name, and rules that lead there, a moment after it was created.
RESOLVE_IN_TIME = """
import socket, sys, time
for _ in range(100):
    try:
        print(socket.gethostbyname(sys.argv[1]))
        break
    except OSError:
        time.sleep(0.1)
"""
CONNECT_IN_TIME = """
import socket, sys, time
for _ in range(100):
    try:
        socket.create_connection((sys.argv[1], 80), timeout=10).close()
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
else:
    sys.exit(1)
"""


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this test's own."""
    name = f"network-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def enforced(cluster: Cluster) -> None:
    """A cluster whose policies mean something."""
    require_enforced_policies(cluster)


def create(cluster: Cluster, namespace: str, document: Object) -> None:
    cluster.kubectl("--namespace", namespace, "create", "--filename", "-", stdin=json.dumps(document))


def pod(cluster: Cluster, name: str, *command: str) -> Object:
    container: Object = {"name": "main", "image": cluster.image, "imagePullPolicy": "IfNotPresent"}
    container |= {"command": ["python3", "-c", *command]}
    container["ports"] = [{"name": "front", "containerPort": PORTS[0]}, {"name": "back", "containerPort": PORTS[1]}]
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def stations(cluster: Cluster, namespace: str, *names: str) -> list[str]:
    """Start pods that listen on all `PORTS`; their addresses."""
    for name in names:
        document = pod(cluster, name, LISTEN)
        document["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": PORTS[-1]}, "periodSeconds": 1}
        create(cluster, namespace, document)
    where = ("--namespace", namespace)
    pods = [f"pod/{name}" for name in names]
    cluster.kubectl(*where, "wait", *pods, "--for=condition=Ready", "--timeout=120s")
    return [cluster.json(*where, "get", each)["status"]["podIP"] for each in pods]


def inside(cluster: Cluster, namespace: str, name: str, script: str, *arguments: str) -> str:
    """What this script prints when it runs in the pod."""
    command = ("exec", name, "--", "python3", "-c", script, *arguments)
    return cluster.kubectl("--namespace", namespace, *command).stdout.strip()


def reached(cluster: Cluster, namespace: str, name: str, places: Sequence[Place]) -> list[bool]:
    """Which of these addresses and ports the pod can connect to."""
    found: list[bool] = json.loads(inside(cluster, namespace, name, REACH, json.dumps(places)))
    return found


def policy(app: str, **rules: Any) -> Object:
    """A network policy for pods of this app, with the rules `ingress` and `egress`: it is for those that are given."""
    kinds = {"ingress": "Ingress", "egress": "Egress"}
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": [kinds[kind] for kind in rules], **rules}
    metadata = {"name": f"for-{app}"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


@contextlib.contextmanager
def listening(host: str) -> Iterator[Place]:
    """Listen on some port of this machine; the kernel answers."""
    with socket.create_server((host, 0)) as server:
        yield host, server.getsockname()[1]


@pytest.mark.parametrize(
    "form", ["{name}.{namespace}.svc.cluster.local", "{name}.{namespace}.svc", "{name}.{namespace}"]
)
def test_names_of_services_resolve(cluster: Cluster, namespace: str, form: str) -> None:
    stations(cluster, namespace, "asker")
    where = ("--namespace", namespace)
    cluster.kubectl(*where, "create", "service", "clusterip", "answers", "--tcp=80:8000")
    address = cluster.json(*where, "get", "service", "answers")["spec"]["clusterIP"]
    assert (
        inside(cluster, namespace, "asker", RESOLVE_IN_TIME, form.format(name="answers", namespace=namespace))
        == address
    )


@pytest.mark.parametrize("name", ["example.com", "no-such-service.default.svc.cluster.local"])
def test_other_names_are_known_at_once_not_to_be(cluster: Cluster, namespace: str, name: str) -> None:
    if not cluster.ctr:
        pytest.skip("a cluster that was given may have its own ways out")
    stations(cluster, namespace, "asker")
    assert inside(cluster, namespace, "asker", RESOLVE, name) == "True True"


def test_without_policies_everything_is_reached(cluster: Cluster, namespace: str) -> None:
    _, server = stations(cluster, namespace, "client", "server")
    with listening(cluster.host) as host:
        assert reached(cluster, namespace, "client", [(server, 8000), (server, 9000), host]) == [True, True, True]


def test_egress_to_one_port_of_one_host_is_to_nothing_else(cluster: Cluster, namespace: str, enforced: None) -> None:
    with listening(cluster.host) as allowed, listening(cluster.host) as other:
        rule = {"to": [{"ipBlock": {"cidr": f"{allowed[0]}/32"}}], "ports": [{"port": allowed[1]}]}
        create(cluster, namespace, policy("client", egress=[rule]))
        _, server = stations(cluster, namespace, "client", "server")
        places = [allowed, other, (server, 8000)]
        assert reached(cluster, namespace, "client", places) == [True, False, False]
        assert reached(cluster, namespace, "server", places) == [True, True, True]


def test_ingress_from_some_pods_to_a_named_port_is_nothing_else(
    cluster: Cluster, namespace: str, enforced: None
) -> None:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}], "ports": [{"port": "front"}]}
    create(cluster, namespace, policy("server", ingress=[rule]))
    server, _, _ = stations(cluster, namespace, "server", "friend", "stranger")
    places = [(server, 8000), (server, 9000)]
    assert reached(cluster, namespace, "friend", places) == [True, False]
    assert reached(cluster, namespace, "stranger", places) == [False, False]


def test_policies_see_the_pod_behind_a_service(cluster: Cluster, namespace: str, enforced: None) -> None:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}]}
    create(cluster, namespace, policy("server", ingress=[rule]))
    stations(cluster, namespace, "server", "friend", "stranger")
    where = ("--namespace", namespace)
    cluster.kubectl(*where, "expose", "pod", "server", "--port=80", "--target-port=8000")
    ready = "jsonpath={.endpoints[0].conditions.ready}=true"
    slices = ("--selector", "kubernetes.io/service-name=server")
    cluster.kubectl(*where, "wait", "endpointslice", *slices, f"--for={ready}", "--timeout=60s")
    address = cluster.json(*where, "get", "service", "server")["spec"]["clusterIP"]
    inside(cluster, namespace, "friend", CONNECT_IN_TIME, address)
    assert reached(cluster, namespace, "stranger", [(address, 80)]) == [False]


def test_policies_keep_pods_from_the_node_as_well(cluster: Cluster, namespace: str, enforced: None) -> None:
    api = cluster.json("get", "service", "kubernetes")["spec"]["clusterIP"]
    create(cluster, namespace, policy("client", egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}]))
    stations(cluster, namespace, "client", "free")
    assert reached(cluster, namespace, "client", [(api, 443)]) == [False]
    assert reached(cluster, namespace, "free", [(api, 443)]) == [True]
    assert inside(cluster, namespace, "client", RESOLVE, "kubernetes.default.svc") == api


def test_policies_hold_from_the_first_moment_of_a_pod(cluster: Cluster, namespace: str, enforced: None) -> None:
    with listening(cluster.host) as host:
        create(cluster, namespace, policy("hasty", egress=[]))
        create(cluster, namespace, pod(cluster, "hasty", REACH, json.dumps([host])))
        where = ("--namespace", namespace)
        ended = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}=0"
        cluster.kubectl(*where, "wait", "pod/hasty", f"--for={ended}", "--timeout=120s")
        assert json.loads(cluster.kubectl(*where, "logs", "hasty").stdout) == [False]


def test_policies_decide_on_no_packet_of_the_machine(cluster: Cluster, enforced: None) -> None:
    if not cluster.ctr:
        pytest.skip("a cluster that was given may be anywhere")
    queues = Path("/proc/net/netfilter/nfnetlink_queue").read_text().splitlines()
    assert str(POLICY_QUEUE) not in [queue.split()[0] for queue in queues]
    rules = subprocess.run(["iptables", "-t", "mangle", "-S"], capture_output=True, text=True, check=True).stdout
    assert "NFQUEUE" not in rules
