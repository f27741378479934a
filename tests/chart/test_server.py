"""What of the chart serves mirrors: nothing unless it is asked for, and never taken for another part of it."""

import pytest

from chart.rendering import Chart, RefusedError, identity, of, only
from chart.server import COMPONENT, EVERYTHING, NAME, service, serving, told_to_the_operator
from collectionsync.controller.jobs import _LABELS as WORKER_LABELS


def test_nothing_is_served_unless_it_is_asked_for(chart: Chart) -> None:
    objects = chart.render(
        server={**EVERYTHING, "enabled": False},
        networkPolicy={"enabled": True},
        monitoring={"ifMissing": "render", "serviceMonitor": {"enabled": True}},
    )
    assert {each["metadata"]["labels"][COMPONENT] for each in objects} == {"operator"}
    assert told_to_the_operator(chart, enabled=False) is None


def test_it_is_a_deployment_with_two_services_and_a_disruption_budget(chart: Chart) -> None:
    assert sorted(map(identity, serving(chart))) == [
        ("Deployment", "tools", NAME),
        ("PodDisruptionBudget", "tools", NAME),
        ("Service", "tools", NAME),
        ("Service", "tools", f"{NAME}-metrics"),
    ]


def test_what_else_there_is_was_asked_for(chart: Chart) -> None:
    kinds = [each["kind"] for each in serving(chart, server={**EVERYTHING, "podDisruptionBudget": {"enabled": False}})]
    assert sorted(kinds) == ["Deployment", "HTTPRoute", "HorizontalPodAutoscaler", "Ingress", "Service", "Service"]


def test_its_pods_are_known_from_those_of_the_operator_of_the_database_and_of_runs(chart: Chart) -> None:
    objects = chart.render(
        server={"enabled": True},
        database={"bundled": {"enabled": True}},
        networkPolicy={"enabled": True},
        monitoring={"ifMissing": "render", "serviceMonitor": {"enabled": True}},
    )
    workloads = of(objects, "Deployment", "StatefulSet")
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in workloads] + [dict(WORKER_LABELS)]
    assert len(labels) == 4
    for each in objects:
        spec = each.get("spec", {})
        for selector in (spec.get("selector"), spec.get("podSelector")):
            selected = (selector or {}).get("matchLabels", selector)
            if selected and each["kind"] != "ServiceMonitor":
                assert sum(selected.items() <= known.items() for known in labels) == 1, identity(each)


def test_each_of_its_selectors_selects_its_pods(chart: Chart) -> None:
    objects = serving(chart, networkPolicy={"enabled": True}, server={"podLabels": {"team": "tools"}})
    labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["team"] == "tools"
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert only(objects, kind)["spec"]["selector"]["matchLabels"].items() <= labels.items()
    for each in of(objects, "Service"):
        assert each["spec"]["selector"].items() <= labels.items()
    assert only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def test_its_selector_does_not_change_with_what_an_upgrade_may_change(chart: Chart) -> None:
    before, after = (
        only(serving(chart, **values), "Deployment")["spec"]["selector"]
        for values in ({}, {"image": {"tag": "v2"}, "commonLabels": {"a": "b"}, "server": {"podLabels": {"c": "d"}}})
    )
    assert before == after


@pytest.mark.parametrize("length", [1, 47, 63])
def test_its_names_have_room_beside_a_long_one(chart: Chart, length: int) -> None:
    objects = serving(chart, fullnameOverride="m" * length, server=EVERYTHING)
    names = [each["metadata"]["name"] for each in objects]
    assert max(map(len, names)) <= 63
    assert len(set(names)) == 2
    assert service(objects, "m" * min(length, 48) + "-server")


def test_how_many_there_are_is_said_or_left_to_their_load(chart: Chart) -> None:
    fixed = serving(chart, server={"replicas": 3})
    assert only(fixed, "Deployment")["spec"]["replicas"] == 3
    scaled = serving(chart, server={"autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 9}})
    assert "replicas" not in only(scaled, "Deployment")["spec"]
    spec = only(scaled, "HorizontalPodAutoscaler")["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 9)
    (metric,) = spec["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}


def test_a_most_that_is_less_than_the_least_is_refused(chart: Chart) -> None:
    with pytest.raises(RefusedError, match=r"server\.autoscaling\.maxReplicas: it is less than"):
        serving(chart, server={"autoscaling": {"enabled": True, "minReplicas": 7}})


@pytest.mark.parametrize("most", [1, "25%"])
def test_nodes_are_emptied_of_them_bit_by_bit(chart: Chart, most: int | str) -> None:
    spec = only(serving(chart, server={"podDisruptionBudget": {"maxUnavailable": most}}), "PodDisruptionBudget")["spec"]
    assert spec["maxUnavailable"] == most


def test_its_metrics_are_scraped_with_those_of_the_operator(chart: Chart) -> None:
    monitor = {"enabled": True, "interval": "1m", "labels": {"release": "stack"}}
    objects = serving(chart, monitoring={"ifMissing": "render", "serviceMonitor": monitor})
    found = only(objects, "ServiceMonitor")
    assert found["metadata"]["name"] == NAME
    assert found["metadata"]["labels"]["release"] == "stack"
    (endpoint,) = found["spec"]["endpoints"]
    assert endpoint == {"port": "metrics", "interval": "1m"}
    scraped = [
        each for each in of(objects, "Service") if endpoint["port"] in {p["name"] for p in each["spec"]["ports"]}
    ]
    assert [each["metadata"]["name"] for each in scraped] == [f"{NAME}-metrics"]
    assert found["spec"]["selector"]["matchLabels"].items() <= scraped[0]["metadata"]["labels"].items()


def test_the_monitor_of_the_operator_does_not_find_the_server(chart: Chart) -> None:
    objects = chart.render(
        server={"enabled": True}, monitoring={"ifMissing": "render", "serviceMonitor": {"enabled": True}}
    )
    for monitor in of(objects, "ServiceMonitor"):
        selected = monitor["spec"]["selector"]["matchLabels"]
        found = {
            each["metadata"]["labels"][COMPONENT]
            for each in of(objects, "Service")
            if selected.items() <= each["metadata"]["labels"].items()
        }
        assert found == {monitor["metadata"]["labels"][COMPONENT]}
