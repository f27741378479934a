"""A Prometheus that the chart has told of the operator, of its runs and of the server."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.monitoring.release import CONFINED, MONITORING, READERS, RELEASE, SERVING, TOKEN
from operating import CHART, SYSTEM, Server, database
from testcluster import Cluster
from testcluster.monitoring import Prometheus


@pytest.fixture(scope="module")
def served_database(cluster: Cluster, operator: None, database_server: Server) -> Iterator[str]:
    """The URI, for pods, of the database that the server reads; Secrets tell it, and who may read."""
    with database(database_server) as (_, pods_uri):
        told = {"collectionsync-database": {"uri": pods_uri}, READERS: {"_all": TOKEN}}
        secrets = [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
            for name, data in told.items()
        ]
        documents = json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets})
        cluster.kubectl("--namespace", SYSTEM, "apply", "--filename", "-", stdin=documents)
        try:
            yield pods_uri
        finally:
            cluster.kubectl("--namespace", SYSTEM, "delete", "secrets", *told)


@contextlib.contextmanager
def _upgraded(cluster: Cluster, prometheus: Prometheus, **values: dict[str, Any]) -> Iterator[None]:
    """Have the release monitored, and whatever else these values are, and wait until Prometheus knows that."""
    where = ("--namespace", SYSTEM, "--wait", "--timeout", "3m")
    chosen = {"monitoring": MONITORING, "networkPolicy": CONFINED, **values}
    settings = [word for name, value in chosen.items() for word in ("--set-json", f"{name}={json.dumps(value)}")]
    cluster.helm("upgrade", RELEASE, str(CHART), *where, "--reuse-values", *settings)
    try:
        prometheus.until_monitoring("ServiceMonitor", SYSTEM, RELEASE)
        prometheus.until_monitoring("PodMonitor", SYSTEM, f"{RELEASE}-runs")
        yield
    finally:
        cluster.helm("rollback", RELEASE, *where)


@pytest.fixture(scope="module")
def monitored(cluster: Cluster, operator: None, prometheus: Prometheus) -> Iterator[Prometheus]:
    """Prometheus, where it has been told of the operator by the chart."""
    with _upgraded(cluster, prometheus):
        yield prometheus


@pytest.fixture(scope="module")
def monitored_with_server(cluster: Cluster, served_database: str, prometheus: Prometheus) -> Iterator[Prometheus]:
    """The same where there is a server as well."""
    with _upgraded(cluster, prometheus, server=SERVING):
        prometheus.until_monitoring("ServiceMonitor", SYSTEM, f"{RELEASE}-server")
        yield prometheus


@pytest.fixture(scope="module")
def server_url(cluster: Cluster, monitored_with_server: Prometheus) -> str:
    """Where the server is reached from this machine: a port of the node's."""
    service = cluster.json("--namespace", SYSTEM, "get", "service", f"{RELEASE}-server")
    (node, *_) = cluster.json("get", "nodes")["items"]
    address = next(each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP")
    return f"http://{address}:{service['spec']['ports'][0]['nodePort']}"
