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
SERVED: dict[str, Any] = {
    "server": {
        "enabled": True,
        "replicas": 3,
        "publicURL": "https://mirror.example.com:8443/galaxy/",
        "defaultRepository": "default/published",
        "access": {"existingSecret": "readers"},
        "service": {"type": "NodePort", "annotations": {"example.com/a": "b"}},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "annotations": {"example.com/a": "b"},
            "tls": {"enabled": True, "secretName": "mirror-tls"},
        },
        "httpRoute": {
            "enabled": True,
            "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https", "port": 443}],
            "hostnames": ["mirror.example.com", "*.mirror.example.com"],
            "annotations": {"example.com/a": "b"},
        },
        "autoscaling": {"enabled": True},
        "podDisruptionBudget": {"maxUnavailable": "25%"},
    },
    "artifacts": {"url": "s3://mirror/collections", "existingSecret": "mirror-store"},
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
    "a server": {**BUNDLED, "server": {"enabled": True}, "networkPolicy": {"enabled": True}},
    "a server in every way": {**SERVED, **MONITORED, "networkPolicy": {"enabled": True, "server": {"from": PEERS}}},
    "a server of one's own": {
        "commonLabels": {"team": "tools"},
        "server": {
            "enabled": True,
            "database": {"existingSecret": {"name": "reader.ro", "key": "dsn"}},
            "artifacts": {"redirect": True},
            "resources": {"limits": {"memory": "1Gi", "cpu": 2}, "requests": {"memory": "512Mi"}},
            "spool": {"sizeLimit": "1.5Gi"},
            "service": {"type": "LoadBalancer", "port": 8080, "nodePort": 30080},
            "ingress": {"enabled": True, "host": "mirror.example.com"},
            "serviceAccountName": "reader",
            "podLabels": {"cost": "1"},
            "podAnnotations": {"example.com/a": "b"},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"key": "tools", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "minDomains": 2,
                    "topologyKey": "topology.kubernetes.io/zone",
                    "whenUnsatisfiable": "DoNotSchedule",
                    "matchLabelKeys": ["pod-template-hash"],
                    "nodeAffinityPolicy": "Honor",
                    "nodeTaintsPolicy": "Honor",
                }
            ],
            "priorityClassName": "system-cluster-critical",
        },
    },
    "rights of others": {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "mirror"}},
    "names of one's own": {"fullnameOverride": "m" * 63, **BUNDLED, **MONITORED, **SERVED},
}


@pytest.mark.parametrize("name", SETS_OF_VALUES)
async def test_the_api_server_takes_every_object(
    empty_cluster: Cluster, monitoring_kinds: None, gateway_kinds: None, namespace: Namespace, name: str
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
