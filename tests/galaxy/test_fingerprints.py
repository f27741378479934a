"""Fingerprints of versions: they change with what a list says, with nothing else, and never by accident."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.galaxy.elements import read_versions
from collectionsync.galaxy.listing import VersionItem
from galaxy.wire import connected
from testgalaxy import Catalog, TestGalaxy, small_version

ITEM = {"version": "1.0.0", "updated_at": "2026-08-01T12:00:00Z", "requires_ansible": ">=2.15", "marks": ["a", "b"]}
SUMMARY = {
    **ITEM,
    "namespace": {"name": "acme"},
    "name": "tools",
    "artifact": {"sha256": "aa", "size": 1},
    "signatures": [{"signature": "one"}, {"signature": "two"}],
}


def listed(**members: object) -> str:
    return msgspec.convert({**ITEM, **members}, VersionItem).listed().fingerprint


def summarised(**members: object) -> str:
    (found,) = read_versions([json.dumps([{**SUMMARY, **members}]).encode()], odd=pytest.fail)
    return found.fingerprint


@pytest.mark.parametrize(
    "members",
    [{"version": "1.0.1"}, {"updated_at": "2026-08-02T12:00:00Z"}, {"requires_ansible": ">=2.16"}, {"marks": ["a"]}],
    ids=lambda members: next(iter(members)),
)
@pytest.mark.parametrize("fingerprint", [listed, summarised])
def test_they_change_with_what_is_said_of_the_version(
    fingerprint: Callable[..., str], members: dict[str, object]
) -> None:
    assert fingerprint(**members) != fingerprint()


@pytest.mark.parametrize(
    "members",
    [
        {"artifact": {"sha256": "bb", "size": 1}},
        {"signatures": [{"signature": "one"}]},
        {"signatures": [{"signature": "one"}, {"signature": "three"}]},
        {"signatures": []},
    ],
    ids=["another artifact", "one signature less", "another signature", "none"],
)
def test_in_the_list_of_everything_they_change_with_artifact_and_signatures(members: dict[str, object]) -> None:
    assert summarised(**members) != summarised()


@pytest.mark.parametrize(
    "members",
    [
        {"marks": ["b", "a"]},
        {"marks": ["a", "b", "a"]},
        {"href": "/elsewhere/"},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"download_url": "https://elsewhere.example/x.tar.gz"},
    ],
    ids=["order of marks", "marks twice", "href", "created_at", "download_url"],
)
@pytest.mark.parametrize("fingerprint", [listed, summarised])
def test_they_stay_where_the_version_does(fingerprint: Callable[..., str], members: dict[str, object]) -> None:
    assert fingerprint(**members) == fingerprint()


def test_the_order_of_signatures_makes_no_difference() -> None:
    assert summarised(signatures=[{"signature": "two"}, {"signature": "one"}]) == summarised()


@pytest.mark.parametrize("member", ["updated_at", "requires_ansible", "marks"])
def test_null_is_the_same_as_nothing_at_all(member: str) -> None:
    without = {key: value for key, value in ITEM.items() if key != member}
    assert msgspec.convert(without, VersionItem).listed().fingerprint == listed(**{member: None})


@pytest.mark.parametrize("member", ["updated_at", "requires_ansible"])
def test_null_is_the_same_as_an_empty_string(member: str) -> None:
    assert listed(**{member: None}) == listed(**{member: ""})


@pytest.mark.parametrize("odd", [5, 1.5, True, [1], {"x": None}, "x"])
@pytest.mark.parametrize("member", ["updated_at", "requires_ansible", "marks"])
def test_members_of_another_kind_than_usual_harm_nothing(member: str, odd: object) -> None:
    assert len(listed(**{member: odd})) == 64


def test_the_two_kinds_of_list_never_give_the_same() -> None:
    assert listed() != summarised(artifact=None, signatures=None)


texts = st.text(max_size=4)
said = st.tuples(texts, texts, texts, st.frozensets(texts, max_size=3))


@given(said, said)
def test_only_the_same_gives_the_same(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    def fingerprint(version: object, updated_at: object, requires_ansible: object, marks: object) -> str:
        given = list(marks) if isinstance(marks, frozenset) else []
        return listed(version=version, updated_at=updated_at, requires_ansible=requires_ansible, marks=given)

    assert (fingerprint(*one) == fingerprint(*other)) is (one == other)


async def test_marks_are_part_of_the_listing() -> None:
    catalog = Catalog([small_version("acme.tools", "1.0.0")])
    catalog.mark("acme", "tools", "1.0.0", "tested")
    catalog.mark("acme", "tools", "1.0.0", "approved")
    async with TestGalaxy(catalog) as galaxy, connected(galaxy.url) as client:
        (version,) = (await client.versions("acme", "tools")).versions
    assert version.marks == ("approved", "tested")


async def test_a_mark_changes_the_fingerprint_on_a_server_and_taken_away_gives_the_old_one() -> None:
    catalog = Catalog([small_version("acme.tools", "1.0.0")])
    async with TestGalaxy(catalog) as galaxy, connected(galaxy.url) as client:
        before = await client.versions("acme", "tools")
        catalog.mark("acme", "tools", "1.0.0", "tested")
        marked = await client.versions("acme", "tools")
        catalog.unmark("acme", "tools", "1.0.0", "tested")
        after = await client.versions("acme", "tools")
    assert before.versions[0].fingerprint != marked.versions[0].fingerprint
    assert before == after


async def test_a_signature_that_comes_later_changes_nothing_in_a_paged_list() -> None:
    catalog = Catalog([small_version("acme.tools", "1.0.0")])
    async with TestGalaxy(catalog) as galaxy, connected(galaxy.url) as client:
        before = await client.versions("acme", "tools")
        catalog.sign("acme", "tools", "1.0.0")
        assert await client.versions("acme", "tools") == before
