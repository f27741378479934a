"""What a version or a collection that cannot be had means for the run."""

import pytest

from collectionsync.report import ExitCode, Result
from serving import Serve, fetched
from syncing import manifest, names, published, rows, source, stored_versions, sync, value
from testgalaxy import Catalog, Fault, small_catalog
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow


def tools(count: int = 6) -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(count)]})


async def test_a_collection_that_the_source_lacks_is_skipped(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await sync(manifest(galaxy.url, "acme.tools", "acme.missing:>=1.0.0"), database)
    assert (ended.code, ended.result) == (ExitCode.OK, Result.PARTIAL)
    assert ended.skipped == {"acme.missing >=1.0.0": "NotFound"}
    assert ended.report.versions.skipped == 1
    assert await published(database) == names(galaxy.catalog)


async def test_a_range_that_nothing_matches_is_skipped(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await sync(manifest(galaxy.url, "acme.tools:>=2.0.0"), database)
    assert (ended.code, ended.result) == (ExitCode.OK, Result.PARTIAL)
    assert ended.skipped == {"acme.tools >=2.0.0": "NoMatchingVersion"}
    assert not fetched(galaxy)


async def test_only_what_the_range_matches_is_fetched(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await sync(manifest(galaxy.url, "acme.tools:>=1.2.0,<1.4.0"), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.tools 1.2.0", "acme.tools 1.3.0"]
    assert fetched(galaxy) == {"acme.tools 1.2.0", "acme.tools 1.3.0"}


async def test_a_version_that_always_fails_is_skipped_and_the_rest_is_published(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("versions/1.3.0/", status(500)))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.code, ended.result) == (ExitCode.OK, Result.PARTIAL)
    assert ended.skipped == {"acme.tools 1.3.0": "SourceUnavailable"}
    assert await published(database) == [name for name in names(galaxy.catalog) if name != "acme.tools 1.3.0"]


async def test_a_version_that_failed_comes_with_a_later_run(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    fault = galaxy.faults.add(Fault("versions/1.3.0/", status(500)))
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    galaxy.faults.remove(fault)
    galaxy.requests.clear()
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert fetched(galaxy) == {"acme.tools 1.3.0"}
    assert await published(database) == names(galaxy.catalog)


async def test_a_version_that_is_listed_and_not_there_is_skipped(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("versions/1.3.0/", status(404)))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.skipped == {"acme.tools 1.3.0": "NotFound"}


async def test_on_error_fail_ends_the_run_at_a_missing_collection_before_anything_is_fetched(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    ended = await sync(manifest(galaxy.url, "acme.tools", "acme.missing", onError="Fail"), database)
    assert (ended.code, ended.outcome.reason) == (ExitCode.CONTENT, "NotFound")
    assert "acme.missing" in ended.outcome.message
    assert not fetched(galaxy)


async def test_on_error_fail_publishes_nothing_of_a_run_in_which_a_version_fails(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("versions/1.3.0/", status(500)))
    ended = await sync(manifest(galaxy.url, "acme.tools", onError="Fail"), database)
    assert (ended.code, ended.result, ended.outcome.reason) == (ExitCode.CONTENT, Result.FAILED, "SourceUnavailable")
    assert "acme.tools 1.3.0" in ended.outcome.message
    assert (ended.report.versions.failed, ended.report.versions.skipped) == (1, 0)
    assert await published(database) == []


async def test_on_error_fail_keeps_what_was_stored_for_the_next_run(serve: Serve, database: str) -> None:
    galaxy = await serve(tools(40))
    fault = galaxy.faults.add(Fault("versions/1.3.0/", status(500)))
    document = manifest(galaxy.url, "acme.tools", onError="Fail")
    await sync(document, database)
    stored = await stored_versions(database)
    galaxy.faults.remove(fault)
    galaxy.requests.clear()
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert len(fetched(galaxy)) == 40 - stored
    assert await published(database) == names(galaxy.catalog)


async def test_on_error_fail_is_no_obstacle_where_nothing_fails(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await sync(manifest(galaxy.url, "acme.tools", onError="Fail"), database)
    assert ended.result is Result.SUCCEEDED


async def test_a_run_keeps_its_failures_and_forgets_what_went_well(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("versions/1.3.0/", status(500)))
    await sync(manifest(galaxy.url, "acme.tools"), database)
    assert await rows(database, "SELECT version, state, reason FROM sync_item") == [
        ("1.3.0", "Failed", "SourceUnavailable")
    ]


async def test_a_run_keeps_its_result_and_its_report(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools"), database)
    result, reported, ended = (await rows(database, "SELECT result, report ->> 'result', ended_at FROM sync_run"))[0]
    assert result == reported == "Succeeded"
    assert ended is not None


async def test_only_the_last_runs_are_kept(serve: Serve, database: str) -> None:
    galaxy = await serve(tools(1))
    for _ in range(14):
        await sync(manifest(galaxy.url, "acme.tools"), database)
    assert 0 < await value(database, "SELECT count(*) FROM sync_run") < 14


async def test_on_error_fail_ends_the_run_at_a_collection_that_a_further_source_lacks(
    serve: Serve, database: str
) -> None:
    galaxy, hub = await serve(tools()), await serve(tools())
    asked = [{"name": "acme.tools"}, {"name": "acme.missing", "source": "hub"}]
    sources = [source(hub.url, name="hub")]
    ended = await sync(manifest(galaxy.url, collections=asked, sources=sources, onError="Fail"), database)
    assert (ended.code, ended.outcome.reason) == (ExitCode.CONTENT, "NotFound")
    assert "acme.missing" in ended.outcome.message
    assert await published(database) == []
