"""How a release's objects are called and marked, so that releases do not get in each other's way."""

import pytest

from chart.rendering import Chart, Object, identity, of, only, pods
from collectionsync import __version__
from collectionsync.controller.jobs import _LABELS as WORKER_LABELS

CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def test_every_object_says_what_it_belongs_to(chart: Chart) -> None:
    for each in chart.render(release="mirrors", commonLabels={"team": "tools"}):
        labels = each["metadata"]["labels"]
        assert (
            labels.items()
            >= {
                "app.kubernetes.io/name": "collectionsync",
                "app.kubernetes.io/instance": "mirrors",
                "app.kubernetes.io/component": "operator",
                "app.kubernetes.io/version": __version__,
                "app.kubernetes.io/managed-by": "Helm",
                "helm.sh/chart": f"collectionsync-{__version__}",
                "team": "tools",
            }.items()
        ), identity(each)


@pytest.mark.parametrize("namespaces", [[], ["team-a"]])
def test_every_object_says_its_namespace_where_it_has_one(chart: Chart, namespaces: list[str]) -> None:
    for kind, namespace, _ in map(identity, chart.render(operator={"watchNamespaces": namespaces})):
        assert bool(namespace) == (kind not in CLUSTER_WIDE), kind


def test_the_deployment_knows_its_pods_and_takes_no_jobs_pod_for_one(chart: Chart) -> None:
    objects = chart.render(podLabels={"team": "tools"}, commonLabels={"team": "all", "cost": "1"})
    selector = only(objects, "Deployment")["spec"]["selector"]["matchLabels"]
    (pod,) = pods(objects)
    assert selector.items() <= pod["metadata"]["labels"].items()
    assert not selector.items() <= WORKER_LABELS.items()
    assert (pod["metadata"]["labels"]["team"], pod["metadata"]["labels"]["cost"]) == ("tools", "1")


def test_a_selector_does_not_change_with_what_an_upgrade_may_change(chart: Chart) -> None:
    before = only(chart.render(), "Deployment")
    after = only(chart.render(image={"tag": "v2"}, commonLabels={"a": "b"}, podLabels={"c": "d"}), "Deployment")
    assert before["spec"]["selector"] == after["spec"]["selector"]


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        ("collectionsync", {}, "collectionsync"),
        ("mirrors", {}, "mirrors-collectionsync"),
        ("mirrors", {"nameOverride": "sync"}, "mirrors-sync"),
        ("mirrors", {"fullnameOverride": "operator"}, "operator"),
        ("r" * 53, {}, ("r" * 53 + "-collectionsync")[:63]),
    ],
)
def test_objects_are_called_by_release_and_chart(chart: Chart, release: str, values: dict[str, str], name: str) -> None:
    objects = chart.render(release=release, **values)
    assert only(objects, "Deployment")["metadata"]["name"] == name
    assert only(objects, "ServiceAccount")["metadata"]["name"] == name
    assert f"tools:{name}" in {role["metadata"]["name"] for role in of(objects, "ClusterRole")}


def test_names_of_digits_are_names(chart: Chart) -> None:
    everything: Object = {
        "operator": {"watchNamespaces": ["456"]},
        "database": {"bundled": {"enabled": True, "persistence": {"storageClassName": "7"}}},
        "networkPolicy": {"enabled": True},
        "priorityClassName": "8",
        "fullnameOverride": "123",
        "nameOverride": "9",
    }
    for each in [
        *chart.render(release="1", namespace="2", **everything),
        *chart.render_test(release="1", **everything),
    ]:
        metadata = each["metadata"]
        told = [metadata["name"], metadata.get("namespace", ""), *metadata["labels"].values()]
        assert [type(word) for word in told] == [str] * len(told), identity(each)
    pods_told = [pod["spec"] for pod in pods(chart.render(release="1", namespace="2", **everything))]
    assert {spec.get("priorityClassName", "8") for spec in pods_told} == {"8"}


@pytest.mark.parametrize("namespaces", [[], ["shared", "team-a"]])
def test_releases_in_two_namespaces_have_no_object_in_common(chart: Chart, namespaces: list[str]) -> None:
    watch = {"watchNamespaces": namespaces}
    first = set(map(identity, chart.render(namespace="a-b", fullnameOverride="c", operator=watch)))
    second = set(
        map(identity, chart.render(namespace="a", fullnameOverride="b-c", operator=watch, crds={"enabled": False}))
    )
    assert len(first) == len(second) + 1
    assert not first & second
