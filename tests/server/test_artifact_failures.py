"""Stores that fail and clients that leave: an error before the first byte, a broken connection after it."""

import asyncio
import logging

import pytest

from artifacts.content import Blob
from collectionsync.artifacts.errors import (
    ArtifactMissingError,
    ArtifactStoreAuthenticationError,
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)
from collectionsync.server import artifact as module
from collectionsync.server.artifact import StoreFailedError
from server.artifact_serving import FakeBackend, artifact_of, serving
from server.wire import connected, request
from syncing import until

CONTENT = Blob(b"abcdefghij")
AWAY = ArtifactStoreError("the artifact store s3://secret-bucket cannot be reached, in 6 attempts")


@pytest.mark.parametrize(
    "failure",
    [AWAY, ArtifactStoreAuthenticationError("s3://secret-bucket: 403"), ArtifactStoreConfigurationError("s3: 301")],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_store_that_is_away_is_told_of_before_anything_is_sent(
    failure: Exception, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(artifact_of(CONTENT), FakeBackend(failure, size=10).store()) as served:
        reply = await served.get(method=method)
    assert reply.status == 503
    assert reply.headers["retry-after"] == "5"
    if method == "GET":
        assert "try again" in reply.detail
        assert "secret-bucket" not in reply.detail
    assert str(failure) in caplog.text


async def test_a_store_that_fails_at_the_first_piece_is_told_of_too() -> None:
    backend = FakeBackend(b"", size=10)
    async with serving(artifact_of(CONTENT), backend.store()) as served:
        assert (await served.get()).status == 503
    assert backend.closed == 1


async def test_a_store_that_gives_nothing_for_long_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PIECE_SECONDS", 0.05)
    backend = Waiting(size=10)
    async with serving(artifact_of(CONTENT), backend.store()) as served:
        reply = await served.get()
    assert reply.status == 503
    assert reply.headers["retry-after"] == "5"
    assert (backend.opened, backend.closed) == (1, 1)


@pytest.mark.parametrize("steps", [(b"abc", AWAY), (b"abc",), (b"abc", b"defghijk")])
async def test_half_an_artifact_is_never_taken_for_all(
    steps: tuple[bytes | Exception, ...], caplog: pytest.LogCaptureFixture
) -> None:
    backend = FakeBackend(*steps, size=10)
    with caplog.at_level(logging.ERROR):
        async with serving(artifact_of(CONTENT), backend.store()) as served, connected(served.port) as wire:
            await wire.send(request("/artifact"))
            reply = await wire.reply()
            assert await wire.rest() == b""
    assert reply is None or not reply.whole
    assert [type(failure) for failure in served.failures] == [StoreFailedError]
    assert "collectionsync verify --forget" in caplog.text
    assert backend.closed == 1


async def test_a_part_that_breaks_off_breaks_the_connection() -> None:
    store = FakeBackend(b"abc", AWAY, size=10).store()
    async with serving(artifact_of(CONTENT), store) as served, connected(served.port) as wire:
        await wire.send(request("/artifact", "Range: bytes=0-8"))
        reply = await wire.reply()
    assert reply is None or not reply.whole


class Waiting(FakeBackend):
    """A store that gives its steps, and then nothing for ever."""

    async def next(self) -> bytes:
        if not self.steps:
            await asyncio.Event().wait()
        return await super().next()


@pytest.mark.parametrize("steps", [(), (b"abc",)])
async def test_a_client_that_leaves_lets_go_of_what_the_store_holds_for_it(steps: tuple[bytes, ...]) -> None:
    backend = Waiting(*steps, size=10)
    async with serving(artifact_of(CONTENT), backend.store()) as served:
        async with connected(served.port) as wire:
            await wire.send(request("/artifact"))

            async def opened() -> bool:
                return backend.opened == 1

            await until(opened, "the store to be asked")

        async def closed() -> bool:
            return backend.closed == 1

        await until(closed, "the store to be let go of")


class Endless(FakeBackend):
    """A store with far more than what fits into the buffers between."""

    async def next(self) -> bytes:
        return bytes(65536)


async def test_a_slow_reader_is_not_read_ahead_for() -> None:
    backend = Endless(size=1 << 40)
    async with serving(artifact_of(CONTENT), backend.store()) as served:
        async with connected(served.port) as wire:
            await wire.send(request("/artifact"))
            told = -1

            async def stands_still() -> bool:
                nonlocal told
                before, told = told, sum(served.sent)
                await asyncio.sleep(0.05)
                return 0 < told == before == sum(served.sent)

            await until(stands_still, "the buffers to be full")
            assert sum(served.sent) < 64 * 1024 * 1024

        async def closed() -> bool:
            return backend.closed == 1

        await until(closed, "the store to be let go of")


async def test_what_was_lost_from_the_store_is_not_found() -> None:
    backend = FakeBackend(ArtifactMissingError("the artifact store s3://secret-bucket does not have it"), size=10)
    async with serving(artifact_of(CONTENT), backend.store()) as served:
        reply = await served.get()
    assert reply.status == 404
    assert "collectionsync verify --forget" in reply.detail
    assert "secret-bucket" not in reply.detail
