"""Everything that a source has: by one list, or page by page; and nothing at all where nothing has changed."""

import pytest

from collectionsync.report import Result
from serving import Serve, fetched
from syncing import manifest, names, published, rows, sync
from testgalaxy import Catalog, Fault, kind, small_catalog, small_version
from testgalaxy.contentfaults import afterwards
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow


def everything() -> Catalog:
    """More collections than a page of a hundred holds would be slow; three will do, with a page each of versions."""
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0"], "acme.index": ["0.1.0"], "other.more": ["1.0.0-rc.1"]})


async def test_everything_comes_by_the_unpaged_lists(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    ended = await sync(manifest(galaxy.url, all=True), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == names(galaxy.catalog)
    assert not galaxy.requests.of("versions")


async def test_everything_comes_by_pages_where_there_are_no_such_lists(serve: Serve, database: str) -> None:
    galaxy = await serve(everything(), unpaged=False)
    ended = await sync(manifest(galaxy.url, all=True), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == names(galaxy.catalog)


async def test_a_source_that_says_it_has_not_changed_is_asked_nothing_more(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    document = manifest(galaxy.url, all=True)
    first = await sync(document, database)
    galaxy.requests.clear()
    ended = await sync(document, database)
    assert ended.result is Result.NO_CHANGE
    assert {request.kind for request in galaxy.requests} <= {"root", "published", "excludes", "redirect"}
    assert ended.report.revision == first.report.revision
    assert ended.report.content is not None
    assert ended.report.content.versions == 4


async def test_a_source_that_has_changed_is_asked_for_what_is_new(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    document = manifest(galaxy.url, all=True)
    await sync(document, database)
    galaxy.catalog.add(small_version("acme.tools", "2.0.0"))
    galaxy.requests.clear()
    ended = await sync(document, database)
    assert ended.report.versions.created == 1
    assert fetched(galaxy) == {"acme.tools 2.0.0"}
    assert await published(database) == names(galaxy.catalog)


async def test_another_plan_is_carried_out_although_the_source_is_unchanged(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    await sync(manifest(galaxy.url, all=True, exclude=[{"name": "acme.tools"}]), database)
    ended = await sync(manifest(galaxy.url, all=True), database)
    assert ended.report.versions.created == 2
    assert await published(database) == names(galaxy.catalog)


async def test_what_was_skipped_is_tried_again_although_the_source_is_unchanged(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    fault = galaxy.faults.add(Fault("versions/1.1.0/", status(410)))
    document = manifest(galaxy.url, all=True)
    assert (await sync(document, database)).result is Result.PARTIAL
    galaxy.faults.remove(fault)
    assert (await sync(document, database)).result is Result.SUCCEEDED
    assert await published(database) == names(galaxy.catalog)


async def test_an_exclusion_holds_for_everything(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    await sync(manifest(galaxy.url, all=True, exclude=[{"name": "acme.tools", "version": "<1.1"}]), database)
    assert await published(database) == ["acme.index 0.1.0", "acme.tools 1.1.0", "other.more 1.0.0-rc.1"]
    assert "acme.tools 1.0.0" not in fetched(galaxy)


async def test_the_latest_of_everything_are_chosen_by_collection(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    await sync(manifest(galaxy.url, all=True, latest=1), database)
    assert await published(database) == ["acme.index 0.1.0", "acme.tools 1.1.0", "other.more 1.0.0-rc.1"]


async def test_a_mirror_of_everything_removes_what_is_gone(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    document = manifest(galaxy.url, all=True, mirror=True)
    await sync(document, database)
    galaxy.catalog.remove("other", "more")
    ended = await sync(document, database)
    assert (ended.result, ended.report.versions.removed) == (Result.SUCCEEDED, 1)
    assert await published(database) == names(galaxy.catalog)


async def test_a_list_that_breaks_off_fails_the_run_and_removes_nothing(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    document = manifest(galaxy.url, all=True, mirror=True)
    await sync(document, database)
    before = names(galaxy.catalog)
    galaxy.catalog.remove("other", "more")
    galaxy.faults.add(Fault(kind("all-versions"), status(500)))
    ended = await sync(document, database)
    assert ended.result is Result.FAILED
    assert await published(database) == before


async def test_an_empty_source_is_mirrored_as_it_is(serve: Serve, database: str) -> None:
    galaxy = await serve(Catalog())
    assert (await sync(manifest(galaxy.url, all=True), database)).result is Result.NO_CHANGE
    assert await rows(database, "SELECT FROM repository_content") == []


async def test_what_changes_while_the_lists_are_read_is_there_by_the_next_run(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())

    def change() -> None:
        galaxy.catalog.remove("acme", "tools", "1.1.0")
        galaxy.catalog.add(small_version("acme.later", "1.0.0"))

    galaxy.faults.add(Fault(kind("all-versions"), afterwards(change), times=1))
    document = manifest(galaxy.url, all=True, mirror=True)
    first = await sync(document, database)
    assert (first.result, first.skipped) == (Result.PARTIAL, {"acme.tools 1.1.0": "NotFound"})
    assert (await sync(document, database)).result is Result.SUCCEEDED
    assert await published(database) == names(galaxy.catalog)
    assert (await sync(document, database)).result is Result.NO_CHANGE


async def test_a_collection_that_comes_between_the_two_lists_is_mirrored(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    add = afterwards(lambda: galaxy.catalog.add(small_version("acme.later", "1.0.0")))
    galaxy.faults.add(Fault(kind("all-collections"), add, times=1))
    ended = await sync(manifest(galaxy.url, all=True, mirror=True), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == names(galaxy.catalog)


async def test_a_mirror_of_a_source_that_has_not_changed_stays_as_it_is(serve: Serve, database: str) -> None:
    galaxy = await serve(everything())
    document = manifest(galaxy.url, all=True, mirror=True)
    await sync(document, database)
    ended = await sync(document, database)
    assert (ended.result, ended.report.versions.removed) == (Result.NO_CHANGE, 0)
    assert await published(database) == names(galaxy.catalog)
