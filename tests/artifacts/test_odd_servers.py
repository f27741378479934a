"""What calls itself a store and answers oddly: each answer is given by a server of a few lines."""

from http.server import BaseHTTPRequestHandler

import pytest

from artifacts.content import Blob, blob
from artifacts.odd_servers import Serve, answer
from collectionsync.artifacts import s3
from collectionsync.artifacts.errors import (
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)
from collectionsync.artifacts.store import ArtifactStore

CONTENT = blob(1000)


async def put(store: ArtifactStore, content: Blob = CONTENT) -> bool:
    async with store:
        return await store.put(content.sha256, content.pieces, content.size)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_a_store_that_is_busy_is_asked_again(serve: Serve, status: int) -> None:
    puts = []

    def busy_at_first(request: BaseHTTPRequestHandler) -> None:
        if request.command == "HEAD":
            answer(request, 404)
            return
        puts.append(request.path)
        answer(request, status if len(puts) < 3 else 200, b"<Error><Code>SlowDown</Code></Error>", retry_after="0")

    assert await put(serve(busy_at_first))
    assert puts == [f"/bucket/sha256/{CONTENT.sha256[:2]}/{CONTENT.sha256}.tar.gz"] * 3


async def test_a_store_that_stays_busy_is_told_of_after_so_many_attempts(serve: Serve) -> None:
    asked = []

    def busy(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.command)
        answer(request, 503)

    with pytest.raises(ArtifactStoreError, match=f"answered 503, in {s3.ATTEMPTS} attempts") as failure:
        await put(serve(busy))
    assert failure.value.reason == "ArtifactStoreUnavailable"
    assert asked == ["HEAD"] * s3.ATTEMPTS


async def test_a_refusal_is_not_asked_for_again(serve: Serve) -> None:
    asked = []

    def elsewhere(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.command)
        answer(request, 301, x_amz_bucket_region="eu-west-1")

    with pytest.raises(ArtifactStoreConfigurationError, match="in the region eu-west-1"):
        await put(serve(elsewhere))
    assert asked == ["HEAD"]


async def test_what_speaks_no_http_is_told_of(serve: Serve) -> None:
    def babble(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"220 mail.example ESMTP\r\n")
        request.close_connection = True

    with pytest.raises(ArtifactStoreError, match="does not answer as a store would"):
        await put(serve(babble))


async def test_headers_without_end_are_not_read_on(serve: Serve) -> None:
    def babble(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"x%d: y\r\n" % number for number in range(1000)))
        request.close_connection = True

    with pytest.raises(ArtifactStoreError, match="does not answer as a store would"):
        await put(serve(babble))


async def test_an_answer_of_many_bytes_is_not_read(serve: Serve) -> None:
    connections = set()

    def verbose(request: BaseHTTPRequestHandler) -> None:
        connections.add(request.client_address)
        answer(request, 404 if request.command == "HEAD" else 200, bytes(1_000_000))

    store = serve(verbose)
    async with store:
        for content in (blob(10), blob(20)):
            assert await store.put(content.sha256, content.pieces, content.size)
    assert len(connections) == 2


async def test_an_artifact_that_breaks_off_is_told_of(serve: Serve) -> None:
    def break_off(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("content-length", "1000")
        request.end_headers()
        request.wfile.write(bytes(100))
        request.close_connection = True

    async with serve(break_off) as store:
        with pytest.raises(ArtifactStoreError, match="broke off in the middle of sha256"):
            [piece async for piece in store.get("0" * 64)]


async def test_a_store_that_closes_each_connection_is_a_store(serve: Serve) -> None:
    def once(request: BaseHTTPRequestHandler) -> None:
        answer(request, 404 if request.command == "HEAD" else 200, b"x" * 10, connection="close")
        request.close_connection = True

    async with serve(once) as store:
        assert await store.put(CONTENT.sha256, CONTENT.pieces, CONTENT.size)
        assert b"".join([piece async for piece in store.get(CONTENT.sha256)]) == b"x" * 10
