"""Prometheus in the cluster takes in the monitors and rules that are applied to it."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from testcluster import Cluster
from testcluster.monitoring import CHOSEN, NAMESPACE, Prometheus

API = "monitoring.coreos.com/v1"


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """One where monitors and rules are applied, and nothing runs."""
    name = f"watched-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    try:
        yield name
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def apply(cluster: Cluster, namespace: str, kind: str, spec: dict[str, Any]) -> None:
    metadata = {"name": "test", "namespace": namespace, "labels": CHOSEN}
    document = {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}
    cluster.kubectl("apply", "--filename", "-", stdin=json.dumps(document))


def targets(prometheus: Prometheus, pool: str) -> list[str]:
    """The health of each target of a monitor."""
    return [str(each["health"]) for each in prometheus.targets() if each["scrapePool"].startswith(f"{pool}/")]


def test_a_pod_monitor_of_any_namespace_has_its_pods_scraped(
    cluster: Cluster, prometheus: Prometheus, namespace: str
) -> None:
    spec = {
        "namespaceSelector": {"matchNames": [NAMESPACE]},
        "selector": {"matchLabels": {"app.kubernetes.io/name": "prometheus-operator"}},
        "podMetricsEndpoints": [{"port": "http", "interval": "1s"}],
    }
    apply(cluster, namespace, "PodMonitor", spec)
    prometheus.until_monitoring("PodMonitor", namespace, "test")
    prometheus.until(lambda: targets(prometheus, f"podMonitor/{namespace}/test") == ["up"], "target that is up")
    (sample,) = prometheus.query(f'process_resident_memory_bytes{{job="{namespace}/test"}}')
    assert sample.value > 2**20
    assert sample.labels["container"] == "prometheus-operator"


def test_a_service_monitor_of_any_namespace_has_the_pods_behind_it_scraped(
    cluster: Cluster, prometheus: Prometheus, namespace: str
) -> None:
    spec = {
        "namespaceSelector": {"matchNames": [NAMESPACE]},
        "selector": {"matchLabels": {"operated-prometheus": "true"}},
        "endpoints": [{"port": "web", "interval": "1s"}],
    }
    apply(cluster, namespace, "ServiceMonitor", spec)
    prometheus.until_monitoring("ServiceMonitor", namespace, "test")
    prometheus.until(lambda: targets(prometheus, f"serviceMonitor/{namespace}/test") == ["up"], "target that is up")
    match = f'{{__name__="prometheus_build_info", namespace="{NAMESPACE}", service="prometheus-operated"}}'
    assert len(prometheus.series(match)) == 1


def test_a_rule_of_any_namespace_is_evaluated(cluster: Cluster, prometheus: Prometheus, namespace: str) -> None:
    rules = [{"record": "test:answer", "expr": "vector(42)"}, {"alert": "Always", "expr": "test:answer > 41"}]
    apply(cluster, namespace, "PrometheusRule", {"groups": [{"name": "test", "rules": rules}]})
    (group,) = prometheus.until_evaluating(namespace, "test")
    assert [rule["health"] for rule in group["rules"]] == ["ok", "ok"]
    prometheus.until(lambda: bool(prometheus.query('ALERTS{alertname="Always", alertstate="firing"}')), "alert")
    # The operator confines rules to their namespace only where the Prometheus asks for it.
    assert [sample.value for sample in prometheus.query("test:answer")] == [42]


def test_the_resource_names_the_version_that_runs(cluster: Cluster, prometheus: Prometheus) -> None:
    """What is written for a Prometheus goes by its minor version."""
    named = cluster.json("--namespace", NAMESPACE, "get", "prometheuses", "cluster")["spec"]["version"]
    minor, _, _ = named.removeprefix("v").rpartition(".")
    assert prometheus.build()["version"].startswith(f"{minor}.")


def test_prometheus_operator_complains_of_no_right_that_it_lacks(cluster: Cluster, prometheus: Prometheus) -> None:
    log = cluster.kubectl("--namespace", NAMESPACE, "logs", "deployment/prometheus-operator").stdout
    complaints = [line for line in log.splitlines() if "forbidden" in line]
    assert complaints == []
