"""Large documents on disk between PostgreSQL and slow readers: no memory is held for them, and no session.

A document is read into an unlinked file once, whoever asks for it meanwhile, and stays there until the disk is needed
for another. It is known by its digest, so that nothing here ever goes stale.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from collectionsync.server.memory_plan import DOCUMENTS
from collectionsync.server.sessions import Sessions
from collectionsync.server.spill import SpoolFullError, open_unlinked, write_all
from collectionsync.store.catalog.details import StoredDocument
from collectionsync.store.catalog.documents import pieces

# What PostgreSQL is asked for at once.
_PIECE_BYTES = 128 * 1024
_WAIT_SECONDS = 30.0
# Of the sessions: whoever asks for something small waits for no document of others.
_AT_ONCE = 2


@dataclass(slots=True)
class _Spooled:
    """A document that is a file, or is becoming one; `readers` keep it there."""

    document: StoredDocument
    filling: "asyncio.Task[BinaryIO]"
    readers: int = 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody would miss it."""
        return not self.readers and self.filling.done()


class DocumentCache:
    """Files of documents, `disk_bytes` in all; a larger one is there alone."""

    def __init__(
        self, sessions: Sessions, folder: Path, disk_bytes: int, *, wait_seconds: float = _WAIT_SECONDS
    ) -> None:
        self._sessions = sessions
        self._folder = folder
        self._disk_bytes = disk_bytes
        self._wait_seconds = wait_seconds
        self._spooled: OrderedDict[str, _Spooled] = OrderedDict()
        self._waiting: set[asyncio.Future[None]] = set()
        self._filling = asyncio.Semaphore(_AT_ONCE)
        self.bytes = 0

    @contextlib.asynccontextmanager
    async def opened(self, documents: Iterable[StoredDocument]) -> AsyncIterator[list[int]]:
        """Yield descriptors of whole documents, for os.pread alone: others read them as well.

        Raises:
            StoreError: PostgreSQL does not give one.
            SpoolFullError: the disk does not take one, or others have not let go of it in time.
        """
        held: list[_Spooled] = []
        try:
            files = []
            for document in documents:
                held.append(await self._hold(document))
                files.append((await asyncio.shield(held[-1].filling)).fileno())
            yield files
        finally:
            for entry in held:
                self._let_go(entry)

    async def _hold(self, document: StoredDocument) -> _Spooled:
        """Return a document's entry with one more reader; the first one has it read."""
        if document.sha256 not in self._spooled:
            await self._wait_for_room(document)
        entry = self._spooled.get(document.sha256)
        if entry is None:
            entry = _Spooled(document, asyncio.create_task(self._fill(document)))
            entry.filling.add_done_callback(lambda _: self._filled(entry))
            self._spooled[document.sha256] = entry
            self.bytes += document.bytes
        self._spooled.move_to_end(document.sha256)
        entry.readers += 1
        return entry

    def _let_go(self, entry: _Spooled) -> None:
        entry.readers -= 1
        if not entry.readers and not entry.filling.done():
            entry.filling.cancel()
            # Who asks for it in this moment must not be told that it was cancelled.
            self._forget(entry)
        self._wake()

    def _filled(self, entry: _Spooled) -> None:
        """Forget a document that could not be had, so that whoever comes next tries again."""
        if entry.filling.cancelled() or entry.filling.exception() is not None:
            self._forget(entry)
            self._wake()
        elif self._spooled.get(entry.document.sha256) is not entry:
            entry.filling.result().close()  # it was whole in the moment in which it was given up

    def _forget(self, entry: _Spooled) -> None:
        if self._spooled.get(entry.document.sha256) is entry:
            del self._spooled[entry.document.sha256]
            self.bytes -= entry.document.bytes

    async def _wait_for_room(self, document: StoredDocument) -> None:
        """Make room for a document, and wait for what is read meanwhile; or until another has brought it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._wait_seconds
        while not self._make_room(document.bytes) and document.sha256 not in self._spooled:
            change: asyncio.Future[None] = loop.create_future()
            self._waiting.add(change)
            try:
                async with asyncio.timeout_at(deadline):
                    await change
            except TimeoutError as error:
                raise SpoolFullError(
                    f"documents that clients are reading take all of the {self._disk_bytes} bytes for spool files"
                ) from error
            finally:
                self._waiting.discard(change)

    def _wake(self) -> None:
        for change in self._waiting:
            if not change.done():
                change.set_result(None)

    def _make_room(self, size: int) -> bool:
        """Let go of what was not asked for the longest, until there is room; False where there is not enough of it."""
        wanted = self._disk_bytes - min(size, self._disk_bytes)
        for entry in list(self._spooled.values()):
            if self.bytes <= wanted and len(self._spooled) < DOCUMENTS:
                break
            if entry.is_idle:
                self._forget(entry)
                entry.filling.result().close()
        return self.bytes <= wanted

    async def _fill(self, document: StoredDocument) -> BinaryIO:
        file = open_unlinked(self._folder)
        try:
            async with self._filling, self._sessions.reading() as connection, connection.transaction():
                async for piece in pieces(connection, document, _PIECE_BYTES):
                    write_all(file, piece, self._folder)
        except BaseException:
            file.close()
            raise
        return file

    def close(self) -> None:
        """Let go of every file; nobody may read any more."""
        for entry in list(self._spooled.values()):
            self._forget(entry)
            if not entry.filling.done():
                entry.filling.cancel()
            elif not entry.filling.cancelled() and entry.filling.exception() is None:
                entry.filling.result().close()
