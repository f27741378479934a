"""What the operator may do, spelt out: whoever wants more has to write it here."""

from typing import Any

import pytest

from chart.rendering import Chart, Object, identity, of, only

GROUP = "collectionsync.dev"
# API group, resource: verbs.
ALLOWED = {
    (GROUP, "collectionsyncs"): {"get", "list", "watch"},
    (GROUP, "collectionsyncs/status"): {"patch"},
    ("batch", "jobs"): {"create", "delete", "get", "list", "watch"},
    ("", "pods"): {"get", "list", "watch"},
    ("", "secrets"): {"get"},
    ("", "configmaps"): {"get", "list", "watch"},
    ("", "events"): {"create"},
}
VIEWERS = {(GROUP, "collectionsyncs"): {"get", "list", "watch"}}
EDITORS = {(GROUP, "collectionsyncs"): {"create", "delete", "deletecollection", "patch", "update"}}
AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
ROLES = ("Role", "ClusterRole")
BINDINGS = ("RoleBinding", "ClusterRoleBinding")


def granted(role: Object) -> dict[tuple[str, str], set[str]]:
    """Return what a role allows, by API group and resource."""
    found: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                assert (group, resource) not in found, "said once"
                found[group, resource] = set(rule["verbs"])
    return found


def aggregated(role: Object) -> set[str]:
    """Return the roles of Kubernetes that a role is added to."""
    return {key.removeprefix(AGGREGATE) for key in role["metadata"]["labels"] if key.startswith(AGGREGATE)}


def test_for_all_namespaces_the_operator_has_one_cluster_role(chart: Chart) -> None:
    objects = chart.render(namespace="tools", rbac={"aggregate": False})
    assert granted(only(objects, "ClusterRole")) == ALLOWED
    assert of(objects, "Role", "RoleBinding") == []


def test_the_cluster_role_is_bound_to_the_operators_account_alone(chart: Chart) -> None:
    objects = chart.render(namespace="tools", rbac={"aggregate": False})
    binding, account = only(objects, "ClusterRoleBinding"), only(objects, "ServiceAccount")
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": only(objects, "ClusterRole")["metadata"]["name"],
    }
    name = account["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "tools"}]
    assert only(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == name


def test_for_some_namespaces_it_has_a_role_in_each_and_nothing_in_the_cluster(chart: Chart) -> None:
    objects = chart.render(namespace="tools", operator={"watchNamespaces": ["team-a", "team-b"]})
    assert of(objects, "ClusterRole", "ClusterRoleBinding") == []
    assert [role["metadata"]["namespace"] for role in of(objects, "Role")] == ["team-a", "team-b"]
    for role in of(objects, "Role"):
        assert granted(role) == ALLOWED
    (account,) = of(objects, "ServiceAccount")
    subject = {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": "tools"}
    for role, binding in zip(of(objects, "Role"), of(objects, "RoleBinding"), strict=True):
        assert binding["metadata"]["namespace"] == role["metadata"]["namespace"]
        assert binding["roleRef"]["kind"] == "Role"
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert binding["subjects"] == [subject]


def test_the_definition_is_all_that_a_release_for_some_namespaces_has_in_the_cluster(chart: Chart) -> None:
    objects = chart.render(operator={"watchNamespaces": ["team-a"]})
    outside = {kind for kind, namespace, _ in map(identity, objects) if not namespace}
    assert outside == {"CustomResourceDefinition"}


def test_who_may_view_a_namespace_may_view_its_collectionsyncs_and_who_may_edit_it_may_edit_them(chart: Chart) -> None:
    viewing, editing = (role for role in of(chart.render(), "ClusterRole") if aggregated(role))
    assert granted(viewing) == VIEWERS
    assert aggregated(viewing) == {"view", "edit", "admin"}
    assert granted(editing) == EDITORS
    assert aggregated(editing) == {"edit", "admin"}


@pytest.mark.parametrize(
    ("values", "roles"),
    [
        ({}, 3),
        ({"rbac": {"create": False}}, 2),
        ({"rbac": {"aggregate": False}}, 1),
        ({"rbac": {"create": False, "aggregate": False}}, 0),
        ({"rbac": {"create": False}, "operator": {"watchNamespaces": ["team-a"]}}, 0),
    ],
    ids=str,
)
def test_roles_can_be_left_to_others(chart: Chart, values: dict[str, Any], roles: int) -> None:
    objects = chart.render(**values)
    assert len(of(objects, *ROLES)) == roles
    assert len(of(objects, *BINDINGS)) == (values.get("rbac", {}).get("create", True))


def test_an_account_of_ones_own_is_bound_and_not_created(chart: Chart) -> None:
    objects = chart.render(serviceAccount={"create": False, "name": "mirror"})
    assert of(objects, "ServiceAccount") == []
    assert only(objects, "ClusterRoleBinding")["subjects"][0]["name"] == "mirror"
    assert only(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "mirror"


def test_the_token_is_mounted_where_the_operator_is_and_nowhere_else(chart: Chart) -> None:
    objects = chart.render(serviceAccount={"name": "mirror", "annotations": {"example.com/role": "x"}})
    account = only(objects, "ServiceAccount")
    assert account["metadata"]["name"] == "mirror"
    assert account["metadata"]["annotations"] == {"example.com/role": "x"}
    assert account["automountServiceAccountToken"] is False
    assert only(objects, "Deployment")["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
