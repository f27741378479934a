"""Lists that lie, shift, or hold what no honest server has."""

import re

import pytest

from collectionsync.report import ExitCode, Result
from serving import Serve, fetched
from syncing import manifest, names, published, rows, sync
from testgalaxy import Catalog, Fault, contentfaults, kind, small_catalog, small_version
from testgalaxy.contentfaults import HOSTILE_VERSIONS, hostile_versions
from testgalaxy.faults import Action
from testgalaxy.wirefaults import body, endless

pytestmark = pytest.mark.slow

# What the client asks for, and nothing else: no version of a hostile list has a form that this lets pass.
HONEST = re.compile(r"(/[a-z0-9_]+)*/(\?limit=\d+&offset=\d+)?|.*/versions/\d+\.\d+\.\d+(\+build)?/(docs-blob/)?")
# The only one of the hostile versions that is a version. The source lists it and does not have it.
SEMANTIC = "1.0.0+build"


# Two pages, newest first. The second begins within what is asked for, and few versions have to be fetched.
PAGES = "acme.tools:<1.35.0"


def tools(count: int = 130) -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(count)]})


def asked_for(catalog: Catalog) -> list[str]:
    """The versions of PAGES."""
    return names(version for version in catalog if int(version.version.split(".")[1]) < 35)


async def test_a_list_of_several_pages_is_read_to_its_end(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, PAGES), database)
    assert await published(database) == asked_for(galaxy.catalog)


async def test_hostile_versions_in_a_list_never_reach_a_url(serve: Serve, database: str) -> None:
    galaxy = await serve(tools(3))
    galaxy.faults.add(Fault(kind("versions"), hostile_versions()))
    await sync(manifest(galaxy.url, "acme.tools"), database)
    assert [request.path for request in galaxy.requests if not HONEST.fullmatch(request.path)] == []
    assert fetched(galaxy) == {*names(galaxy.catalog), f"acme.tools {SEMANTIC}"}


async def test_hostile_versions_in_a_list_are_skipped_and_the_rest_is_published(serve: Serve, database: str) -> None:
    galaxy = await serve(tools(3))
    galaxy.faults.add(Fault(kind("versions"), hostile_versions()))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.code, ended.result) == (ExitCode.OK, Result.PARTIAL)
    assert ended.report.versions.skipped == len(HOSTILE_VERSIONS)
    assert sorted(set(ended.skipped.values())) == ["InvalidVersion", "NotFound"]
    assert await published(database) == names(galaxy.catalog)


async def test_hostile_versions_are_kept_for_people_without_what_a_terminal_would_obey(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(tools(1))
    galaxy.faults.add(Fault(kind("versions"), hostile_versions(["1.0.0\x1b[2J", "1.0.0\u0000", "9" * 10_000])))
    await sync(manifest(galaxy.url, "acme.tools"), database)
    kept = [version for (version,) in await rows(database, "SELECT version FROM sync_item")]
    assert len(kept) == 3
    assert all(version.isprintable() and len(version) <= 500 for version in kept)


async def test_hostile_versions_fail_a_run_whose_policy_that_is(serve: Serve, database: str) -> None:
    galaxy = await serve(tools(3))
    galaxy.faults.add(Fault(kind("versions"), hostile_versions(["../../etc"])))
    ended = await sync(manifest(galaxy.url, "acme.tools", onError="Fail"), database)
    assert (ended.code, ended.outcome.reason) == (ExitCode.CONTENT, "InvalidVersion")
    assert await published(database) == []


async def test_a_version_with_build_metadata_is_mirrored(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0+build.5", "1.0.0-rc.1"]}))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.tools 1.0.0+build.5", "acme.tools 1.0.0-rc.1"]


async def test_a_version_that_is_added_while_the_list_is_read_loses_none(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    add = contentfaults.afterwards(lambda: galaxy.catalog.add(small_version("acme.tools", "1.0.1")))
    galaxy.faults.add(Fault(kind("versions"), add, times=1))
    ended = await sync(manifest(galaxy.url, PAGES), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == asked_for(galaxy.catalog)


async def test_a_version_that_is_removed_while_the_list_is_read_hides_none(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    remove = contentfaults.afterwards(lambda: galaxy.catalog.remove("acme", "tools", "1.129.0"))
    galaxy.faults.add(Fault(kind("versions"), remove, times=1))
    ended = await sync(manifest(galaxy.url, PAGES), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == asked_for(galaxy.catalog)


@pytest.mark.parametrize(
    "action",
    [
        contentfaults.without_links(),
        contentfaults.next_is(None),
        contentfaults.absolute_next(),
        contentfaults.duplicates(),
    ],
    ids=["no links", "a last page too early", "absolute links", "repeated items"],
)
async def test_lists_of_other_servers_are_read_to_their_end(serve: Serve, database: str, action: Action) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind("versions"), action))
    ended = await sync(manifest(galaxy.url, PAGES), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == asked_for(galaxy.catalog)


@pytest.mark.parametrize(
    "action",
    [contentfaults.wrong_count(5), contentfaults.next_is("{path}")],
    ids=["counts too much", "leads back to itself"],
)
async def test_a_list_that_never_adds_up_is_told_and_what_it_has_is_mirrored(
    serve: Serve, database: str, action: Action
) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind("versions"), action))
    ended = await sync(manifest(galaxy.url, PAGES), database)
    assert (ended.result, ended.skipped) == (Result.PARTIAL, {"acme.tools <1.35.0": "IncompleteListing"})
    assert set(await published(database)) <= set(asked_for(galaxy.catalog))


async def test_a_list_that_goes_on_at_another_host_is_not_followed_there(serve: Serve, database: str) -> None:
    galaxy, elsewhere = await serve(tools()), await serve(tools())
    galaxy.faults.add(Fault(kind("versions"), contentfaults.next_is(f"{elsewhere.origin}/versions/")))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.skipped == {"acme.tools *": "InvalidLink"}
    assert len(elsewhere.requests) == 0


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (body(b"<html>no list</html>"), "InvalidJSON"),
        (body(b'{"data":[{"version":5}]}'), "InvalidJSON"),
        (body(b'{"data":[{"version":"\\ud800"}]}'), "InvalidJSON"),
        (endless(b'{"data":["'), "TooLarge"),
    ],
    ids=["html", "no text", "no unicode", "endless"],
)
async def test_a_list_that_is_none_costs_its_collection_and_no_other(
    serve: Serve, database: str, action: Action, reason: str
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"], "acme.more": ["1.0.0"]}))
    galaxy.faults.add(Fault("/acme/tools/versions/?", action))
    ended = await sync(manifest(galaxy.url, "acme.tools", "acme.more"), database)
    assert ended.skipped == {"acme.tools *": reason}
    assert await published(database) == ["acme.more 1.0.0"]
