"""Bodies over the wire: bounded in every way, decoded, and exactly the bytes that were sent."""

import asyncio
import gzip

import pytest
from yarl import URL

from collectionsync.galaxy.body import CHUNK_BYTES
from collectionsync.galaxy.errors import ContentError
from galaxy.wire import JSON_HEAD, LIMIT, Collected, Recorder, answered, scripted, sockets_to, transport_to, until
from testgalaxy import Fault, TestGalaxy, kind, small_catalog, wirefaults
from testgalaxy.faults import Action, on_wire

DOCS = "v3/plugin/ansible/content/lab/collections/index/acme/tools/versions/1.0.0/docs-blob/"
MEBIBYTE = 1 << 20


async def bring(galaxy: TestGalaxy, sink: Collected, watcher: Recorder, limit: int = LIMIT) -> None:
    async with transport_to(galaxy.url, observer=watcher) as transport:
        await transport.get("docs-blob", URL(galaxy.url + DOCS), sink, limit=limit)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 5 * MEBIBYTE + 1])
@pytest.mark.parametrize("way", ["plain", "chunked", "gzip"])
async def test_a_body_comes_as_it_is_in_chunks_of_bounded_size(watcher: Recorder, size: int, way: str) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]})) as galaxy:
        galaxy.faults.add(Fault(kind("docs"), wirefaults.body(body)))
        if way != "plain":
            galaxy.faults.add(Fault(kind("docs"), wirefaults.chunked() if way == "chunked" else wirefaults.gzipped()))
        sink = Collected()
        await bring(galaxy, sink, watcher, limit=size)
        # What is empty is not packed by the server.
        announced = way == "plain" or (way == "gzip" and not size)
        assert (bytes(sink.data), sink.sizes) == (body, [size if announced else None])
        assert sink.largest <= CHUNK_BYTES
        assert watcher.bytes == galaxy.requests.bytes


async def test_gzip_in_several_members_is_one_body() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two")
    async with scripted(answered(packed, "Content-Encoding: gzip")) as server, transport_to(server.url) as transport:
        sink = Collected()
        await transport.get("detail", URL(server.url), sink, limit=LIMIT)
    assert sink.data == b"one two"


@pytest.mark.parametrize("encoding", ["identity", "", "GZIP", "x-gzip", " gzip "])
async def test_an_encoding_may_be_written_in_several_ways(encoding: str) -> None:
    body = gzip.compress(b"{}") if "gzip" in encoding.lower() else b"{}"
    answer = answered(body, f"Content-Encoding: {encoding}")
    async with scripted(answer) as server, transport_to(server.url) as transport:
        sink = Collected()
        await transport.get("detail", URL(server.url), sink, limit=LIMIT)
    assert sink.data == b"{}"


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Encoding: br"],
        ["Content-Encoding: deflate"],
        ["Content-Encoding: gzip, gzip"],
        ["Content-Encoding: gzip", "Content-Encoding: br"],
        ["Content-Encoding: " + "x" * 5000],
    ],
)
async def test_an_encoding_that_nobody_asked_for_is_refused(headers: list[str], watcher: Recorder) -> None:
    answer = answered(b"...", *headers)
    async with scripted(answer) as server, transport_to(server.url, observer=watcher) as transport:
        with pytest.raises(ContentError) as caught:
            await transport.get("detail", URL(server.url), Collected(), limit=LIMIT)
    assert (caught.value.reason, watcher.started) == ("UnknownEncoding", 1)
    assert len(str(caught.value)) < 500


async def test_garbage_that_is_labelled_gzip_is_refused(galaxy: TestGalaxy, watcher: Recorder) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.gzip_garbage()))
    with pytest.raises(ContentError) as caught:
        await bring(galaxy, Collected(), watcher)
    assert (caught.value.reason, watcher.started) == ("InvalidGzip", 1)


