"""The PostgreSQL that a release can bring with it, and the Secrets by which Jobs find it."""

from typing import Any

import pytest

from chart.rendering import Chart, Object, RefusedError, identity, of, only
from chart.restricted import violations

CHOSEN = "a-password-of-ones-own"


def bundled(
    chart: Chart, *, namespaces: list[str] | None = None, watch: list[str] | None = None, **more: Any
) -> list[Object]:
    """Return the objects of a release with a database."""
    database = {"bundled": {"enabled": True, "password": CHOSEN, "namespaces": namespaces or [], **more}}
    return chart.render(database=database, operator={"watchNamespaces": watch or []})


def of_the_database(objects: list[Object]) -> list[Object]:
    """Return what belongs to the database."""
    return [each for each in objects if each["metadata"]["labels"]["app.kubernetes.io/component"] == "database"]


def test_no_release_has_one_unless_it_is_asked_for(chart: Chart) -> None:
    assert of_the_database(chart.render()) == []
    assert of(chart.render(), "Secret", "StatefulSet") == []


def test_its_secret_names_it_as_its_service_is_called(chart: Chart) -> None:
    objects = bundled(chart)
    service = next(each for each in of(objects, "Service") if each in of_the_database(objects))
    host = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert only(objects, "Secret")["stringData"] == {
        "uri": f"postgresql://collectionsync:{CHOSEN}@{host}:5432/collectionsync",
        "password": CHOSEN,
    }


def test_its_service_leads_to_its_pod_and_to_nothing_else(chart: Chart) -> None:
    objects = bundled(chart)
    service = next(each for each in of(objects, "Service") if each in of_the_database(objects))
    pod = only(objects, "StatefulSet")["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    operator = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert not service["spec"]["selector"].items() <= operator.items()
    ports = {each["name"]: each["containerPort"] for each in pod["spec"]["containers"][0]["ports"]}
    assert ports[service["spec"]["ports"][0]["targetPort"]] == 5432


def test_each_namespace_that_is_named_or_watched_gets_the_uri_and_not_the_password_by_itself(chart: Chart) -> None:
    objects = bundled(chart, namespaces=["team-a", "tools"], watch=["team-a", "team-b"])
    secrets = {each["metadata"]["namespace"]: set(each["stringData"]) for each in of(objects, "Secret")}
    assert secrets == {"tools": {"uri", "password"}, "team-a": {"uri"}, "team-b": {"uri"}}
    assert len({each["stringData"]["uri"] for each in of(objects, "Secret")}) == 1


def test_a_password_is_made_up_once_for_all_objects_of_a_release(chart: Chart) -> None:
    first, second = (
        {each["stringData"]["uri"] for each in of(bundled(chart, password="", namespaces=["a"]), "Secret")}
        for _ in range(2)
    )
    assert (len(first), len(second)) == (1, 1)
    assert first != second


def test_it_fits_the_restricted_level_and_writes_to_its_volumes_alone(chart: Chart) -> None:
    pod = only(bundled(chart), "StatefulSet")["spec"]["template"]
    assert violations(pod) == []
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_an_upgrade_of_the_chart_does_not_restart_it(chart: Chart) -> None:
    template = only(bundled(chart), "StatefulSet")["spec"]["template"]
    assert not {"helm.sh/chart", "app.kubernetes.io/version"} & set(template["metadata"]["labels"])
    assert template == only(bundled(chart), "StatefulSet")["spec"]["template"]


def test_another_password_is_set_by_another_start(chart: Chart) -> None:
    first, second = (only(bundled(chart, password=each), "StatefulSet") for each in (CHOSEN, f"not-{CHOSEN}"))
    assert first["spec"]["template"] != second["spec"]["template"]
    assert CHOSEN not in str(first)


def test_its_name_leaves_room_for_what_kubernetes_puts_behind_it(chart: Chart) -> None:
    objects = chart.render(fullnameOverride="m" * 63, database={"bundled": {"enabled": True}})
    revision = "-6d4c867cc9"
    assert len(only(objects, "StatefulSet")["metadata"]["name"] + revision) <= 63


def test_its_password_is_not_taken_for_the_uri(chart: Chart) -> None:
    database = {"bundled": {"enabled": True}, "existingSecret": {"key": "password"}}
    with pytest.raises(RefusedError, match=r"database\.existingSecret\.key: the bundled PostgreSQL has its password"):
        chart.render(database=database)


def test_its_data_lie_on_a_volume_that_is_claimed(chart: Chart) -> None:
    spec = only(bundled(chart, persistence={"size": "2Gi", "storageClassName": "fast"}), "StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "2Gi"}},
    }
    assert "data" not in {each["name"] for each in spec["template"]["spec"]["volumes"]}


def test_without_persistence_its_data_lie_with_the_pod(chart: Chart) -> None:
    spec = only(bundled(chart, persistence={"enabled": False}), "StatefulSet")["spec"]
    assert "volumeClaimTemplates" not in spec
    assert {"name": "data", "emptyDir": {}} in spec["template"]["spec"]["volumes"]


def test_without_a_class_the_clusters_default_is_meant(chart: Chart) -> None:
    (claim,) = only(bundled(chart), "StatefulSet")["spec"]["volumeClaimTemplates"]
    assert "storageClassName" not in claim["spec"]


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "docker.io/library/postgres:17"),
        ({"repository": "mirror.example/postgres", "tag": "16"}, "mirror.example/postgres:16"),
        ({"digest": "sha256:" + "a" * 64}, "docker.io/library/postgres@sha256:" + "a" * 64),
    ],
    ids=str,
)
def test_its_image_can_be_chosen(chart: Chart, image: Object, reference: str) -> None:
    spec = only(bundled(chart, image=image), "StatefulSet")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == reference


def test_two_releases_have_two_of_them(chart: Chart) -> None:
    values: Object = {"database": {"bundled": {"enabled": True}}}
    first, second = (
        set(map(identity, of_the_database(chart.render(release=release, namespace=namespace, **values))))
        for release, namespace in (("mirrors", "a"), ("mirrors", "b"))
    )
    assert first
    assert not first & second
