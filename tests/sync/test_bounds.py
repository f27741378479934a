"""Bodies without measure: each costs its version and never the process's memory."""

import pytest

from collectionsync.report import ExitCode, Result
from collectionsync.worker.budget import MEBIBYTE
from commandline import Commands
from serving import Serve
from syncing import manifest, names, published, stored_documents, sync
from testgalaxy import Catalog, Fault, kind, small_catalog
from testgalaxy.faults import Action
from testgalaxy.wirefaults import body, endless, gzip_bomb, oversized

pytestmark = pytest.mark.slow

BAD = "acme.tools 1.3.0"
GIGANTIC = 16 * 1024 * MEBIBYTE


def tools() -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(6)]})


@pytest.mark.parametrize("address", ["/1.3.0/docs-blob/", "/1.3.0/"], ids=["docs", "detail"])
async def test_a_gzip_bomb_ends_as_an_item_error_within_the_memory_limit(
    commands: Commands, serve: Serve, database: str, address: str
) -> None:
    galaxy = await serve(tools())
    bomb = galaxy.faults.add(Fault(lambda exchange: exchange.path.endswith(address), gzip_bomb(GIGANTIC)))
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), database=database)
    assert ended.report is not None
    assert (ended.code, ended.report["result"]) == (0, "Partial"), ended.err
    assert ended.report["skipped"] == [{"name": "acme.tools", "version": "1.3.0", "reason": "TooLarge"}]
    assert ended.report["peakRssBytes"] < 64 * MEBIBYTE
    assert bomb.hits == 1
    assert await published(database) == [name for name in names(galaxy.catalog) if name != BAD]


HUGE = 60 * MEBIBYTE
DETAILS = {
    "tags": b'{"metadata":{"tags":[' + b'"x",' * (HUGE // 4) + b'"x"]}}',
    "dependencies": b'{"metadata":{"dependencies":{' + b'"a.b":"*",' * (HUGE // 10) + b'"a.b":"*"}}}',
    "a version": b'{"version":"' + b"1" * HUGE + b'"}',
    "no json": b"[" * HUGE,
}


@pytest.mark.parametrize("hostile", DETAILS)
async def test_a_detail_of_the_greatest_size_never_becomes_objects(
    commands: Commands, serve: Serve, database: str, hostile: str
) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(lambda exchange: exchange.path.endswith("/1.3.0/"), body(DETAILS[hostile])))
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), database=database)
    assert ended.report is not None
    assert (ended.code, ended.report["result"]) == (0, "Partial"), ended.err
    assert ended.report["skipped"] == [{"name": "acme.tools", "version": "1.3.0", "reason": "InvalidJSON"}]
    assert ended.report["peakRssBytes"] < 64 * MEBIBYTE


@pytest.mark.parametrize(
    "action",
    [endless(), oversized(GIGANTIC)],
    ids=["endless", "announced"],
)
async def test_docs_without_measure_cost_their_version_and_leave_nothing_of_it(
    serve: Serve, database: str, action: Action
) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("/1.3.0/docs-blob/", action))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.code, ended.result, ended.skipped) == (ExitCode.OK, Result.PARTIAL, {BAD: "TooLarge"})
    assert BAD not in {version for version, _ in await stored_documents(database)}
    assert len(await published(database)) == 5


async def test_a_size_that_is_announced_is_refused_before_it_comes(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("/1.3.0/docs-blob/", oversized(GIGANTIC)))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.skipped == {BAD: "TooLarge"}
    assert ended.report.fetched_bytes < MEBIBYTE


@pytest.mark.parametrize("where", ["root", "versions"])
async def test_what_should_be_small_and_has_no_end_is_refused(serve: Serve, database: str, where: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind(where), endless()))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.result is not Result.SUCCEEDED
    assert ended.report.fetched_bytes < 32 * MEBIBYTE
