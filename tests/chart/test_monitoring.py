"""What Prometheus and Grafana are told, and when they are told nothing."""

import json
from typing import Any

import pytest
import yaml

from chart.rendering import CHART, Chart, Object, RefusedError, of, only, read_schema
from collectionsync.controller.jobs import _LABELS as WORKER_LABELS

KINDS = {"ServiceMonitor": "serviceMonitor", "PodMonitor": "podMonitor", "PrometheusRule": "prometheusRule"}
DASHBOARDS = sorted(CHART.glob("files/dashboards/*.json"))
ALERTS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(CHART.glob("files/alerts/*.yaml"))}
OF_THE_SERVER = {alert["alert"] for name, alert in ALERTS.items() if name.startswith("collection-sync-server-")}
SERVING = {"enabled": True}


def monitored(chart: Chart, if_missing: str = "render", /, **values: Any) -> list[Object]:
    """Return the objects of a release with everything enabled; `values` are those of the part of that name."""
    parts = {part: {"enabled": True, **values.get(part, {})} for part in (*KINDS.values(), "dashboards")}
    rest = {key: value for key, value in values.items() if key not in parts}
    return chart.render(monitoring={"ifMissing": if_missing, **parts}, **rest)


def test_nothing_is_monitored_unless_it_is_asked_for(chart: Chart) -> None:
    assert of(chart.render(monitoring={"ifMissing": "render"}), *KINDS, "ConfigMap") == []


def test_what_the_cluster_does_not_know_is_left_out(chart: Chart) -> None:
    assert of(monitored(chart, "skip"), *KINDS) == []


@pytest.mark.parametrize(("kind", "part"), KINDS.items())
def test_what_the_cluster_does_not_know_can_be_refused(chart: Chart, kind: str, part: str) -> None:
    with pytest.raises(RefusedError, match=rf"monitoring\.ifMissing: the cluster does not know \S+/v1/{kind}"):
        chart.render(monitoring={"ifMissing": "fail", part: {"enabled": True}})


