"""What a manifest asks for, before any source is asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from collectionsync.manifest import ManifestError, load
from collectionsync.resource import Spec
from collectionsync.worker.wanted import digest, wanted

URL = "https://galaxy.example.com/api/"


def spec(**fields: Any) -> Spec:
    document = {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "metadata": {"name": "mirror"},
        "spec": {"source": {"url": URL}, **fields},
    }
    return load(json.dumps(document).encode()).spec


def identity(**fields: Any) -> str:
    asked = spec(**fields)
    return digest(asked, wanted(asked, None), store_url=None)


TOOLS = {"name": "acme.tools"}
MORE = {"name": "acme.more"}


def test_a_requirement_is_for_the_first_source_unless_it_names_another() -> None:
    hub = {"name": "hub", "url": "https://hub.example.com/api/"}
    found = wanted(spec(sources=[hub], collections=[TOOLS, {**MORE, "source": "hub"}]), None)
    assert [(want.name, want.place) for want in found.wants] == [("acme.tools", 0), ("acme.more", 1)]
    assert [place.field for place in found.places] == ["spec.source", "spec.sources[0]"]


def test_a_url_that_is_no_source_becomes_one_without_credentials() -> None:
    asked = spec(
        source={"url": URL, "secretRef": {"name": "token"}}, collections=[{**MORE, "source": "https://b.c/api"}]
    )
    found = wanted(asked, None)
    assert found.places[1].field == "spec.sources[]"
    assert found.places[1].source.secret_ref is None


def test_one_url_that_two_requirements_name_is_one_source() -> None:
    asked = spec(collections=[{**MORE, "source": "https://b.c/api"}, {**TOOLS, "source": "https://b.c/api/"}])
    assert [want.place for want in wanted(asked, None).wants] == [1, 1]


@pytest.mark.parametrize("source", [URL, URL.rstrip("/")])
def test_the_first_source_may_be_named_as_well(source: str) -> None:
    assert wanted(spec(collections=[{**MORE, "source": source}]), None).wants[0].place == 0


def test_a_name_in_a_file_that_is_no_source_is_refused_with_those_that_are(tmp_path: Path) -> None:
    hub = {"name": "hub", "url": "https://hub.example.com/api/"}
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "requirements.yml").write_text("collections: [{name: acme.more, source: hob}]")
    asked = spec(sources=[hub], requirementsFrom={"configMapKeyRef": {"name": "wanted"}})
    with pytest.raises(ManifestError, match=r"^spec\.requirementsFrom .*acme\.more.*'hob' is neither .*'hub'"):
        wanted(asked, tmp_path)


def test_a_range_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(ManifestError, match=r"^spec\.collections\[1\]\.version: "):
        wanted(spec(collections=[MORE, {**TOOLS, "version": ">>1"}]), None)
    with pytest.raises(ManifestError, match=r"^spec\.exclude\[0\]\.version: "):
        wanted(spec(collections=[MORE], exclude=[{**TOOLS, "version": ">>1"}]), None)


def test_the_spec_sets_the_latest_for_requirements_that_do_not() -> None:
    found = wanted(spec(latest=3, collections=[MORE, {**TOOLS, "latest": 1}]), None)
    assert [want.latest for want in found.wants] == [3, 1]


def test_the_order_of_what_is_asked_for_makes_no_other_plan() -> None:
    assert identity(collections=[TOOLS, MORE]) == identity(collections=[MORE, TOOLS])


@pytest.mark.parametrize(
    "change",
    [
        {"collections": [{**TOOLS, "version": ">=1"}]},
        {"collections": [{**TOOLS, "latest": 1}]},
        {"collections": [{**TOOLS, "source": "https://b.c/api/"}]},
        {"dependencies": False},
        {"signedOnly": True},
        {"mirror": True},
        {"latest": 1},
        {"prereleases": "WhenNeeded"},
        {"exclude": [MORE]},
        {"contentPolicy": "Full"},
        {"sources": [{"name": "hub", "url": "https://hub.example.com/api/"}]},
    ],
)
def test_whatever_changes_what_is_published_makes_another_plan(change: dict[str, Any]) -> None:
    assert identity(**{"collections": [TOOLS], **change}) != identity(collections=[TOOLS])
