"""With mirror: true, what the source or the resource has no more is removed; and never because a list was short."""

from typing import Any

import pytest

from collectionsync.report import Result
from serving import Serve
from syncing import manifest, names, published, rows, sync
from testgalaxy import Catalog, Fault, small_catalog, small_version
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow


def tools(count: int = 3) -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(count)], "acme.more": ["1.0.0"]})


def named(name: str, document: dict[str, Any]) -> dict[str, Any]:
    document["metadata"]["name"] = name
    return document


async def test_a_version_that_is_gone_from_the_source_is_removed(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools", "acme.more", mirror=True)
    await sync(document, database)
    galaxy.catalog.remove("acme", "tools", "1.1.0")
    ended = await sync(document, database)
    assert (ended.result, ended.report.versions.removed) == (Result.SUCCEEDED, 1)
    assert await published(database) == names(galaxy.catalog)


async def test_a_collection_that_is_gone_from_the_source_is_removed_and_told(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools", "acme.more", mirror=True)
    await sync(document, database)
    galaxy.catalog.remove("acme", "more")
    ended = await sync(document, database)
    assert (ended.result, ended.skipped) == (Result.PARTIAL, {"acme.more *": "NotFound"})
    assert await published(database) == names(galaxy.catalog)


async def test_versions_that_are_no_longer_asked_for_are_removed(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools", mirror=True), database)
    await sync(manifest(galaxy.url, "acme.tools:>=1.2.0", mirror=True), database)
    assert await published(database) == ["acme.tools 1.2.0"]


async def test_what_another_resource_wants_stays(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(named("one", manifest(galaxy.url, "acme.tools", mirror=True)), database)
    await sync(named("two", manifest(galaxy.url, "acme.tools:1.0.0", "acme.more", mirror=True)), database)
    await sync(named("one", manifest(galaxy.url, "acme.tools:1.2.0", mirror=True)), database)
    assert await published(database) == ["acme.more 1.0.0", "acme.tools 1.0.0", "acme.tools 1.2.0"]


async def test_nothing_is_removed_where_a_list_could_not_be_had(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools", "acme.more", mirror=True)
    await sync(document, database)
    before = names(galaxy.catalog)
    galaxy.catalog.remove("acme", "tools", "1.1.0")
    galaxy.faults.add(Fault("acme/more/", status(500)))
    ended = await sync(document, database)
    assert ended.report.versions.removed == 0
    assert any("nothing was removed" in warning for warning in ended.report.warnings)
    assert await published(database) == before


async def test_a_version_that_cannot_be_had_again_stays_published(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools", mirror=True, recheckInterval="1m")
    await sync(document, database)
    await rows(database, "UPDATE source_version SET checked_at = '-infinity'")
    galaxy.faults.add(Fault("versions/1.1.0/", status(410)))
    ended = await sync(document, database)
    assert ended.skipped == {"acme.tools 1.1.0": "NotFound"}
    assert "acme.tools 1.1.0" in await published(database)


@pytest.mark.parametrize("mirror", [True, False])
async def test_another_artifact_under_the_same_version_replaces_it(serve: Serve, database: str, mirror: bool) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools", mirror=mirror)
    await sync(document, database)
    galaxy.catalog.add(small_version("acme.tools", "1.1.0", tags=["another"]))
    await sync(document, database)
    found = await rows(
        database,
        "SELECT v.tags FROM repository_current c JOIN collection_version v ON v.id = c.version_id"
        " WHERE c.version = '1.1.0'",
    )
    assert found == [(["another"],)]


async def test_what_is_excluded_by_now_is_removed(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools", "acme.more", mirror=True)
    await sync(document, database)
    document["spec"]["exclude"] = [{"name": "acme.tools", "version": "1.0.0"}]
    galaxy.catalog.exclude("acme.tools", ">=1.2.0")
    ended = await sync(document, database)
    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    assert await published(database) == ["acme.more 1.0.0", "acme.tools 1.1.0"]


async def test_what_is_unsigned_is_removed_once_only_signed_versions_are_wanted(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.catalog.sign("acme", "tools", "1.1.0")
    await sync(manifest(galaxy.url, "acme.tools", mirror=True), database)
    await sync(manifest(galaxy.url, "acme.tools", mirror=True, signedOnly=True), database)
    assert await published(database) == ["acme.tools 1.1.0"]
    await sync(manifest(galaxy.url, "acme.tools", mirror=True), database)
    assert len(await published(database)) == 3


async def test_of_the_latest_the_oldest_goes_as_a_new_one_comes_with_what_it_needed(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(
        small_catalog(
            {"acme.app": ["1.0.0", "2.0.0"], "acme.lib": ["1.0.0", "2.0.0"]},
            dependencies={f"acme.app:{version}": {"acme.lib": version} for version in ("1.0.0", "2.0.0")},
        )
    )
    document = manifest(galaxy.url, "acme.app", mirror=True, latest=2)
    await sync(document, database)
    assert await published(database) == names(galaxy.catalog)
    galaxy.catalog.add(small_version("acme.app", "3.0.0"))
    await sync(document, database)
    assert await published(database) == ["acme.app 2.0.0", "acme.app 3.0.0", "acme.lib 2.0.0"]
