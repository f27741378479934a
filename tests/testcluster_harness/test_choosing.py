"""Which cluster tests use."""

import pytest

from testcluster.choosing import Given, Own, choose, may_skip
from testcluster.errors import ClusterError, UnavailableError

GIVEN = {
    "KUBECONFIG": "/somewhere/kubeconfig",
    "COLLECTIONSYNC_TEST_IMAGE": "example.test/collectionsync:test",
    "COLLECTIONSYNC_TEST_HOST": "192.0.2.1",
}


def chosen(
    environment: dict[str, str], *, context: str | None = None, system: str = "Linux", is_root: bool = True
) -> Given | Own:
    return choose(environment, current_context=context, system=system, is_root=is_root)


def test_root_on_linux_gets_a_node_of_its_own() -> None:
    assert chosen({}) == Own()


def test_an_empty_kubeconfig_is_none() -> None:
    assert chosen({"KUBECONFIG": ""}) == Own()


@pytest.mark.parametrize(("system", "is_root"), [("Linux", False), ("Darwin", True)])
def test_others_have_no_cluster_unless_one_is_given(system: str, is_root: bool) -> None:
    with pytest.raises(UnavailableError, match="Linux and root"):
        chosen({}, system=system, is_root=is_root)
    context = "kind-test"
    given = chosen(GIVEN, context=context, system=system, is_root=is_root)
    assert given == Given(context, "example.test/collectionsync:test", "192.0.2.1")


@pytest.mark.parametrize("context", ["kind-kind", "k3d-mine", "minikube", "collectionsync-test"])
def test_contexts_of_test_clusters_are_used(context: str) -> None:
    assert chosen(GIVEN, context=context) == Given(context, "example.test/collectionsync:test", "192.0.2.1")


@pytest.mark.parametrize("context", ["production", "my-kind-cluster", "kind", "", None])
def test_any_other_context_is_refused_by_its_name(context: str | None) -> None:
    with pytest.raises(ClusterError, match=r"kind-, k3d-, minikube, collectionsync-test") as refused:
        chosen(GIVEN, context=context)
    assert repr(context or "") in str(refused.value)
    assert not isinstance(refused.value, UnavailableError)


@pytest.mark.parametrize("name", ["COLLECTIONSYNC_TEST_IMAGE", "COLLECTIONSYNC_TEST_HOST"])
def test_what_a_given_cluster_needs_is_asked_for(name: str) -> None:
    incomplete = {key: value for key, value in GIVEN.items() if key != name}
    with pytest.raises(ClusterError, match=f"set {name}"):
        chosen(incomplete, context="kind-kind")


def test_a_given_cluster_may_have_more() -> None:
    more = {"COLLECTIONSYNC_TEST_POSTGRES_IMAGE": "example.test/postgres:17"}
    more["COLLECTIONSYNC_TEST_NETWORK_POLICIES"] = "enforced"
    given = chosen(GIVEN | more, context="kind-kind")
    image, host = "example.test/collectionsync:test", "192.0.2.1"
    assert given == Given("kind-kind", image, host, "example.test/postgres:17", enforces_network_policies=True)


@pytest.mark.parametrize("said", ["ignored", ""])
def test_a_given_cluster_enforces_nothing_unless_it_is_said(said: str) -> None:
    given = chosen(GIVEN | {"COLLECTIONSYNC_TEST_NETWORK_POLICIES": said}, context="kind-kind")
    assert isinstance(given, Given)
    assert not given.enforces_network_policies


@pytest.mark.parametrize(("environment", "may"), [({}, True), ({"CI": "false"}, True), ({"CI": "true"}, False)])
def test_continuous_integration_never_skips(environment: dict[str, str], may: bool) -> None:
    assert may_skip(environment) is may
