"""What may be set, what is set otherwise, and how a mistake is told."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from chart.documentation import README, documented, with_table
from chart.rendering import CHART, Chart, Object, RefusedError, of, read_schema, read_values
from collectionsync.quantity import parse_bytes

SCHEMA = read_schema()
# People, other charts and tests rely on these by name.
DEFAULTS = {
    "image": {"repository": "collectionsync", "tag": "", "digest": "", "pullPolicy": "IfNotPresent"},
    "imagePullSecrets": [],
    "database": {
        "existingSecret": {"name": "collectionsync-database", "key": "uri"},
        "bundled": {
            "enabled": False,
            "namespaces": [],
            "password": "",
            "image": {
                "repository": "docker.io/library/postgres",
                "tag": "17",
                "digest": "",
                "pullPolicy": "IfNotPresent",
            },
            "persistence": {"enabled": True, "size": "8Gi", "storageClassName": ""},
            "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        },
    },
    "artifacts": {"url": "", "existingSecret": ""},
    "operator": {"watchNamespaces": []},
    "limits": {"simultaneousRuns": 4, "totalMemory": "512Mi", "perSourceHost": 2},
    "server": {
        "enabled": False,
        "replicas": 2,
        "publicURL": "",
        "defaultRepository": "",
        "database": {"existingSecret": {"name": "", "key": ""}},
        "access": {"existingSecret": ""},
        "artifacts": {"redirect": False},
        "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "128Mi"}},
        "spool": {"sizeLimit": "1Gi"},
        "shutdownDelaySeconds": 5,
        "service": {"type": "ClusterIP", "port": 80, "annotations": {}, "nodePort": 0},
        "ingress": {
            "enabled": False,
            "className": "",
            "annotations": {},
            "host": "",
            "tls": {"enabled": False, "secretName": ""},
        },
        "httpRoute": {"enabled": False, "parentRefs": [], "hostnames": [], "annotations": {}},
        "autoscaling": {"enabled": False, "minReplicas": 2, "maxReplicas": 6, "targetCPUUtilizationPercentage": 80},
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
        "serviceAccountName": "",
        "podLabels": {},
        "podAnnotations": {},
        "nodeSelector": {},
        "tolerations": [],
        "affinity": {},
        "topologySpreadConstraints": [],
        "priorityClassName": "",
    },
    "crds": {"enabled": True, "keep": True},
    "rbac": {"create": True, "aggregate": True},
    "serviceAccount": {"create": True, "name": "", "annotations": {}},
    "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    "monitoring": {
        "ifMissing": "skip",
        "serviceMonitor": {"enabled": False, "interval": "30s", "labels": {}},
        "podMonitor": {"enabled": False, "interval": "5s", "labels": {}},
        "prometheusRule": {
            "enabled": False,
            "labels": {},
            "alertLabels": {},
            "exclude": [],
            "runbookUrl": "docs/runbooks",
        },
        "dashboards": {"enabled": False, "labels": {"grafana_dashboard": "1"}, "annotations": {}, "namespace": ""},
    },
    "test": {"resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "192Mi"}}},
    "networkPolicy": {
        "enabled": False,
        "metricsFrom": [],
        "dns": {"to": [], "ports": [53]},
        "apiServer": {"to": [], "ports": [443, 6443]},
        "server": {"from": []},
        "jobs": {
            "namespaces": [],
            "source": {"to": [], "ports": [443]},
            "database": {"to": [], "ports": [5432]},
            "artifacts": {"to": [], "ports": [443]},
        },
    },
    "logFormat": "json",
    "commonLabels": {},
    "podLabels": {},
    "podAnnotations": {},
    "nodeSelector": {},
    "tolerations": [],
    "affinity": {},
    "priorityClassName": "",
    "nameOverride": "",
    "fullnameOverride": "",
}
# What charts that contain this one say to it.
OF_OTHERS = {"enabled", "global"}
JOBS_REACH = ("source", "database", "artifacts")
IP_BLOCK = "/networkPolicy/metricsFrom/0/ipBlock/cidr"
DIGEST = "sha256:" + "0123456789abcdef" * 4


def resolved(schema: Object) -> Object:
    """Follow a reference into the schema's definitions."""
    found: Object = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def objects_of(schema: Object, path: str = "") -> Iterator[tuple[str, Object]]:
    """Yield every schema of an object, with its path."""
    schema = resolved(schema)
    if schema.get("type") == "object":
        yield path, schema
    for name, each in schema.get("properties", {}).items():
        if each is not False:
            yield from objects_of(each, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from objects_of(schema["items"], f"{path}[]")


def test_the_defaults_are_what_people_rely_on() -> None:
    assert read_values() == DEFAULTS


def test_every_value_has_a_schema_and_every_schema_a_value() -> None:
    def same(values: Any, schema: Object, path: str) -> None:
        known = resolved(schema).get("properties", {})
        free = {f"{part}resources" for part in ("", "database.bundled.", "server.", "test.")}
        free |= {"monitoring.dashboards.labels"}
        if isinstance(values, dict) and values and path not in free:
            assert set(known) - (set() if path else OF_OTHERS) == set(values), path
            for name, each in values.items():
                same(each, known[name], f"{path}.{name}".lstrip("."))

    same(read_values(), SCHEMA, "")


def test_no_object_takes_what_it_does_not_know() -> None:
    affinities = ("nodeAffinity", "podAffinity", "podAntiAffinity")
    inside_kubernetes = {f"{whose}affinity.{kind}" for whose in ("", "server.") for kind in affinities}
    inside_kubernetes |= {"global", "server.topologySpreadConstraints[].labelSelector"}
    policies = ("metricsFrom", "dns.to", "apiServer.to", "server.from", *(f"jobs.{each}.to" for each in JOBS_REACH))
    inside_kubernetes |= {
        f"networkPolicy.{peers}[].{kind}" for peers in policies for kind in ("namespaceSelector", "podSelector")
    }
    lenient = {path for path, schema in objects_of(SCHEMA) if schema.get("additionalProperties", True) is True}
    assert lenient == inside_kubernetes


def test_every_value_is_documented() -> None:
    paths = {path for path, meaning in documented(CHART.joinpath("values.yaml").read_text()) if meaning}

    def leaves(values: Any, path: str) -> Iterator[str]:
        if path in paths or not isinstance(values, dict):
            yield path
        else:
            for name, each in values.items():
                yield from leaves(each, f"{path}.{name}".lstrip("."))

    assert set(leaves(read_values(), "")) == paths


def test_the_readme_has_the_values_as_they_are() -> None:
    readme = README.read_text()
    assert readme == with_table(readme), "run `make generate`"


@pytest.mark.parametrize("quantity", ["1", "64Mi", "0.5Gi", "1.25G", "536870912", "2E", "3Ti", "9k"])
def test_a_total_of_memory_that_the_schema_takes_is_one_that_the_operator_takes(quantity: str) -> None:
    assert re.search(SCHEMA["definitions"]["quantity"]["pattern"], quantity)
    assert parse_bytes(quantity) > 0


def test_helm_has_nothing_to_say_against_the_chart(chart: Chart) -> None:
    assert "0 chart(s) failed" in chart.lint()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"image": {"repository": "host.example:5000/team/collectionsync", "tag": "v1_2-rc.3"}},
        {"image": {"digest": DIGEST, "pullPolicy": "Never"}},
        {"imagePullSecrets": [{"name": "registry.example"}]},
        {"database": {"existingSecret": {"name": "mirror-app", "key": "connection_string"}}},
        {"artifacts": {"url": "s3://mirror"}},
        {"artifacts": {"url": "gs://mirror/collections/of-us", "existingSecret": "store.settings"}},
        {"artifacts": {"url": "abfss://container@account.dfs.core.windows.net/collections"}},
        {"operator": {"watchNamespaces": ["team-a", "team-b"]}},
        {"limits": {"simultaneousRuns": 1, "totalMemory": "1.5Gi", "perSourceHost": 100}},
        {"crds": {"enabled": False}},
        {"rbac": {"create": False, "aggregate": False}},
        {"serviceAccount": {"create": False, "name": "mirror"}},
        {"serviceAccount": {"annotations": {"example.com/role": "x"}}},
        {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "0.5"}}},
        {"resources": None},
        {"commonLabels": {"app.kubernetes.io/part-of": "mirrors", "team": ""}},
        {"tolerations": [{"operator": "Exists"}, {"key": "a", "effect": "NoExecute", "tolerationSeconds": 30}]},
        {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}},
        {"priorityClassName": "system-cluster-critical", "nodeSelector": {"kubernetes.io/arch": "arm64"}},
        {"server": {"publicURL": "https://mirror.example.com:8443/galaxy_v3/~team.1/"}},
        {"server": {"publicURL": "http://[2001:db8::1]:8080"}},
        {"server": {"defaultRepository": "team-a/re_po-1"}},
        {"server": {"database": {"existingSecret": {"name": "reader.ro", "key": "dsn_ro"}}}},
        {"server": {"resources": None}},
        {"server": {"shutdownDelaySeconds": 0, "replicas": 1}},
        {"server": {"service": {"type": "LoadBalancer", "nodePort": 30080}}},
        {
            "server": {
                "httpRoute": {"parentRefs": [{"name": "a", "kind": "Service", "port": 80}], "hostnames": ["*.b.c"]}
            }
        },
        {"server": {"podDisruptionBudget": {"maxUnavailable": "50%"}}},
        {"enabled": True},
        {"global": {"imageRegistry": "of a chart that contains this one"}},
    ],
    ids=str,
)
def test_values_that_make_sense_are_taken(chart: Chart, values: Object) -> None:
    assert len(of(chart.render(**values), "Deployment")) == 1


