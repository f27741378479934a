"""How many items may be missing before nothing is published."""

import pytest

from collectionsync.report import ExitCode, Result
from serving import Serve
from syncing import manifest, published, rows, stored_versions, sync
from testgalaxy import Fault, TestGalaxy, small_catalog
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow


async def broken(serve: Serve, missing: int, of: int = 10) -> TestGalaxy:
    """A galaxy of `of` versions, of which `missing` cannot be had."""
    galaxy = await serve(small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(of)]}))
    for minor in range(missing):
        galaxy.faults.add(Fault(f"versions/1.{minor}.0/", status(410)))
    return galaxy


@pytest.mark.parametrize("allowed", [2, "20%"])
async def test_as_many_as_are_allowed_are_skipped(serve: Serve, database: str, allowed: int | str) -> None:
    galaxy = await broken(serve, missing=2)
    ended = await sync(manifest(galaxy.url, "acme.tools", maxSkipped=allowed), database)
    assert (ended.code, ended.result) == (ExitCode.OK, Result.PARTIAL)
    assert len(await published(database)) == 8


@pytest.mark.parametrize("allowed", [1, "19%", 0])
async def test_more_fail_the_run_and_nothing_is_published(serve: Serve, database: str, allowed: int | str) -> None:
    galaxy = await broken(serve, missing=2)
    ended = await sync(manifest(galaxy.url, "acme.tools", maxSkipped=allowed), database)
    assert (ended.code, ended.outcome.reason) == (ExitCode.CONTENT, "TooManySkipped")
    assert f"2 of 10 items could not be had; nothing was published since spec.maxSkipped is {allowed}" == (
        ended.outcome.message
    )
    assert await published(database) == []
    assert ended.report.versions.failed == 2
    assert set(ended.skipped.values()) == {"NotFound"}


async def test_what_a_run_brought_before_it_failed_stays_for_the_next(serve: Serve, database: str) -> None:
    galaxy = await broken(serve, missing=2)
    await sync(manifest(galaxy.url, "acme.tools", maxSkipped=1), database)
    assert await stored_versions(database) == 8


async def test_the_reasons_are_in_the_database_as_well(serve: Serve, database: str) -> None:
    galaxy = await broken(serve, missing=2)
    await sync(manifest(galaxy.url, "acme.tools"), database)
    found = await rows(database, "SELECT version, reason, message FROM sync_item WHERE state = 'Failed' ORDER BY 1")
    assert [(version, reason) for version, reason, _ in found] == [("1.0.0", "NotFound"), ("1.1.0", "NotFound")]
    assert all("answered 410" in message for *_, message in found)
