"""The server's pods: how they are started, told, watched, replaced and held down."""

from typing import Any

import pytest

from chart.rendering import Chart, Object, only
from chart.restricted import violations
from chart.server import options, pod, serving
from collectionsync import malloc
from collectionsync.server import command
from collectionsync.server.process import FINISHING_SECONDS


def test_its_pod_fits_the_restricted_level_and_has_no_token(chart: Chart) -> None:
    for values in ({}, {"artifacts": {"url": "s3://a", "existingSecret": "b"}, "server": {"serviceAccountName": "c"}}):
        found = pod(chart, **values)
        assert violations(found) == []
        assert found["spec"]["automountServiceAccountToken"] is False
        (container,) = found["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_without_values_it_serves_everybody_from_the_operators_database(chart: Chart) -> None:
    told = options(chart)
    assert told.command is command.run
    assert (told.listen, told.metrics_address) == (("0.0.0.0", 8080), ("0.0.0.0", 9090))
    assert (told.database_secret, told.database_secret_key) == ("collectionsync-database", "uri")
    assert (told.artifacts, told.artifacts_secret, told.access_secret) == (None, None, None)
    assert (told.public_url, told.default_repository, told.redirect_artifacts) == (None, None, False)
    assert told.memory_limit is None, "the cgroup's"
    assert (told.shutdown_delay, told.log) == (5, "json")


def test_it_is_told_what_the_values_say(chart: Chart) -> None:
    told = options(
        chart,
        artifacts={"url": "s3://mirror/collections", "existingSecret": "store"},
        logFormat="text",
        server={
            "publicURL": "https://mirror.example.com/galaxy/",
            "defaultRepository": "team-a/published",
            "database": {"existingSecret": {"name": "reader", "key": "dsn"}},
            "access": {"existingSecret": "readers"},
            "artifacts": {"redirect": True},
            "shutdownDelaySeconds": 30,
        },
    )
    assert (told.database_secret, told.database_secret_key) == ("reader", "dsn")
    assert (told.artifacts, told.artifacts_secret) == ("s3://mirror/collections", "store")
    assert told.access_secret == "readers"
    assert told.public_url == "https://mirror.example.com/galaxy"
    assert told.redirect_artifacts is True
    assert (told.shutdown_delay, told.log) == (30, "text")


def test_a_part_of_the_databases_secret_may_be_named_for_it(chart: Chart) -> None:
    given: Object = {"database": {"existingSecret": {"name": "app", "key": "dsn"}}}
    told = options(chart, **given, server={"database": {"existingSecret": {"name": "reader"}}})
    assert (told.database_secret, told.database_secret_key) == ("reader", "dsn")
    told = options(chart, **given, server={"database": {"existingSecret": {"key": "read"}}})
    assert (told.database_secret, told.database_secret_key) == ("app", "read")


def test_each_secret_is_a_folder_below_the_one_that_it_is_told_of(chart: Chart) -> None:
    values: Object = {
        "artifacts": {"url": "s3://mirror", "existingSecret": "store"},
        "server": {"access": {"existingSecret": "readers"}},
    }
    spec, told = pod(chart, **values)["spec"], options(chart, **values)
    volumes = {each["name"]: each["secret"]["secretName"] for each in spec["volumes"] if "secret" in each}
    mounts = {volumes[each["name"]]: each for each in spec["containers"][0]["volumeMounts"] if each["name"] in volumes}
    assert set(mounts) == {told.database_secret, told.artifacts_secret, told.access_secret}
    assert {name: each["mountPath"] for name, each in mounts.items()} == {
        name: f"{told.secrets}/{name}" for name in mounts
    }
    assert not any("subPath" in each for each in mounts.values()), "a file by itself is never renewed"


def test_of_the_databases_secret_it_sees_the_uri_alone_unless_it_is_for_more(chart: Chart) -> None:
    def items(**values: Any) -> list[Object]:
        volumes = [each["secret"] for each in pod(chart, **values)["spec"]["volumes"] if "secret" in each]
        (found,) = [each for each in volumes if each["secretName"] == "collectionsync-database"]
        keys: list[Object] = found.get("items", [])
        return keys

    assert items() == [{"key": "uri", "path": "uri"}]
    assert items(server={"access": {"existingSecret": "collectionsync-database"}}) == []


def test_secrets_of_one_name_are_mounted_once(chart: Chart) -> None:
    spec = pod(
        chart,
        artifacts={"url": "s3://mirror", "existingSecret": "all"},
        server={"access": {"existingSecret": "all"}, "database": {"existingSecret": {"name": "all"}}},
    )["spec"]
    paths = [each["mountPath"] for each in spec["containers"][0]["volumeMounts"]]
    assert len(paths) == len(set(paths)) == 2


def test_documents_on_their_way_have_a_folder_of_a_size_that_can_be_chosen(chart: Chart) -> None:
    values: Object = {"server": {"spool": {"sizeLimit": "3Gi"}}}
    spec, told = pod(chart, **values)["spec"], options(chart, **values)
    (volume,) = [each for each in spec["volumes"] if each["name"] == "spool"]
    (mount,) = [each for each in spec["containers"][0]["volumeMounts"] if each["name"] == "spool"]
    assert volume["emptyDir"] == {"sizeLimit": "3Gi"}
    assert mount["mountPath"] == str(told.spool)


def test_it_is_probed_where_it_listens_and_no_database_that_is_away_restarts_it(chart: Chart) -> None:
    (container,) = pod(chart)["spec"]["containers"]
    told = options(chart)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": told.listen[1], "metrics": told.metrics_address[1]}
    asked = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
    assert {probe: each["path"] for probe, each in asked.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    assert {each["port"] for each in asked.values()} == {"http"}


def test_no_pod_goes_before_another_is_ready(chart: Chart) -> None:
    strategy = only(serving(chart), "Deployment")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


@pytest.mark.parametrize("delay", [0, 5, 600])
def test_there_is_time_for_answers_after_the_delay(chart: Chart, delay: int) -> None:
    values: Object = {"server": {"shutdownDelaySeconds": delay}}
    assert options(chart, **values).shutdown_delay == delay
    assert pod(chart, **values)["spec"]["terminationGracePeriodSeconds"] == delay + FINISHING_SECONDS + 5


def test_it_gives_memory_back_as_a_worker_does(chart: Chart) -> None:
    (container,) = pod(chart)["spec"]["containers"]
    assert {each["name"]: each["value"] for each in container["env"]} == dict(malloc.SETTINGS)


def test_its_memory_is_requested_whole_and_its_processor_is_not_limited(chart: Chart) -> None:
    (container,) = pod(chart)["spec"]["containers"]
    # What is limited and not requested is requested, by the API server: so another limit is another request.
    assert container["resources"] == {"limits": {"memory": "128Mi"}, "requests": {"cpu": "50m"}}


def test_where_its_pods_run_can_be_chosen(chart: Chart) -> None:
    chosen: Object = {
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "tolerations": [{"key": "tools", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "priorityClassName": "tools",
        "serviceAccountName": "reader",
    }
    spec = pod(chart, server=chosen, imagePullSecrets=[{"name": "registry"}])["spec"]
    assert {name: spec[name] for name in chosen} == chosen
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert not {"nodeSelector", "tolerations", "affinity", "priorityClassName"} & set(pod(chart)["spec"])


def test_a_constraint_on_their_spread_is_about_these_pods_unless_it_says_otherwise(chart: Chart) -> None:
    spread: Object = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    other = {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}
    found = pod(chart, server={"topologySpreadConstraints": [spread, {**spread, **other}]})
    own, others = found["spec"]["topologySpreadConstraints"]
    assert own.items() >= spread.items()
    assert own["labelSelector"]["matchLabels"].items() <= found["metadata"]["labels"].items()
    assert others == {**spread, **other}


def test_its_pods_may_be_annotated(chart: Chart) -> None:
    assert pod(chart, server={"podAnnotations": {"a": "b"}})["metadata"]["annotations"] == {"a": "b"}