@pytest.mark.parametrize(
    ("values", "place", "complaint"),
    [
        ({"replicas": 2}, "", "'replicas' not allowed"),
        ({"limits": {"totalmemory": "1Gi"}}, "/limits", "'totalmemory' not allowed"),
        ({"limits": {"simultaneousRuns": 0}}, "/limits/simultaneousRuns", "got 0, want 1"),
        ({"limits": {"simultaneousRuns": 1.5}}, "/limits/simultaneousRuns", "want integer"),
        ({"limits": {"perSourceHost": "2"}}, "/limits/perSourceHost", "got string, want integer"),
        ({"limits": {"totalMemory": "lots"}}, "/limits/totalMemory", "'lots' does not match"),
        ({"limits": {"totalMemory": "0Mi"}}, "/limits/totalMemory", "'0Mi' does not match"),
        ({"limits": {"totalMemory": "512MB"}}, "/limits/totalMemory", "'512MB' does not match"),
        ({"limits": {"totalMemory": 536870912}}, "/limits/totalMemory", "got number, want string"),
        ({"limits": {"totalMemory": None}}, "/limits", "missing property 'totalMemory'"),
        ({"limits": None}, "", "missing property 'limits'"),
        ({"image": {"repository": "collectionsync:1.0"}}, "/image/repository", "'collectionsync:1.0' does not match"),
        ({"image": {"repository": ""}}, "/image/repository", "'' does not match"),
        ({"image": {"tag": 1.5}}, "/image/tag", "got number, want string"),
        ({"image": {"digest": "0123"}}, "/image/digest", "'0123' does not match"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"),
        ({"imagePullSecrets": ["registry"]}, "/imagePullSecrets/0", "got string, want object"),
        ({"database": {"existingSecret": {"name": "My_Secret"}}}, "/database/existingSecret/name", "does not match"),
        ({"database": {"existingSecret": {"key": ""}}}, "/database/existingSecret/key", "'' does not match"),
        ({"database": {"uri": "postgresql://"}}, "/database", "'uri' not allowed"),
        ({"artifacts": {"url": "file:///srv/artifacts"}}, "/artifacts/url", "does not match"),
        ({"artifacts": {"url": "s3://key:secret@mirror"}}, "/artifacts/url", "does not match"),
        ({"artifacts": {"url": "s3://mirror?region=x"}}, "/artifacts/url", "does not match"),
        ({"artifacts": {"existingSecret": "store"}}, "/artifacts/url", "minLength: got 0, want 1"),
        ({"artifacts": None}, "", "missing property 'artifacts'"),
        ({"operator": {"watchNamespaces": None}}, "/operator", "missing property 'watchNamespaces'"),
        ({"resources": {"limits": {"memory": "256MB"}}}, "/resources/limits/memory", "'256MB' does not match"),
        ({"database": {"bundled": {"image": {"tag": ""}}}}, "/database/bundled/image/tag", "'' does not match"),
        ({"image": {"repository": "Foo//bar"}}, "/image/repository", "'Foo//bar' does not match"),
        ({"monitoring": {"podMonitor": {"interval": "30s1h"}}}, "/monitoring/podMonitor/interval", "does not match"),
        ({"nodeSelector": {"disk": "a b"}}, "/nodeSelector/disk", "'a b' does not match"),
        ({"networkPolicy": {"metricsFrom": [{"ipBlock": {"cidr": "10.0.0.0"}}]}}, IP_BLOCK, "does not match"),
        ({"database": {"bundled": True}}, "/database/bundled", "got boolean, want object"),
        ({"database": {"bundled": {"password": "a'b;--cd"}}}, "/database/bundled/password", "does not match"),
        ({"database": {"bundled": {"password": "short"}}}, "/database/bundled/password", "'short' does not match"),
        ({"monitoring": {"ifMissing": "ignore"}}, "/monitoring/ifMissing", "'skip', 'fail', 'render'"),
        ({"monitoring": {"podMonitor": {"interval": "5"}}}, "/monitoring/podMonitor/interval", "'5' does not match"),
        ({"monitoring": {"prometheusRule": {"exclude": ["X"]}}}, "/monitoring/prometheusRule/exclude/0", "must be one"),
        ({"networkPolicy": {"enabled": 1}}, "/networkPolicy/enabled", "got number, want boolean"),
        ({"networkPolicy": {"apiServer": {"ports": [0]}}}, "/networkPolicy/apiServer/ports/0", "got 0, want 1"),
        ({"networkPolicy": {"metricsFrom": [{"ip": "::"}]}}, "/networkPolicy/metricsFrom/0", "'ip' not allowed"),
        ({"operator": {"watchNamespaces": "team-a"}}, "/operator/watchNamespaces", "got string, want array"),
        ({"operator": {"watchNamespaces": ["team-*"]}}, "/operator/watchNamespaces/0", "'team-*' does not match"),
        ({"operator": {"watchNamespaces": ["a", "a"]}}, "/operator/watchNamespaces", "are equal"),
        ({"crds": {"enabled": "no"}}, "/crds/enabled", "got string, want boolean"),
        ({"server": None}, "", "missing property 'server'"),
        ({"server": {"replicas": 0}}, "/server/replicas", "got 0, want 1"),
        ({"server": {"publicUrl": "https://a"}}, "/server", "'publicUrl' not allowed"),
        ({"server": {"publicURL": "mirror.example.com"}}, "/server/publicURL", "does not match"),
        ({"server": {"publicURL": "https://a/?b=c"}}, "/server/publicURL", "does not match"),
        ({"server": {"publicURL": "https://user:pass@a/"}}, "/server/publicURL", "does not match"),
        ({"server": {"publicURL": "https://a/b:"}}, "/server/publicURL", "does not match"),
        ({"server": {"publicURL": "https://a/../b"}}, "/server/publicURL", "does not match"),
        ({"server": {"defaultRepository": "published"}}, "/server/defaultRepository", "does not match"),
        ({"server": {"service": {"type": "ExternalName"}}}, "/server/service/type", "'ClusterIP', 'NodePort'"),
        ({"server": {"service": {"port": 0}}}, "/server/service/port", "got 0, want 1"),
        ({"server": {"ingress": {"host": "https://a"}}}, "/server/ingress/host", "does not match"),
        ({"server": {"ingress": {"tls": True}}}, "/server/ingress/tls", "got boolean, want object"),
        ({"server": {"httpRoute": {"enabled": True}}}, "/server/httpRoute/parentRefs", "minItems: got 0, want 1"),
        ({"server": {"httpRoute": {"parentRefs": [{}]}}}, "/server/httpRoute/parentRefs/0", "missing property 'name'"),
        ({"server": {"httpRoute": {"hostnames": ["a.*"]}}}, "/server/httpRoute/hostnames/0", "does not match"),
        ({"server": {"autoscaling": {"maxReplicas": 0}}}, "/server/autoscaling/maxReplicas", "got 0, want 1"),
        (
            {"server": {"podDisruptionBudget": {"maxUnavailable": "some"}}},
            "/server/podDisruptionBudget/maxUnavailable",
            "'some' does not match",
        ),
        ({"server": {"spool": {"sizeLimit": 5}}}, "/server/spool/sizeLimit", "got number, want string"),
        ({"server": {"shutdownDelaySeconds": -1}}, "/server/shutdownDelaySeconds", "got -1, want 0"),
        ({"server": {"podLabels": {"helm.sh/chart": "x"}}}, "/server/podLabels/helm.sh~1chart", "false schema"),
        (
            {"server": {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}]}},
            "/server/topologySpreadConstraints/0",
            "missing property 'whenUnsatisfiable'",
        ),
        ({"logFormat": "xml"}, "/logFormat", "'json', 'text'"),
        ({"commonLabels": {"team": True}}, "/commonLabels/team", "got boolean, want string"),
        ({"commonLabels": {"team": "a b"}}, "/commonLabels/team", "'a b' does not match"),
        ({"podLabels": {"app.kubernetes.io/name": "x"}}, "/podLabels/app.kubernetes.io~1name", "false schema"),
        ({"podAnnotations": {"scrape": True}}, "/podAnnotations/scrape", "got boolean, want string"),
        ({"tolerations": [{"effect": "Never"}]}, "/tolerations/0/effect", "must be one of"),
        ({"affinity": {"podAfinity": {}}}, "/affinity", "'podAfinity' not allowed"),
        ({"resources": {"memory": "1Gi"}}, "/resources", "'memory' not allowed"),
        ({"fullnameOverride": "Mirror"}, "/fullnameOverride", "'Mirror' does not match"),
    ],
    ids=str,
)
def test_a_mistake_is_refused_with_its_place(chart: Chart, values: Object, place: str, complaint: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        chart.render(**values)
    (line,) = [each for each in str(refusal.value).splitlines() if each.startswith("- at ")]
    assert line.startswith(f"- at '{place}'")
    assert complaint in line


def test_an_account_that_is_not_created_has_to_be_named(chart: Chart) -> None:
    with pytest.raises(RefusedError, match=r"serviceAccount\.name: name the ServiceAccount"):
        chart.render(serviceAccount={"create": False})