@pytest.mark.parametrize(
    "action",
    [
        wirefaults.oversized(64 * MEBIBYTE),
        wirefaults.endless(),
        wirefaults.gzip_bomb(256 * MEBIBYTE),
        wirefaults.endless(b"", gzip.compress(b"", mtime=0) * 3000).then(
            on_wire(lambda _, reply: reply.with_headers(Content_Encoding="gzip"))
        ),
        wirefaults.endless(b"\x1f\x8b\x08\x08\0\0\0\0\0\0", b"a very long file name").then(
            on_wire(lambda _, reply: reply.with_headers(Content_Encoding="gzip"))
        ),
    ],
    ids=["announced", "endless", "gzip bomb", "endless empty members", "endless gzip header"],
)
async def test_a_body_that_is_too_large_is_neither_read_on_nor_asked_for_again(
    galaxy: TestGalaxy, watcher: Recorder, action: Action
) -> None:
    galaxy.faults.add(Fault(kind("docs"), action))
    sink = Collected()
    with pytest.raises(ContentError) as caught:
        await bring(galaxy, sink, watcher)
    assert (caught.value.reason, watcher.started, watcher.retries) == ("TooLarge", 1, [])
    assert len(sink.data) <= LIMIT
    assert sink.largest <= CHUNK_BYTES
    assert watcher.bytes <= LIMIT + 3 * CHUNK_BYTES
    await until(lambda: not galaxy.requests.in_flight)
    assert galaxy.requests.bytes < 16 * MEBIBYTE


async def test_a_body_that_is_announced_as_too_large_never_reaches_its_sink(
    galaxy: TestGalaxy, watcher: Recorder
) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.oversized(LIMIT + 1)))
    sink = Collected()
    with pytest.raises(ContentError, match=f"announces {LIMIT + 1} bytes; {LIMIT} are allowed"):
        await bring(galaxy, sink, watcher)
    assert (sink.sizes, watcher.bytes) == ([], 0)


@pytest.mark.parametrize("gzipped", [False, True])
async def test_a_body_of_exactly_its_limit_is_allowed(galaxy: TestGalaxy, watcher: Recorder, gzipped: bool) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.oversized(LIMIT)))
    if gzipped:
        galaxy.faults.add(Fault(kind("docs"), wirefaults.gzipped()))
    sink = Collected()
    await bring(galaxy, sink, watcher)
    assert len(sink.data) == LIMIT


async def test_cancelling_in_mid_body_closes_the_connection(galaxy: TestGalaxy, watcher: Recorder) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.stall(100)))
    sink = Collected()
    async with transport_to(galaxy.url, observer=watcher) as transport:
        task = asyncio.create_task(transport.get("docs-blob", URL(galaxy.url + DOCS), sink, limit=LIMIT))
        await until(lambda: sink.data)
        assert list(sockets_to(galaxy.url))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not list(sockets_to(galaxy.url)))
        await until(lambda: not galaxy.requests.in_flight)
    assert (watcher.started, watcher.codes) == (1, ["200"])


@pytest.mark.parametrize("moment", ["before the head", "in the sink", "between two tries", "at the gate"])
async def test_whoever_watches_sees_every_request_end_also_if_it_is_cancelled(
    galaxy: TestGalaxy, watcher: Recorder, moment: str
) -> None:
    reached = asyncio.Event()

    class Waiting(Collected):
        async def begin(self, size: int | None) -> None:
            reached.set()
            await asyncio.Event().wait()

    if moment == "before the head":
        galaxy.faults.add(Fault(kind("docs"), wirefaults.hold(asyncio.Event())))
    if moment == "between two tries":
        galaxy.faults.add(Fault(kind("docs"), wirefaults.status(503, retry_after="200")))
    async with transport_to(galaxy.url, observer=watcher) as transport:
        if moment == "at the gate":
            transport._pace.hold(200)
        task = asyncio.create_task(transport.get("docs-blob", URL(galaxy.url + DOCS), Waiting(), limit=LIMIT))
        if moment == "at the gate":
            await until(lambda: transport._pace._first.locked())
        else:
            await until(lambda: reached.is_set() or galaxy.requests.in_flight or watcher.retries)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ended = {"before the head": ["error"], "in the sink": ["200"], "between two tries": ["503"], "at the gate": []}
        assert (watcher.started, watcher.codes) == (len(ended[moment]), ended[moment])
        # What the cancelled one had taken is there for others.
        transport._pace._held_until = 0
        galaxy.faults.clear()
        await transport.get("docs-blob", URL(galaxy.url + DOCS), Collected(), limit=LIMIT)


async def test_a_body_without_any_length_ends_where_the_connection_does() -> None:
    async with scripted(JSON_HEAD + b"\r\n{}") as server, transport_to(server.url) as transport:
        sink = Collected()
        await transport.get("detail", URL(server.url), sink, limit=LIMIT)
    assert (sink.sizes, bytes(sink.data)) == ([None], b"{}")
