"""Every object that the chart renders is one that a real API server takes, for one set of values after another."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from cluster.chart.releases import BUNDLED, values
from operating import CHART
from testcluster import Cluster

Namespace = Callable[[], str]
PEERS: list[dict[str, Any]] = [
    {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.1/32"]}},
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}, "podSelector": {}},
]
MONITORED: dict[str, Any] = {
    "monitoring": {
        "ifMissing": "fail",
        "serviceMonitor": {"enabled": True, "interval": "1m", "labels": {"release": "stack"}},
        "podMonitor": {"enabled": True, "labels": {"release": "stack"}},
        "prometheusRule": {"enabled": True, "alertLabels": {"team": "tools"}, "exclude": ["CollectionSyncDegraded"]},
        "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Mirrors"}},
    }
}
SETS_OF_VALUES: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "a database": BUNDLED,
    "a database without a volume": {
        "database": {"bundled": {"enabled": True, "password": "a-password", "persistence": {"enabled": False}}}
    },
    "everything monitored": MONITORED,
    "everything confined": {**BUNDLED, "networkPolicy": {"enabled": True, "jobs": {"namespaces": ["default"]}}},
    "confined to addresses": {
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": PEERS,
            "dns": {"to": PEERS},
            "apiServer": {"to": PEERS, "ports": [6443]},
            "jobs": {
                "namespaces": ["default"],
                "source": {"to": PEERS, "ports": [443, 8443]},
                "database": {"to": PEERS, "ports": [6432]},
            },
        }
    },
    "one namespace": {**MONITORED, **BUNDLED, "operator": {"watchNamespaces": ["default"]}},
    "a pod of one's own": {
        "commonLabels": {"team": "tools"},
        "podLabels": {"cost": "1"},
        "podAnnotations": {"example.com/a": "b"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "tools", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "priorityClassName": "system-cluster-critical",
        "imagePullSecrets": [{"name": "registry"}],
        "resources": {"limits": {"memory": "1Gi", "cpu": 2}},
    },
    "rights of others": {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "mirror"}},
    "names of one's own": {"fullnameOverride": "m" * 63, **BUNDLED, **MONITORED},
}


@pytest.mark.parametrize("name", SETS_OF_VALUES)
async def test_the_api_server_takes_every_object(
    empty_cluster: Cluster, monitoring_kinds: None, namespace: Namespace, name: str
) -> None:
    place, given = namespace(), SETS_OF_VALUES[name]
    # With --validate, helm asks the cluster which kinds it knows, as it does when it installs.
    settings = ("--validate", "--namespace", place, *values(), "--values", "-")
    rendered = await asyncio.to_thread(
        empty_cluster.helm, "template", "mirrors", str(CHART), *settings, stdin=json.dumps(given)
    )

    async def apply(documents: list[dict[str, Any]], *options: str) -> None:
        # As JSON: PyYAML leaves a text such as 1234e567 bare, since to YAML 1.1 it is no number. To kubectl it is one.
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        await asyncio.to_thread(empty_cluster.kubectl, "apply", *options, "--filename", "-", stdin=text)

    objects = [each for each in yaml.safe_load_all(rendered.stdout) if each]
    # A pod is refused whose account is not there.
    await apply([each for each in objects if each["kind"] == "ServiceAccount"])
    await apply(objects, "--dry-run=server")
