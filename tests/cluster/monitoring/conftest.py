"""A Prometheus that the chart has told of the operator and its runs."""

import json
from collections.abc import Iterator

import pytest

from cluster.monitoring.release import CONFINED, MONITORING, RELEASE
from operating import CHART, SYSTEM
from testcluster import Cluster
from testcluster.monitoring import Prometheus


@pytest.fixture(scope="module")
def monitored(cluster: Cluster, operator: None, prometheus: Prometheus) -> Iterator[Prometheus]:
    """Prometheus, where it has been told of the operator by the chart."""
    where = ("--namespace", SYSTEM, "--wait", "--timeout", "3m")
    chosen = {"monitoring": MONITORING, "networkPolicy": CONFINED}
    settings = [word for name, value in chosen.items() for word in ("--set-json", f"{name}={json.dumps(value)}")]
    cluster.helm("upgrade", RELEASE, str(CHART), *where, "--reuse-values", *settings)
    try:
        prometheus.until_monitoring("ServiceMonitor", SYSTEM, RELEASE)
        prometheus.until_monitoring("PodMonitor", SYSTEM, f"{RELEASE}-runs")
        yield prometheus
    finally:
        cluster.helm("rollback", RELEASE, *where)
