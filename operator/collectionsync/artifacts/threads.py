"""Blocking work for an event loop: in threads, a few at a time, and stopped for certain where the one that asked is.

A blocking socket takes a twentieth of the memory of one that asyncio encrypts for, and leaves the loop to others.
"""

import asyncio
import contextlib
import functools
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from collectionsync.artifacts.reading import READERS, Download, Span

_P = ParamSpec("_P")
_T = TypeVar("_T")

_READING_THREADS = 16
"""Threads that read for readers, who are many: a store that falls silent for some of them must not be so for all."""

Content = Callable[[], Iterator[bytes]]
"""Gives the bytes of an artifact from their beginning, each time that it is called.

What it raises comes through, but for an OSError, which is taken for the store's.
"""


class StoppedError(Exception):
    """Nobody waits for this work any more."""


class Stop:
    """Tells work in a thread that nobody waits for it any more."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def set(self) -> None:
        """Stop the work; whoever waits for the socket that it uses is woken."""
        with self._lock:
            self._event.set()
            if self._socket is not None:
                _shut(self._socket)

    def check(self) -> None:
        """Raise StoppedError where it is to stop."""
        if self._event.is_set():
            raise StoppedError

    def pause(self, seconds: float) -> None:
        """Wait so long. Raises StoppedError where it is to stop meanwhile."""
        if self._event.wait(seconds):
            raise StoppedError

    @contextlib.contextmanager
    def over(self, used: socket.socket) -> Iterator[None]:
        """Work over a socket, which is shut down where the work is to stop; one at a time."""
        with self._lock:
            self.check()
            self._socket = used
        try:
            yield
        finally:
            with self._lock:
                self._socket = None


def _shut(used: socket.socket) -> None:
    # The method of plain sockets, for that of TLS would take away what the other thread works with.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(used, socket.SHUT_RDWR)


class Reading(Protocol):
    """A part of an object that is being read, and what that takes: a file, or a connection."""

    size: int
    offset: int
    length: int

    def read(self, stop: Stop) -> bytes:
        """Return the next piece; nothing at the end."""

    def close(self) -> None:
        """Let go of what it takes, without waiting; harmless at any time when nothing reads, and twice."""


class BlockingStore(Protocol):
    """A store whose work blocks; each method is called in a thread, and stops when it is told to."""

    def put(self, stop: Stop, key: str, sha256: str, content: Content, size: int) -> None:
        """Store an object, whole or not at all."""

    def get(self, stop: Stop, key: str) -> Iterator[bytes]:
        """Yield the pieces of an object; closing what it returns is allowed at any time."""

    def read(self, stop: Stop, key: str, span: Span) -> Reading:
        """Begin to read a part of an object."""

    def presigned(self, key: str, filename: str, seconds: int) -> str | None:
        """Return a URL that anybody can read an object by for a while; None where there are none."""

    def size(self, stop: Stop, key: str) -> int | None:
        """Return the size of an object; None where there is none."""

    def delete(self, stop: Stop, key: str) -> None:
        """Remove an object; harmless where there is none."""

    def check(self, stop: Stop) -> None:
        """Raise the error that work would end with."""

    def close(self) -> None:
        """Let go of what is kept for later calls."""


class Threaded:
    """A blocking store, for an event loop; `workers` bounds how many of its calls are under way at once.

    Whoever reads a part takes another thread, and only while the store works for it.
    """

    def __init__(self, store: BlockingStore, *, workers: int, readers: int = READERS) -> None:
        self._store = store
        self._readers = asyncio.Semaphore(readers)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="artifacts")
        self._reading_threads = ThreadPoolExecutor(_READING_THREADS, thread_name_prefix="artifacts-reading")

    async def put(self, key: str, sha256: str, content: Content, size: int) -> None:
        """Store an object, whole or not at all; `content` is not called any more when this has returned."""
        await self._run(self._store.put, key, sha256, content, size)

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """Yield the pieces of an object."""
        stop = Stop()
        pieces = self._store.get(stop, key)
        try:
            while (piece := await self._run_with(stop, lambda _: next(pieces, None))) is not None:
                yield piece
        finally:
            await self._run_with(Stop(), lambda _: _close(pieces))

    @contextlib.asynccontextmanager
    async def read(self, key: str, span: Span) -> AsyncIterator[Download]:
        """Read a part of an object. What that takes is let go of at the end, however far it was read."""
        opened: list[Reading] = []
        async with self._readers:
            try:
                await self._run_to_read(lambda stop: opened.append(self._store.read(stop, key, span)))
                (reading,) = opened
                piece = functools.partial(self._run_to_read, reading.read)
                yield Download(key, reading.size, reading.offset, reading.length, piece)
            finally:
                for each in opened:  # none, or the one that came when nobody waited for it any more
                    each.close()

    async def signed_url(self, key: str, *, filename: str, seconds: int) -> str | None:
        """Return a URL that anybody can read an object by for a while; None where there are none."""
        return self._store.presigned(key, filename, seconds)

    async def size(self, key: str) -> int | None:
        """Return the size of an object; None where there is none."""
        return await self._run(self._store.size, key)

    async def delete(self, key: str) -> None:
        """Remove an object; harmless where there is none."""
        await self._run(self._store.delete, key)

    async def check(self) -> None:
        """Raise the error that work would end with."""
        await self._run(self._store.check)

    async def close(self) -> None:
        """Let go of threads and connections, which are idle."""
        self._threads.shutdown(wait=False)
        self._reading_threads.shutdown(wait=False)
        self._store.close()

    async def _run(self, work: Callable[Concatenate[Stop, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await self._run_with(Stop(), work, *args, **kwargs)

    async def _run_with(
        self, stop: Stop, work: Callable[Concatenate[Stop, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        return await _done(stop, self._threads.submit(work, stop, *args, **kwargs))

    async def _run_to_read(self, work: Callable[[Stop], _T]) -> _T:
        stop = Stop()
        return await _done(stop, self._reading_threads.submit(work, stop))


async def _done(stop: Stop, running: Future[_T]) -> _T:
    """Return what comes of work; whoever is cancelled has it stopped, and waits until it is over."""
    done = asyncio.wrap_future(running)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop.set()
        running.cancel()  # it may not have begun
        # What the work uses is the caller's, who may take it away when this returns: so it does not before that.
        while not done.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([done])
        if not done.cancelled():
            done.exception()  # nobody else asks for it
        raise


def _close(pieces: Iterator[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
