"""What readers see: the old mirror until the new one is whole, and nothing that was ever published taken away."""

import hashlib

import pytest

from collectionsync.report import Result
from serving import Serve, hold_after
from syncing import manifest, names, published, rows, running, stored_versions, sync, until
from testgalaxy import Catalog, small_catalog, small_version

pytestmark = pytest.mark.slow


def tools(count: int = 3) -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(count)]})


async def test_a_version_that_is_gone_from_the_source_stays(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    before = names(galaxy.catalog)
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    galaxy.catalog.remove("acme", "tools", "1.1.0")
    ended = await sync(document, database)
    assert (ended.result, ended.report.versions.removed) == (Result.NO_CHANGE, 0)
    assert await published(database) == before


async def test_a_collection_that_is_gone_from_the_source_stays(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    before = names(galaxy.catalog)
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    galaxy.catalog.remove("acme", "tools")
    ended = await sync(document, database)
    assert ended.skipped == {"acme.tools *": "NotFound"}
    assert await published(database) == before


async def test_versions_that_are_no_longer_asked_for_stay(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools:1.0.0"), database)
    await sync(manifest(galaxy.url, "acme.tools:1.2.0"), database)
    assert await published(database) == ["acme.tools 1.0.0", "acme.tools 1.2.0"]


async def test_a_version_that_is_new_at_the_source_is_added(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    galaxy.catalog.add(small_version("acme.tools", "2.0.0"))
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert (ended.report.versions.created, ended.report.versions.unchanged) == (1, 3)
    assert await published(database) == names(galaxy.catalog)


async def test_readers_see_the_old_mirror_until_the_new_one_is_whole(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    before = names(galaxy.catalog)
    for minor in range(10):
        galaxy.catalog.add(small_version("acme.tools", f"2.{minor}.0"))
    held = hold_after(galaxy, 5)
    async with running(document, database) as run:
        await until_stored(database, 3 + 5)
        assert await published(database) == before
        held.release()
        await run
    assert await published(database) == names(galaxy.catalog)


async def until_stored(database: str, count: int) -> None:
    async def stored() -> bool:
        return await stored_versions(database) == count

    await until(stored, f"the storing of {count} versions")


async def test_a_publication_has_a_number_and_a_revision(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools")
    first = await sync(document, database)
    galaxy.catalog.add(small_version("acme.tools", "2.0.0"))
    second = await sync(document, database)
    assert await rows(database, "SELECT number, revision FROM repository_version ORDER BY number") == [
        (1, first.report.revision),
        (2, second.report.revision),
    ]


async def test_a_run_that_changes_nothing_publishes_nothing(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools")
    first = await sync(document, database)
    second = await sync(document, database)
    assert (second.result, second.report.revision) == (Result.NO_CHANGE, first.report.revision)
    assert await rows(database, "SELECT number FROM repository_version") == [(1,)]


async def test_the_revision_is_the_digest_of_what_is_published(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.b": ["1.0.0"], "acme.a": ["1.10.0", "1.9.0"]}))
    ended = await sync(manifest(galaxy.url, "acme.a", "acme.b"), database)
    assert ended.report.revision == revision_of(galaxy.catalog)


def revision_of(catalog: Catalog) -> str:
    lines = sorted((version.collection, version.version, version.sha256) for version in catalog)
    return hashlib.sha256("".join(f"{' '.join(line)}\n" for line in lines).encode()).hexdigest()
