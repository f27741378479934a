"""Volumes of the cluster, and PostgreSQL's image on one, which tests of the chart take for granted."""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testcluster import Cluster, UnavailableError
from testcluster.choosing import may_skip
from testcluster.starting import postgres_image

Object = dict[str, Any]

STORE = "echo kept > /data/word; id --user"
RECALL = "cat /data/word"
QUERY = """
initdb --username=postgres --auth=trust --pgdata=/data/cluster > /tmp/log
pg_ctl --pgdata=/data/cluster --options="-c listen_addresses=" --log=/tmp/server --wait start > /tmp/log
psql --username=postgres --tuples-only --no-align --command="SELECT current_setting('server_version_num')::int / 10000"
pg_ctl --pgdata=/data/cluster --mode=fast --wait stop > /tmp/log
"""


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this test's own, where only restricted pods are let in."""
    name = f"storage-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    create(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def postgres(cluster: Cluster) -> str:
    """The image with PostgreSQL."""
    try:
        return postgres_image(cluster)
    except UnavailableError as error:
        if may_skip(os.environ):
            pytest.skip(str(error))
        raise


def create(cluster: Cluster, document: Object) -> None:
    cluster.kubectl("create", "--filename", "-", stdin=json.dumps(document))


def claim(cluster: Cluster, namespace: str) -> None:
    """Claim a volume as the bundled database does, of no class by name."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}}
    metadata = {"name": "data", "namespace": namespace}
    create(cluster, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})


def said(cluster: Cluster, namespace: str, name: str, image: str, script: str) -> str:
    """Run this script in a pod of user and group 999 with the volume at /data, delete the pod; what it printed."""
    confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    folders = {"data": "/data", "run": "/var/run/postgresql", "tmp": "/tmp"}
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-euc", script],
        "securityContext": confined,
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in folders.items()],
    }
    user = {"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999, "fsGroupChangePolicy": "OnRootMismatch"}
    spec = {
        "restartPolicy": "Never",
        "securityContext": {**user, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "run", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    metadata = {"name": name, "namespace": namespace}
    create(cluster, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    where = ("--namespace", namespace)
    ended = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"
    cluster.kubectl(*where, "wait", f"pod/{name}", f"--for={ended}", "--timeout=120s")
    logs = cluster.kubectl(*where, "logs", name).stdout.strip()
    (status,) = cluster.json(*where, "get", "pod", name)["status"]["containerStatuses"]
    assert status["state"]["terminated"]["exitCode"] == 0, logs
    cluster.kubectl(*where, "delete", "pod", name)
    return logs


def test_a_volume_outlives_the_pods_of_its_group(cluster: Cluster, namespace: str) -> None:
    claim(cluster, namespace)
    assert said(cluster, namespace, "writer", cluster.image, STORE) == "999"
    assert said(cluster, namespace, "reader", cluster.image, RECALL) == "kept"


def test_a_volume_goes_with_its_claim(cluster: Cluster, namespace: str) -> None:
    if not cluster.ctr:
        pytest.skip("what a cluster that was given keeps is its own affair")
    claim(cluster, namespace)
    said(cluster, namespace, "writer", cluster.image, STORE)
    where = ("--namespace", namespace)
    volume = cluster.json(*where, "get", "persistentvolumeclaim", "data")["spec"]["volumeName"]
    folder = Path(cluster.json("get", "persistentvolume", volume)["spec"]["local"]["path"])
    assert folder.is_relative_to(cluster.kubeconfig.parent)
    assert (folder / "word").read_text() == "kept\n"

    cluster.kubectl(*where, "delete", "persistentvolumeclaim", "data")

    cluster.kubectl("wait", "--for=delete", f"persistentvolume/{volume}", "--timeout=60s")
    assert not folder.exists()


def test_postgresql_runs_on_a_volume(cluster: Cluster, namespace: str, postgres: str) -> None:
    claim(cluster, namespace)
    assert said(cluster, namespace, "database", postgres, QUERY) == "17"
