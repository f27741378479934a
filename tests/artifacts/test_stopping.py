"""Work in threads, for somebody who may stop waiting: then it stops too, and is over before that is told."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from collectionsync.artifacts.reading import Span
from collectionsync.artifacts.threads import Content, Reading, Stop, StoppedError, Threaded


class Slow:
    """A store that works until it is told to go on, or to stop."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.over = 0
        self.stopped = 0
        self.most = self.now = 0
        self._lock = threading.Lock()

    def _work(self, stop: Stop) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.begun.release()
        try:
            while not self.go_on.is_set():
                stop.pause(0.01)
        except StoppedError:
            self.stopped += 1
            raise
        finally:
            with self._lock:
                self.now -= 1
                self.over += 1

    def put(self, stop: Stop, key: str, sha256: str, content: Content, size: int) -> None:
        self._work(stop)

    def get(self, stop: Stop, key: str) -> Iterator[bytes]:
        try:
            yield b"first"
            self._work(stop)
            yield b"second"
        finally:
            self.over += 1

    def read(self, stop: Stop, key: str, span: Span) -> Reading:
        raise NotImplementedError

    def presigned(self, key: str, filename: str, seconds: int) -> str | None:
        raise NotImplementedError

    def size(self, stop: Stop, key: str) -> int | None:
        self._work(stop)
        return 1

    def delete(self, stop: Stop, key: str) -> None:
        raise ValueError(key)

    def check(self, stop: Stop) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.go_on.set()


@pytest.fixture
async def threaded(slow: Slow) -> AsyncIterator[Threaded]:
    made = Threaded(slow, workers=2)
    yield made
    slow.go_on.set()
    await made.close()


async def begun(slow: Slow) -> None:
    await asyncio.to_thread(slow.begun.acquire)


async def test_what_is_cancelled_is_over_when_that_is_told(slow: Slow, threaded: Threaded) -> None:
    working = asyncio.create_task(threaded.size("a"))
    await begun(slow)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert (slow.over, slow.stopped) == (1, 1)


async def test_who_is_cancelled_again_still_waits_for_the_end(slow: Slow, threaded: Threaded) -> None:
    working = asyncio.create_task(threaded.size("a"))
    await begun(slow)
    for _ in range(3):
        working.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await working
    assert slow.over == 1


async def test_no_more_than_so_many_work_at_once(slow: Slow, threaded: Threaded) -> None:
    working = [asyncio.create_task(threaded.size("a")) for _ in range(5)]
    for _ in range(2):
        await begun(slow)
    assert slow.now == 2
    slow.go_on.set()
    assert await asyncio.gather(*working) == [1] * 5
    assert slow.most == 2


async def test_what_has_not_begun_when_it_is_cancelled_never_does(slow: Slow, threaded: Threaded) -> None:
    working = [asyncio.create_task(threaded.size("a")) for _ in range(2)]
    for _ in range(2):
        await begun(slow)
    waiting = asyncio.create_task(threaded.size("b"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    slow.go_on.set()
    await asyncio.gather(*working)
    assert slow.over == 2


async def test_an_error_comes_through(threaded: Threaded) -> None:
    with pytest.raises(ValueError, match="that one"):
        await threaded.delete("that one")


async def test_a_reader_who_leaves_closes_what_it_read(slow: Slow, threaded: Threaded) -> None:
    reading = threaded.get("a")
    assert await anext(reading) == b"first"
    await reading.aclose()  # type: ignore[attr-defined]
    assert slow.over == 1


async def test_a_reader_who_is_cancelled_closes_what_it_read(slow: Slow, threaded: Threaded) -> None:
    async def read() -> None:
        async for _ in threaded.get("a"):
            pass

    reading = asyncio.create_task(read())
    await begun(slow)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (slow.stopped, slow.over) == (1, 2)


def test_who_waits_for_a_socket_is_woken() -> None:
    one, other = socket.socketpair()
    stop = Stop()
    with one, other, stop.over(one):
        waiting = threading.Thread(target=one.recv, args=(1,))
        waiting.start()
        stop.set()
        waiting.join(10)
        assert not waiting.is_alive()


def test_nobody_takes_up_a_socket_after_the_stop() -> None:
    one, other = socket.socketpair()
    stop = Stop()
    stop.set()
    with one, other, pytest.raises(StoppedError), stop.over(one):
        pass
