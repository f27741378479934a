"""Reading in threads: a reader takes none while it waits, and what was opened is closed, whoever leaves when."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from collectionsync.artifacts import threads
from collectionsync.artifacts.errors import ArtifactStoreError
from collectionsync.artifacts.reading import Download, Span
from collectionsync.artifacts.threads import Stop, Threaded


class Reading:
    """A part that a test's store gives."""

    def __init__(self, pieces: int) -> None:
        self.size = self.length = pieces
        self.offset = 0
        self.left = pieces
        self.closed = 0

    def read(self, stop: Stop) -> bytes:
        self.left -= 1
        return b"x" if self.left >= 0 else b""

    def close(self) -> None:
        self.closed += 1


class Store:
    """A store that opens what it is told to, when it is let."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.go_on.set()
        self.readings: list[Reading] = []

    def read(self, stop: Stop, key: str, span: Span) -> Reading:
        self.begun.release()
        self.go_on.wait(60)
        self.readings.append(Reading(3))
        return self.readings[-1]

    def size(self, stop: Stop, key: str) -> int | None:
        return 3

    def close(self) -> None:
        pass


@pytest.fixture
def opening() -> Store:
    return Store()


@pytest.fixture
async def threaded(opening: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Threaded]:
    monkeypatch.setattr(threads, "_READING_THREADS", 1)
    made = Threaded(opening, workers=1, readers=2)  # type: ignore[arg-type]
    yield made
    opening.go_on.set()
    await made.close()


async def test_slow_readers_hold_no_thread(threaded: Threaded) -> None:
    async with threaded.read("a", Span()) as first, threaded.read("b", Span()) as second:
        for _ in range(3):
            assert (await anext(first), await anext(second)) == (b"x", b"x")


async def test_what_is_no_reading_waits_for_no_reader(threaded: Threaded, opening: Store) -> None:
    opening.go_on.clear()

    async def silent() -> None:
        async with threaded.read("a", Span()):
            pass

    reading = asyncio.create_task(silent())
    await asyncio.to_thread(opening.begun.acquire)
    assert await threaded.size("a") == 3
    opening.go_on.set()
    await reading


async def test_more_readers_than_a_store_takes_wait(threaded: Threaded, opening: Store) -> None:
    async def third() -> None:
        async with threaded.read("c", Span()) as download:
            await anext(download)

    async with threaded.read("a", Span()):
        async with threaded.read("b", Span()):
            waiting = asyncio.create_task(third())
            done, _ = await asyncio.wait([waiting], timeout=0.05)
            assert not done
            assert len(opening.readings) == 2
        await waiting
    assert [each.closed for each in opening.readings] == [1, 1, 1]


async def test_what_opens_when_nobody_waits_any_more_is_closed(threaded: Threaded, opening: Store) -> None:
    opening.go_on.clear()

    async def late() -> None:
        async with threaded.read("a", Span()):
            raise AssertionError("nobody waits")

    reading = asyncio.create_task(late())
    await asyncio.to_thread(opening.begun.acquire)
    reading.cancel()
    opening.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert [each.closed for each in opening.readings] == [1]


async def test_an_error_of_the_reader_closes_what_was_read(threaded: Threaded, opening: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        async with threaded.read("a", Span()):
            raise ZeroDivisionError
    assert [each.closed for each in opening.readings] == [1]


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


@pytest.mark.parametrize(("given_", "problem"), [((b"ab",), "broke off"), ((b"ab", b"cd"), "sends more")])
async def test_no_more_and_no_less_comes_than_was_told(given_: tuple[bytes, ...], problem: str) -> None:
    coming: Any = pieces(*given_, b"")
    with pytest.raises(ArtifactStoreError, match=problem):
        [piece async for piece in Download("key", 3, 0, 3, lambda: anext(coming))]
