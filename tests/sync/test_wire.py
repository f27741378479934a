"""Answers that break off, come late, or are refused for a while: the run ends with exactly the right bytes."""

import pytest

from collectionsync.report import ExitCode, Result
from serving import Serve
from syncing import manifest, names, published, served_documents, stored_documents, sync, wrong_digests
from testgalaxy import Catalog, Fault, kind, small_catalog, wirefaults
from testgalaxy.faults import Action

pytestmark = pytest.mark.slow

PASSING: dict[str, Action] = {
    "429": wirefaults.status(429, retry_after="0"),
    "429 without Retry-After": wirefaults.status(429),
    "500": wirefaults.status(500),
    "502": wirefaults.status(502, b"<html>Bad Gateway</html>"),
    "503 with Retry-After": wirefaults.status(503, retry_after="0"),
    "520": wirefaults.status(520),
    "dropped": wirefaults.drop(),
    "truncated": wirefaults.truncate(50),
    "truncated before its first byte": wirefaults.truncate(0),
    "truncated in chunks": wirefaults.truncate_chunked(50),
    "stalled": wirefaults.stall(50),
    "stalled before its first byte": wirefaults.stall(0),
    "claims more than it sends": wirefaults.claim_more(10),
    "claims more and waits": wirefaults.claim_more(10, stall=True),
    "gzip that breaks off": wirefaults.gzip_truncated(),
}
# Only time tells that nothing more comes.
WAITS = {"stalled", "stalled before its first byte", "claims more and waits"}
KINDS = ("root", "versions", "detail", "docs")
HARMLESS: dict[str, Action] = {
    "gzip": wirefaults.gzipped(),
    "in chunks": wirefaults.chunked(),
    "gzip in chunks": wirefaults.gzipped().then(wirefaults.chunked()),
    "late": wirefaults.delay(0.05),
}


def tools() -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(8)]}, docs=50_000)


@pytest.mark.parametrize("fault", PASSING)
async def test_what_fails_for_a_while_ends_with_exactly_the_right_bytes(
    serve: Serve, database: str, fault: str
) -> None:
    galaxy = await serve(tools())
    times, stall_seconds = (1, 0.5) if fault in WAITS else (2, 20.0)
    suffered = [galaxy.faults.add(Fault(kind(each), PASSING[fault], times=times)) for each in KINDS]
    ended = await sync(manifest(galaxy.url, "acme.tools"), database, stall_seconds=stall_seconds)
    assert [each.hits for each in suffered] == [times] * len(KINDS)
    assert (ended.code, ended.result, ended.skipped) == (ExitCode.OK, Result.SUCCEEDED, {})
    assert await stored_documents(database) == served_documents(galaxy.catalog)
    assert await published(database) == names(galaxy.catalog)


@pytest.mark.parametrize("fault", HARMLESS)
async def test_what_is_only_sent_in_another_way_ends_with_exactly_the_right_bytes(
    serve: Serve, database: str, fault: str
) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind("root", "versions", "detail", "docs"), HARMLESS[fault]))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.result, ended.report.retries) == (Result.SUCCEEDED, 0)
    assert await stored_documents(database) == served_documents(galaxy.catalog)


async def test_a_source_that_compresses_sends_fewer_bytes_and_the_same_documents(serve: Serve, database: str) -> None:
    galaxy = await serve(tools(), gzip=True)
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert await stored_documents(database) == served_documents(galaxy.catalog)
    assert await wrong_digests(database) == 0
    assert ended.report.fetched_bytes < ended.report.documents.bytes / 2


async def test_retry_after_is_waited_for(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("/1.3.0/docs-blob/", wirefaults.status(429, retry_after="1"), times=1))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    first, second = galaxy.requests.matching("/1.3.0/docs-blob/")
    assert (first.status, second.status) == (429, 200)
    assert second.started - first.started >= 1
    assert ended.result is Result.SUCCEEDED


async def test_a_source_that_asks_for_too_long_a_wait_is_not_waited_for(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind("root"), wirefaults.status(429, retry_after="86400")))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.code, ended.outcome.reason) == (ExitCode.UNAVAILABLE, "RateLimited")


async def test_a_body_cut_short_under_an_honest_length_is_not_stored_and_comes_with_the_next_run(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("/1.3.0/docs-blob/", wirefaults.cut(10), times=1))
    document = manifest(galaxy.url, "acme.tools")
    ended = await sync(document, database)
    assert ended.skipped == {"acme.tools 1.3.0": "InvalidJSON"}
    assert (await sync(document, database)).result is Result.SUCCEEDED
    assert await stored_documents(database) == served_documents(galaxy.catalog)


async def test_a_length_that_is_too_short_spoils_no_other_answer(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("/1.3.0/docs-blob/", wirefaults.claim_less(10)))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.skipped == {"acme.tools 1.3.0": "InvalidJSON"}
    rest = [version for version in galaxy.catalog if version.version != "1.3.0"]
    assert await stored_documents(database) == served_documents(rest)


async def test_bytes_that_are_no_gzip_as_they_say_cost_their_version_and_no_other(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("/1.3.0/docs-blob/", wirefaults.gzip_garbage()))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.skipped == {"acme.tools 1.3.0": "InvalidGzip"}
    assert len(await published(database)) == 7


async def test_a_source_without_redirects_is_mirrored_as_well(serve: Serve, database: str) -> None:
    galaxy = await serve(tools(), redirects=False)
    await sync(manifest(galaxy.url, "acme.tools"), database)
    assert await stored_documents(database) == served_documents(galaxy.catalog)


async def test_redirects_of_old_paths_are_asked_for_once_per_collection(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools"), database)
    assert galaxy.requests.count("redirect") == 1