def test_the_service_monitor_finds_the_operators_service_and_keeps_its_labels(chart: Chart) -> None:
    objects = monitored(chart)
    spec, service = only(objects, "ServiceMonitor")["spec"], only(objects, "Service")
    assert spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = spec["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["honorLabels"] is True


def test_the_service_leads_to_the_operators_pod(chart: Chart) -> None:
    objects = chart.render()
    service, pod = only(objects, "Service")["spec"], only(objects, "Deployment")["spec"]["template"]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    container = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    assert {port["targetPort"]: port["port"] for port in service["ports"]} == container


def test_the_pod_monitor_finds_the_pods_of_runs(chart: Chart) -> None:
    spec = only(monitored(chart), "PodMonitor")["spec"]
    assert spec["selector"]["matchLabels"].items() <= WORKER_LABELS.items()
    assert spec["namespaceSelector"] == {"any": True}


def test_the_pod_monitor_looks_where_the_operator_does(chart: Chart) -> None:
    spec = only(monitored(chart, operator={"watchNamespaces": ["team-a", "team-b"]}), "PodMonitor")["spec"]
    assert spec["namespaceSelector"] == {"matchNames": ["team-a", "team-b"]}


@pytest.mark.parametrize(("kind", "part"), KINDS.items())
def test_labels_by_which_a_prometheus_chooses_are_added(chart: Chart, kind: str, part: str) -> None:
    objects = monitored(chart, **{part: {"labels": {"release": "stack"}}})
    labels = only(objects, kind)["metadata"]["labels"]
    assert (labels["release"], labels["app.kubernetes.io/instance"]) == ("stack", "mirrors")


@pytest.mark.parametrize(("kind", "part"), [("ServiceMonitor", "serviceMonitor"), ("PodMonitor", "podMonitor")])
def test_how_often_is_scraped_can_be_chosen(chart: Chart, kind: str, part: str) -> None:
    spec = only(monitored(chart, **{part: {"interval": "1m30s"}}), kind)["spec"]
    (endpoint,) = spec.get("endpoints") or spec["podMetricsEndpoints"]
    assert endpoint["interval"] == "1m30s"


def rules(objects: list[Object]) -> list[Object]:
    """Return the alerts of a release."""
    (group,) = only(objects, "PrometheusRule")["spec"]["groups"]
    found: list[Object] = group["rules"]
    return found


def test_each_file_of_an_alert_is_a_rule_with_its_runbook(chart: Chart) -> None:
    found = rules(monitored(chart, prometheusRule={"runbookUrl": "https://wiki.example/runbooks/"}, server=SERVING))
    assert {each["alert"]: each["annotations"]["runbook_url"] for each in found} == {
        alert["alert"]: f"https://wiki.example/runbooks/{name}.md" for name, alert in ALERTS.items()
    }


def test_what_prometheus_fills_in_is_left_to_it(chart: Chart) -> None:
    found = {each["alert"]: each for each in rules(monitored(chart, server=SERVING))}
    for alert in ALERTS.values():
        rendered = found[alert["alert"]]
        assert rendered["annotations"].items() >= alert["annotations"].items()
        assert rendered["expr"] == alert["expr"].replace("RELEASE_NAMESPACE", "tools")


def test_an_alert_can_be_left_out(chart: Chart) -> None:
    left_out = next(iter(ALERTS.values()))["alert"]
    found = {each["alert"] for each in rules(monitored(chart, prometheusRule={"exclude": [left_out]}, server=SERVING))}
    assert found == {alert["alert"] for alert in ALERTS.values()} - {left_out}


def test_a_server_that_is_not_installed_has_no_alerts(chart: Chart) -> None:
    assert len(OF_THE_SERVER) == 5
    found = {each["alert"] for each in rules(monitored(chart))}
    assert found == {alert["alert"] for alert in ALERTS.values()} - OF_THE_SERVER


def test_the_alerts_that_can_be_left_out_are_those_that_there_are() -> None:
    monitoring = read_schema()["properties"]["monitoring"]["properties"]
    known = monitoring["prometheusRule"]["properties"]["exclude"]["items"]["enum"]
    assert known == sorted(alert["alert"] for alert in ALERTS.values())


def test_alerts_can_be_routed_by_labels_that_do_not_replace_their_own(chart: Chart) -> None:
    for each in rules(monitored(chart, prometheusRule={"alertLabels": {"team": "tools", "severity": "none"}})):
        assert each["labels"]["team"] == "tools"
        assert each["labels"]["severity"] != "none"


def test_each_dashboard_is_a_config_map_that_grafanas_sidecar_takes(chart: Chart) -> None:
    found = of(monitored(chart), "ConfigMap")
    assert len(DASHBOARDS) == 3
    assert {name: json.loads(text) for each in found for name, text in each["data"].items()} == {
        path.name: json.loads(path.read_text()) for path in DASHBOARDS
    }
    assert {each["metadata"]["labels"]["grafana_dashboard"] for each in found} == {"1"}


def test_releases_of_one_name_have_dashboards_of_different_names(chart: Chart) -> None:
    where: Object = {"monitoring": {"dashboards": {"enabled": True, "namespace": "grafana"}}}
    first, second = (
        {each["metadata"]["name"] for each in of(chart.render(namespace=namespace, **where), "ConfigMap")}
        for namespace in ("team-a", "team-b")
    )
    assert (len(first), len(second)) == (3, 3)
    assert not first & second


def test_where_dashboards_go_can_be_chosen(chart: Chart) -> None:
    chosen = {"namespace": "grafana", "labels": {"dashboards": "yes"}, "annotations": {"grafana_folder": "Mirrors"}}
    for each in of(monitored(chart, dashboards=chosen), "ConfigMap"):
        assert each["metadata"]["namespace"] == "grafana"
        assert each["metadata"]["labels"]["dashboards"] == "yes"
        assert each["metadata"]["annotations"] == {"grafana_folder": "Mirrors"}
