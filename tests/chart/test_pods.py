"""The operator's pod: how it is started, watched and held down."""

from typing import Any

import pytest

from chart.rendering import Chart, Object, only, operator_container, pods
from chart.restricted import violations
from collectionsync import __version__, cli, malloc

EVERY_KIND_OF_VALUES: list[dict[str, Any]] = [
    {},
    {"operator": {"watchNamespaces": ["team-a"]}},
    {"podLabels": {"a": "b"}, "podAnnotations": {"a": "b"}, "tolerations": [{"operator": "Exists"}], "resources": None},
]
SOUND: Object = {
    "metadata": {},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "c",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}


def options(chart: Chart, **values: Any) -> Any:
    """Return what the operator's own command line makes of the container's arguments."""
    return cli._parser().parse_args(operator_container(chart.render(**values))["args"])


@pytest.mark.parametrize("values", EVERY_KIND_OF_VALUES, ids=str)
def test_every_pod_fits_the_restricted_level(chart: Chart, values: dict[str, Any]) -> None:
    found = list(pods(chart.render(**values)))
    assert found
    assert [violations(pod) for pod in found] == [[] for _ in found]


@pytest.mark.parametrize(
    ("of_the_pod", "of_the_container"),
    [
        ({"hostNetwork": True}, {}),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, {}),
        ({"securityContext": {"runAsNonRoot": True}}, {}),
        ({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}, {}),
        ({}, {"securityContext": {"capabilities": {"drop": ["ALL"]}}}),
        ({}, {"securityContext": {"allowPrivilegeEscalation": False}}),
        ({}, {"ports": [{"containerPort": 1, "hostPort": 1}]}),
    ],
    ids=str,
)
def test_the_restricted_level_is_told_from_others(of_the_pod: Object, of_the_container: Object) -> None:
    assert violations(SOUND) == []
    container = {**SOUND["spec"]["containers"][0], **of_the_container}
    assert violations({"spec": {**SOUND["spec"], "containers": [container], **of_the_pod}})


def test_nothing_in_the_container_can_be_written_to(chart: Chart) -> None:
    objects = chart.render()
    assert operator_container(objects)["securityContext"]["readOnlyRootFilesystem"] is True
    assert "volumes" not in only(objects, "Deployment")["spec"]["template"]["spec"]


def test_there_is_one_operator_at_a_time(chart: Chart) -> None:
    spec = only(chart.render(), "Deployment")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_a_loop_that_stands_still_restarts_the_pod_and_does_not_make_it_unready(chart: Chart) -> None:
    container = operator_container(chart.render())
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"health": 8080, "metrics": 9090}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert "httpGet" not in container["readinessProbe"]
    assert container["readinessProbe"]["tcpSocket"] == {"port": "metrics"}


def test_without_values_the_operator_is_told_the_defaults(chart: Chart) -> None:
    told = options(chart)
    assert told.namespace == []
    assert told.worker_image == f"collectionsync:{__version__}"
    assert told.image_pull_policy == "IfNotPresent"
    assert (told.database_secret, told.database_secret_key) == ("collectionsync-database", "uri")
    assert (told.artifacts, told.artifacts_secret) == (None, None)
    assert (told.simultaneous_runs, told.total_memory, told.per_source_host) == (4, 512 << 20, 2)
    assert told.server_url is None
    assert told.health_address == ("0.0.0.0", 8080)
    assert told.metrics_address == ("0.0.0.0", 9090)
    assert told.log == "json"


def test_the_operator_is_told_what_the_values_say(chart: Chart) -> None:
    told = options(
        chart,
        image={"repository": "host.example:5000/mirror", "tag": "v7", "pullPolicy": "Always"},
        database={"existingSecret": {"name": "app.db", "key": "dsn"}},
        artifacts={"url": "s3://mirror/collections", "existingSecret": "app.store"},
        operator={"watchNamespaces": ["team-a", "team-b"]},
        limits={"simultaneousRuns": 1_000_000, "totalMemory": "1.5Gi", "perSourceHost": 3},
        logFormat="text",
    )
    assert told.namespace == ["team-a", "team-b"]
    assert told.worker_image == "host.example:5000/mirror:v7"
    assert told.image_pull_policy == "Always"
    assert (told.database_secret, told.database_secret_key) == ("app.db", "dsn")
    assert (told.artifacts, told.artifacts_secret) == ("s3://mirror/collections", "app.store")
    assert (told.simultaneous_runs, told.total_memory, told.per_source_host) == (1_000_000, 3 << 29, 3)
    assert told.log == "text"


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, f"collectionsync:{__version__}"),
        ({"tag": "edge"}, "collectionsync:edge"),
        ({"tag": "edge", "digest": "sha256:" + "a" * 64}, "collectionsync@sha256:" + "a" * 64),
    ],
    ids=str,
)
def test_the_operator_and_its_jobs_run_one_image(chart: Chart, image: Object, reference: str) -> None:
    container = operator_container(chart.render(image=image))
    assert container["image"] == reference
    assert f"--worker-image={reference}" in container["args"]


def test_the_operator_gives_memory_back_as_a_worker_does(chart: Chart) -> None:
    environment = {each["name"]: each["value"] for each in operator_container(chart.render())["env"]}
    assert environment == dict(malloc.SETTINGS)


def test_the_operators_resources_can_be_chosen(chart: Chart) -> None:
    memory = {"limits": {"memory": "1Gi"}, "requests": {"memory": "1Gi"}}
    container = operator_container(chart.render(resources=memory))
    assert container["resources"] == {"limits": {"memory": "1Gi"}, "requests": {"cpu": "50m", "memory": "1Gi"}}


def test_where_the_pod_runs_can_be_chosen(chart: Chart) -> None:
    chosen: Object = {
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "tolerations": [{"key": "tools", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "priorityClassName": "tools",
        "imagePullSecrets": [{"name": "registry"}],
    }
    spec = only(chart.render(**chosen), "Deployment")["spec"]["template"]["spec"]
    assert {name: spec[name] for name in chosen} == chosen
