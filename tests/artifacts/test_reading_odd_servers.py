"""What calls itself S3 and answers oddly when it is asked for a part: nobody takes one thing for another."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from artifacts.odd_servers import Serve, answer
from collectionsync.artifacts.errors import ArtifactStoreError
from collectionsync.artifacts.store import ArtifactStore


async def test_a_part_takes_one_request(serve: Serve) -> None:
    asked: list[tuple[str, str | None]] = []

    def part(request: BaseHTTPRequestHandler) -> None:
        asked.append((request.command, request.headers.get("range")))
        answer(request, 206, b"x" * 10, content_range="bytes 5-14/1000")

    async with serve(part) as store, store.read("0" * 64, offset=5, length=10) as download:
        assert (download.size, download.offset, download.length) == (1000, 5, 10)
        assert [piece async for piece in download] == [b"x" * 10]
    assert asked == [("GET", "bytes=5-14")]


async def test_a_store_that_is_busy_at_first_is_asked_again(serve: Serve) -> None:
    asked: list[str] = []

    def busy_at_first(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        answer(request, 503 if len(asked) < 3 else 200, b"whole")

    async with serve(busy_at_first) as store, store.read("0" * 64) as download:
        assert [piece async for piece in download] == [b"whole"]


async def test_a_store_that_knows_no_parts_gives_all(serve: Serve) -> None:
    async with (
        serve(lambda request: answer(request, 200, b"whole")) as store,
        store.read("0" * 64, offset=2, length=2) as download,
    ):
        assert (download.size, download.offset, download.length) == (5, 0, 5)
        assert [piece async for piece in download] == [b"whole"]


@pytest.mark.parametrize("told", ["", "bytes */10", "bytes 5-14", "bytes 5-13/1000", "bytes 0-9/1000", "bytes 5-14/*"])
async def test_an_unclear_or_other_part_is_none(serve: Serve, told: str) -> None:
    async with serve(lambda request: answer(request, 206, b"x" * 10, content_range=told)) as store:
        with pytest.raises(ArtifactStoreError):
            async with store.read("0" * 64, offset=5, length=10):
                pass


async def test_what_announces_no_length_cannot_be_served(serve: Serve) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("connection", "close")
        request.end_headers()
        request.wfile.write(b"something")
        request.close_connection = True

    async with serve(endless) as store:
        with pytest.raises(ArtifactStoreError, match="does not say how many bytes"):
            async with store.read("0" * 64):
                pass


async def test_an_artifact_that_breaks_off_is_told_of(serve: Serve) -> None:
    def break_off(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("content-length", "1000")
        request.end_headers()
        request.wfile.write(bytes(100))
        request.close_connection = True

    async with serve(break_off) as store, store.read("0" * 64) as download:
        with pytest.raises(ArtifactStoreError, match="broke off in the middle of sha256"):
            [piece async for piece in download]


async def test_who_leaves_a_silent_store_does_not_wait_for_it(serve: Serve) -> None:
    begun, over = threading.Event(), threading.Event()

    def silent(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("content-length", "1000")
        request.end_headers()
        request.wfile.flush()
        begun.set()
        over.wait(60)

    async def pour(store: ArtifactStore) -> None:
        async with store.read("0" * 64) as download:
            await anext(download)

    async with serve(silent) as store:
        reading = asyncio.create_task(pour(store))
        await asyncio.to_thread(begun.wait)
        reading.cancel()
        async with asyncio.timeout(30):
            with pytest.raises(asyncio.CancelledError):
                await reading
        over.set()
