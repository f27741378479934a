"""Artifacts as clients ask for them: whole, in part, only if they have changed, or not at all."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from artifacts.content import PIECE_BYTES, blob
from collectionsync.artifacts.store import ArtifactStore
from server.artifact_serving import FILENAME, LAST_MODIFIED, Served, artifact_of, serving
from server.wire import connected, request

CONTENT = blob(2 * PIECE_BYTES + 1000)
SIZE = CONTENT.size
ETAG = f'"{CONTENT.sha256}"'
BEFORE = "Wed, 25 Nov 2026 12:34:55 GMT"
AFTER = "Wed, 25 Nov 2026 12:34:57 GMT"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ArtifactStore]:
    async with ArtifactStore.open(tmp_path.as_uri(), {}) as opened:
        await opened.put(CONTENT.sha256, CONTENT.pieces, CONTENT.size)
        yield opened


@pytest.fixture
async def served(store: ArtifactStore) -> AsyncIterator[Served]:
    async with serving(artifact_of(CONTENT), store) as started:
        yield started


async def test_an_artifact_comes_whole_with_all_that_clients_and_caches_need(served: Served) -> None:
    reply = await served.get()
    assert (reply.status, reply.body) == (200, CONTENT.data)
    told = {name: text for name, text in reply.headers.items() if name != "date"}
    assert told == {
        "content-type": "application/gzip",
        "content-length": str(SIZE),
        "content-disposition": f'attachment; filename="{FILENAME}"',
        "etag": ETAG,
        "last-modified": LAST_MODIFIED,
        "accept-ranges": "bytes",
        "cache-control": "public, max-age=0, must-revalidate",
        "server": "collectionsync",
    }


async def test_no_shared_cache_keeps_what_is_not_for_everybody(store: ArtifactStore) -> None:
    async with serving(artifact_of(CONTENT), store, private=True) as served:
        assert (await served.get()).headers["cache-control"] == "private, max-age=0, must-revalidate"


async def test_a_name_that_no_header_can_hold_is_left_out(store: ArtifactStore) -> None:
    async with serving(artifact_of(CONTENT, 'a"b\r\nSet-Cookie: c.tar.gz'), store) as served:
        reply = await served.get()
    assert reply.headers["content-disposition"] == "attachment"
    assert "set-cookie" not in reply.headers


async def test_all_bytes_that_are_sent_are_told_of(served: Served) -> None:
    await served.get()
    await served.get("Range: bytes=0-9")
    assert sum(served.sent) == SIZE + 10


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=-100", SIZE - 100, SIZE - 1),
        (f"bytes=10-{SIZE + 5}", 10, SIZE - 1),
        (f"bytes=-{SIZE + 5}", 0, SIZE - 1),
        ("bytes=0-", 0, SIZE - 1),
        ("BYTES= 5-9 ", 5, 9),
        (f"bytes=0-{'9' * 5000}", 0, SIZE - 1),
    ],
)
async def test_a_part_comes_as_it_was_asked_for(served: Served, asked: str, first: int, last: int) -> None:
    reply = await served.get(f"Range: {asked}")
    assert reply.status == 206
    assert reply.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert reply.headers["etag"] == ETAG
    assert reply.body == CONTENT.data[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-5", "bytes=-", "bytes=a-b", "bytes", "lines=1-2", ""])
async def test_what_is_no_single_range_gives_all(served: Served, asked: str) -> None:
    reply = await served.get(f"Range: {asked}")
    assert (reply.status, reply.body) == (200, CONTENT.data)
    assert "content-range" not in reply.headers


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 9}", "bytes=-0", f"bytes={'9' * 5000}-"])
async def test_where_there_is_nothing_the_size_is_told(served: Served, asked: str) -> None:
    reply = await served.get(f"Range: {asked}")
    assert reply.status == 416
    assert reply.headers["content-range"] == f"bytes */{SIZE}"
    assert str(SIZE) in reply.detail


@pytest.mark.parametrize("condition", [ETAG, LAST_MODIFIED])
async def test_a_part_of_the_same_artifact_comes(served: Served, condition: str) -> None:
    reply = await served.get("Range: bytes=5-9", f"If-Range: {condition}")
    assert (reply.status, reply.body) == (206, CONTENT.data[5:10])


@pytest.mark.parametrize("condition", ['"other"', f"W/{ETAG}", BEFORE, AFTER, "nonsense", CONTENT.sha256])
async def test_no_part_is_added_to_that_of_another_artifact(served: Served, condition: str) -> None:
    reply = await served.get("Range: bytes=5-9", f"If-Range: {condition}")
    assert (reply.status, reply.body) == (200, CONTENT.data)


@pytest.mark.parametrize(
    "conditions",
    [
        (f"If-None-Match: {ETAG}",),
        (f"If-None-Match: W/{ETAG}",),
        (f'If-None-Match: "other", {ETAG}',),
        ("If-None-Match: *",),
        (f"If-Modified-Since: {LAST_MODIFIED}",),
        (f"If-Modified-Since: {AFTER}",),
        (f"If-None-Match: {ETAG}", f"If-Modified-Since: {BEFORE}"),
        (f"If-None-Match: {ETAG}", "Range: bytes=0-4"),
        (f"If-Match: {ETAG}", f"If-None-Match: {ETAG}"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_has_it_already_gets_no_more(served: Served, conditions: tuple[str, ...], method: str) -> None:
    reply = await served.get(*conditions, method=method)
    assert (reply.status, reply.body) == (304, b"")
    assert reply.headers["etag"] == ETAG
    assert reply.headers["last-modified"] == LAST_MODIFIED
    assert reply.headers["cache-control"] == "public, max-age=0, must-revalidate"
    assert served.sent == []


@pytest.mark.parametrize(
    "conditions",
    [
        ('If-None-Match: "other"',),
        ('If-None-Match: "other"', f"If-Modified-Since: {AFTER}"),
        ("If-None-Match: nonsense",),
        (f"If-Modified-Since: {BEFORE}",),
        ("If-Modified-Since: nonsense",),
        (f"If-Match: {ETAG}",),
        ("If-Match: *",),
        (f"If-Unmodified-Since: {LAST_MODIFIED}",),
        (f"If-Match: {ETAG}", f"If-Unmodified-Since: {BEFORE}"),
    ],
)
async def test_who_has_something_else_gets_it(served: Served, conditions: tuple[str, ...]) -> None:
    reply = await served.get(*conditions)
    assert (reply.status, reply.body) == (200, CONTENT.data)


@pytest.mark.parametrize(
    "condition", ['If-Match: "other"', f"If-Match: W/{ETAG}", f"If-Unmodified-Since: {BEFORE}", "If-Match: nonsense"]
)
async def test_who_wants_nothing_else_gets_nothing(served: Served, condition: str) -> None:
    reply = await served.get(condition)
    assert reply.status == 412
    assert "without conditions" in reply.detail


@pytest.mark.parametrize("headers", [(), ("Range: bytes=5-9",)])
async def test_a_head_tells_of_the_whole(served: Served, headers: tuple[str, ...]) -> None:
    reply = await served.get(*headers, method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == str(SIZE)
    assert reply.headers["etag"] == ETAG
    assert reply.headers["accept-ranges"] == "bytes"
    assert served.sent == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_artifact_that_is_not_stored_is_not_found(store: ArtifactStore, method: str) -> None:
    async with serving(artifact_of(blob(10)), store) as served:
        reply = await served.get(method=method)
    assert reply.status == 404
    if method == "GET":
        assert FILENAME in reply.detail
        assert "contentPolicy: Full" in reply.detail


async def test_a_part_of_what_is_not_stored_is_not_found(store: ArtifactStore) -> None:
    async with serving(artifact_of(blob(10)), store) as served:
        assert (await served.get("Range: bytes=-5")).status == 404
        assert (await served.get("Range: bytes=-0")).status == 404


async def test_a_server_without_a_store_has_no_artifacts() -> None:
    async with serving(artifact_of(CONTENT), None) as served:
        reply = await served.get()
    assert reply.status == 404
    assert "without an object store" in reply.detail


async def test_a_connection_serves_one_after_the_other(served: Served) -> None:
    async with connected(served.port) as wire:
        for headers in ((), ("Range: bytes=0-9",), (f"If-None-Match: {ETAG}",), ("Range: bytes=-0",), ()):
            await wire.send(request("/artifact", *headers))
            last = await wire.reply()
    assert last is not None
    assert hashlib.sha256(last.body).hexdigest() == CONTENT.sha256
