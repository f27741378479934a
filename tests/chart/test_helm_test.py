"""What `helm test` starts, and what it may do."""

from typing import Any

import pytest

from chart.rendering import Chart, Object, only
from chart.restricted import violations
from chart.test_access import granted
from collectionsync import cli


def test_its_pod_is_started_by_the_test_alone_and_stays_until_the_next(chart: Chart) -> None:
    hooks = {each["kind"]: each["metadata"].get("annotations", {}) for each in chart.render_test()}
    assert hooks.pop("Pod") == {"helm.sh/hook": "test", "helm.sh/hook-delete-policy": "before-hook-creation"}
    assert hooks == {"ServiceAccount": {}, "Role": {}, "RoleBinding": {}}


def test_it_may_show_the_api_server_a_collectionsync_and_nothing_else(chart: Chart) -> None:
    found = chart.render_test(namespace="tools")
    assert granted(only(found, "Role")) == {("collectionsync.dev", "collectionsyncs"): {"create"}}
    account = only(found, "ServiceAccount")["metadata"]
    subject = {"kind": "ServiceAccount", "name": account["name"], "namespace": "tools"}
    assert only(found, "RoleBinding")["subjects"] == [subject]
    assert only(found, "Pod")["spec"]["serviceAccountName"] == account["name"]


def test_its_rights_can_be_left_to_others(chart: Chart) -> None:
    kinds = {each["kind"] for each in chart.render_test(rbac={"create": False})}
    assert kinds == {"ServiceAccount", "Pod"}


def test_it_fits_the_restricted_level(chart: Chart) -> None:
    pod = only(chart.render_test(), "Pod")
    assert violations(pod) == []
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_it_asks_the_operators_service_and_the_secret_that_the_operator_looks_for(chart: Chart) -> None:
    secret = {"name": "app.db", "key": "dsn"}
    values: Object = {"database": {"existingSecret": secret}}
    (container,) = only(chart.render_test(namespace="tools", **values), "Pod")["spec"]["containers"]
    told = cli._parser().parse_args(container["args"])
    service = only(chart.render(namespace="tools", **values), "Service")
    port = {each["name"]: each["port"] for each in service["spec"]["ports"]}["health"]
    assert told.health_url == f"http://{service['metadata']['name']}.tools.svc:{port}/healthz"
    assert (told.database_secret, told.database_secret_key) == ("app.db", "dsn")
    (mounted,) = container["volumeMounts"]
    assert mounted["mountPath"] == f"{told.secrets}/{told.database_secret}"


def test_it_asks_the_server_where_there_is_one_by_its_service(chart: Chart) -> None:
    def asked(**server: Any) -> str | None:
        (container,) = only(chart.render_test(server=server), "Pod")["spec"]["containers"]
        url: str | None = cli._parser().parse_args(container["args"]).ready_url
        return url

    assert asked() is None
    named = {"publicURL": "https://mirror.example.com/galaxy"}
    assert asked(enabled=True, **named) == "http://mirrors-collectionsync-server.tools.svc/readyz"
    assert asked(enabled=True, service={"port": 8000}) == "http://mirrors-collectionsync-server.tools.svc:8000/readyz"


@pytest.mark.parametrize("bundled", [False, True])
def test_the_secret_may_be_elsewhere_unless_the_release_makes_it(chart: Chart, bundled: bool) -> None:
    pod = only(chart.render_test(database={"bundled": {"enabled": bundled}}), "Pod")
    (volume,) = pod["spec"]["volumes"]
    assert volume["secret"]["optional"] is not bundled
