"""Prometheus and prometheus-operator in a cluster, from their installation to their end."""

import contextlib
import os
import string
import time
from collections.abc import Iterator
from pathlib import Path

from testcluster import definitions
from testcluster.choosing import Own
from testcluster.cluster import Cluster
from testcluster.errors import ClusterError, UnavailableError
from testcluster.monitoring.image import IMAGE, image_archive
from testcluster.monitoring.programs import DEFINITIONS, programs
from testcluster.monitoring.prometheus import Prometheus
from testcluster.starting import chosen

NAMESPACE = "monitoring"
CHOSEN = {"release": "kube-prometheus-stack"}
"""The labels by which Prometheus chooses monitors and rules."""

_OBJECTS = Path(__file__).with_name("stack.yaml")
_PATIENCE = "--timeout=180s"
_READY_SECONDS = 60.0
_IN_NAMESPACE = ("--namespace", NAMESPACE)


def make_ready() -> None:
    """Build whatever is needed and not in the cache yet: the first time it takes minutes."""
    if isinstance(chosen(), Own):
        image_archive()
    else:
        programs()


@contextlib.contextmanager
def installed(cluster: Cluster) -> Iterator[Prometheus]:
    """Install both, wait until Prometheus serves, and delete them at the end; the kinds of resources stay.

    Raises UnavailableError where the cluster was given, and it is not said which image its nodes have.
    """
    image = _image(cluster)
    define(cluster)
    objects = string.Template(_OBJECTS.read_text()).substitute(image=image)
    cluster.kubectl("apply", "--server-side", "--filename", "-", stdin=objects)
    try:
        yield _up(cluster)
    finally:
        cluster.kubectl("delete", "--wait=false", "--filename", "-", stdin=objects)


def _image(cluster: Cluster) -> str:
    """Make the image known to the cluster; its name."""
    if cluster.ctr:
        cluster.load_image(IMAGE, image_archive())
        return IMAGE
    named = os.environ.get("COLLECTIONSYNC_TEST_MONITORING_IMAGE")
    if not named:
        raise UnavailableError(
            "To use Prometheus in a cluster that was given, set COLLECTIONSYNC_TEST_MONITORING_IMAGE (an image that "
            "its nodes have, of what tests/testcluster/monitoring/Dockerfile says)."
        )
    return named


def define(cluster: Cluster) -> None:
    """Make the kinds of resources that prometheus-operator serves known to a cluster, and nothing else."""
    definitions.define(cluster, programs() / DEFINITIONS)


def _up(cluster: Cluster) -> Prometheus:
    try:
        cluster.kubectl(*_IN_NAMESPACE, "rollout", "status", "deployment/prometheus-operator", _PATIENCE)
        cluster.kubectl(*_IN_NAMESPACE, "wait", "--for=condition=Available", _PATIENCE, "prometheus/cluster")
    except ClusterError as error:
        raise ClusterError(f"{error}\n{_story(cluster)}") from error
    prometheus = Prometheus(_url(cluster), hasten=lambda: _hasten(cluster))
    end = time.monotonic() + _READY_SECONDS
    while not prometheus.is_ready():
        if time.monotonic() > end:
            raise ClusterError(f"Prometheus is not ready at {prometheus.url}.\n{_story(cluster)}")
        time.sleep(0.1)
    return prometheus


def _url(cluster: Cluster) -> str:
    """Where Prometheus is reached from this machine: a port of the node's."""
    service = cluster.json(*_IN_NAMESPACE, "get", "service", "prometheus")
    (node, *_) = cluster.json("get", "nodes")["items"]
    address = next(each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP")
    return f"http://{address}:{service['spec']['ports'][0]['nodePort']}"


def _hasten(cluster: Cluster) -> None:
    """Let the kubelet bring changed Secrets to Prometheus now.

    It does so whenever it looks at a pod, which is once a minute, or when the pod changes.
    """
    pods = ("pods", "--selector", "operator.prometheus.io/name=cluster")
    cluster.kubectl(*_IN_NAMESPACE, "annotate", "--overwrite", *pods, f"collectionsync.test/seen={time.time()}")


def _story(cluster: Cluster) -> str:
    """All that there is to tell where it does not come up."""
    described = cluster.kubectl(*_IN_NAMESPACE, "describe", "prometheuses,pods", check=False)
    logs = cluster.kubectl(*_IN_NAMESPACE, "logs", "deployment/prometheus-operator", "--tail=20", check=False)
    return f"{described.stdout}\n{logs.stdout}{logs.stderr}"
