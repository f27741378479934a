"""Which path leads where: words before variables, names that clash with words, and the repository at the root."""

import pytest

from collectionsync.server.routes import ROUTES, Found, Router, Scope

OWNER = ("team", "main")
ROOT = ("team", "main", "api", "v3")
PLUGIN = (*ROOT, "plugin", "ansible", "content", "main")


def found(*segments: str, default: tuple[str, str] | None = None) -> Found:
    result = Router(default).find(segments)
    assert result is not None, segments
    return result


@pytest.mark.parametrize(
    ("segments", "label"),
    [
        ((), "index"),
        (("healthz",), "health"),
        (("readyz",), "ready"),
        (("openapi.json",), "openapi"),
        (("team", "main"), "root"),
        (("team", "main", "api"), "root"),
        (ROOT, "published"),
        ((*ROOT, "collections"), "collections"),
        ((*ROOT, "collections", "ns", "n"), "collection"),
        ((*ROOT, "collections", "ns", "n", "versions"), "versions"),
        ((*ROOT, "collections", "ns", "n", "versions", "1.0.0"), "version"),
        ((*ROOT, "collections", "ns", "n", "versions", "1.0.0", "docs-blob"), "docs-blob"),
        ((*ROOT, "collections", "all"), "all-collections"),
        ((*ROOT, "collection_versions", "all"), "all-versions"),
        ((*ROOT, "namespaces"), "namespaces"),
        ((*ROOT, "namespaces", "ns"), "namespace"),
        ((*ROOT, "namespaces", "ns", "avatar"), "avatar"),
        ((*PLUGIN, "collections", "index"), "collections"),
        ((*PLUGIN, "collections", "index", "ns", "n", "versions", "1.0.0", "docs-blob"), "docs-blob"),
        ((*PLUGIN, "collections", "all-collections"), "all-collections"),
        ((*PLUGIN, "collections", "all-versions"), "all-versions"),
        ((*PLUGIN, "collections", "artifacts", "ns-n-1.0.0.tar.gz"), "artifact"),
        ((*PLUGIN, "namespaces", "ns"), "namespace"),
    ],
)
def test_each_path_has_its_label(segments: tuple[str, ...], label: str) -> None:
    assert found(*segments).route.label == label


@pytest.mark.parametrize(
    "segments",
    [
        ("team",),
        ("api",),
        ("v3",),
        (*ROOT, "excludes"),
        (*ROOT, "collections", "ns"),
        ("team", "main", "v3"),
        (*ROOT, "collections", "ns", "n", "1.0.0"),
        (*ROOT, "plugin", "ansible", "content", "main"),
    ],
)
def test_other_paths_lead_nowhere(segments: tuple[str, ...]) -> None:
    assert Router().find(segments) is None


@pytest.mark.parametrize("namespace", ["all", "index", "versions", "api", "v3", "collections", "artifacts"])
@pytest.mark.parametrize("name", ["all", "versions", "docs_blob", "namespaces"])
def test_a_collection_may_be_called_like_a_word_of_a_path(namespace: str, name: str) -> None:
    for prefix in ((*ROOT, "collections"), (*PLUGIN, "collections", "index")):
        result = found(*prefix, namespace, name)
        assert result.route.label == "collection"
        assert (result.values["namespace"], result.values["name"]) == (namespace, name)
        version = found(*prefix, namespace, name, "versions", "versions")
        assert (version.route.label, version.values["version"]) == ("version", "versions")


@pytest.mark.parametrize("owner", [("api", "v3"), ("healthz", "readyz"), ("v3", "collections"), ("api", "api")])
def test_a_repository_may_be_called_like_a_word_of_a_path(owner: tuple[str, str]) -> None:
    assert found(*owner, "api", "v3", "collections").owner == owner


def test_whose_path_it_is_and_where_its_api_begins_is_told() -> None:
    result = found(*ROOT, "collections", "ns", "n")
    assert (result.owner, result.base) == (OWNER, "/team/main/api")


def test_the_path_of_an_api_is_spelt_in_one_way() -> None:
    assert found("te am", "m+n", "api").base == "/te%20am/m%2Bn/api"


def test_a_default_repository_is_at_the_root_and_at_its_own_path() -> None:
    assert found(default=OWNER).route.label == "root"
    assert found("api", default=OWNER).base == "/api"
    assert found("api", "v3", "collections", "all", default=OWNER).owner == OWNER
    assert found(*ROOT, default=OWNER).base == "/team/main/api"
    assert found("healthz", default=OWNER).route.label == "health"


def test_what_a_repository_is_asked_is_asked_below_it_alone() -> None:
    assert {route.label for route in ROUTES if route.scope is Scope.SERVER} == {"index", "health", "ready", "openapi"}


def test_no_two_routes_have_one_path() -> None:
    paths = [(route.scope, route.path) for route in ROUTES]
    assert len(paths) == len(set(paths))
