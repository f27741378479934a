"""What an unchanged source costs, and what is noticed when: at once where a list tells, else when it is time."""

from dataclasses import replace

import pytest

from collectionsync.report import Result
from serving import Serve, fetched
from syncing import manifest, rows, sync
from testgalaxy import Catalog, small_catalog, small_docs, small_version

pytestmark = pytest.mark.slow


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0"], "acme.other": ["1.0.0"]})


async def let_time_pass(database: str) -> None:
    """Have everything looked at longer ago than recheckInterval is by default."""
    await rows(database, "UPDATE source_version SET checked_at = checked_at - interval '8 days'")
    await rows(database, "UPDATE repository_sync SET finished_at = finished_at - interval '8 days'")


async def test_an_unchanged_part_of_a_busy_server_costs_its_lists_only(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    galaxy.catalog.add(small_version("acme.other", "2.0.0"))
    galaxy.requests.clear()
    assert (await sync(document, database)).result is Result.NO_CHANGE
    assert {request.kind for request in galaxy.requests} == {"root", "excludes", "collection", "versions", "redirect"}


async def test_an_artifact_that_was_replaced_without_a_word_is_noticed_when_it_is_time(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    before = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert before is not None
    other = small_version("acme.tools", "1.0.0", tags=["another"])
    galaxy.catalog.add(replace(other, created_at=before.created_at, updated_at=before.updated_at))
    assert (await sync(document, database)).result is Result.NO_CHANGE
    await let_time_pass(database)
    ended = await sync(document, database)
    assert (ended.report.versions.created, ended.report.versions.removed) == (1, 1)
    current = await rows(database, "SELECT sha256 FROM repository_current WHERE version = '1.0.0'")
    assert current == [(other.sha256,)]


async def test_the_list_of_everything_tells_at_once_of_an_artifact_that_was_replaced(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, all=True)
    await sync(document, database)
    before = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert before is not None
    other = small_version("acme.tools", "1.0.0", tags=["another"])
    galaxy.catalog.add(replace(other, created_at=before.created_at, updated_at=before.updated_at))
    galaxy.requests.clear()
    ended = await sync(document, database)
    assert (ended.report.versions.created, ended.report.versions.removed) == (1, 1)
    assert fetched(galaxy) == {"acme.tools 1.0.0"}


async def test_docs_that_come_later_to_a_source_that_is_otherwise_unchanged_are_filled_in_when_it_is_time(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}, docs=False))
    document = manifest(galaxy.url, all=True)
    await sync(document, database)
    before = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert before is not None
    published = galaxy.catalog.published
    galaxy.catalog.add(replace(before, docs=small_docs("acme", "tools", "1.0.0")))
    galaxy.catalog.published = published
    assert (await sync(document, database)).report.documents.created == 0
    await let_time_pass(database)
    assert (await sync(document, database)).report.documents.created == 1
    assert (await sync(document, database)).result is Result.NO_CHANGE
