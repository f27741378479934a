"""Large documents on disk: read once for all who want them, kept while there is room, and never half."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from collectionsync.server import documents as module
from collectionsync.server.documents import DocumentCache
from collectionsync.server.memory_plan import DOCUMENTS
from collectionsync.server.sessions import Sessions
from collectionsync.server.spill import SpoolFullError
from collectionsync.store.catalog.details import StoredDocument
from collectionsync.store.database import DatabaseUnavailableError

SIZE = 1000


@dataclass
class Database:
    """Gives documents, when it is let: `asked` are those that were asked for, `lent` how many sessions are."""

    asked: list[StoredDocument] = field(default_factory=list)
    lent: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator["Database"]:
        self.lent += 1
        try:
            yield self
        finally:
            self.lent -= 1

    def transaction(self) -> Any:
        return contextlib.AsyncExitStack()

    async def pieces(self, _: Any, document: StoredDocument, piece_bytes: int) -> AsyncIterator[bytes]:
        self.asked.append(document)
        yield body(document)[:100]
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        yield body(document)[100:]


def document(number: int, size: int = SIZE) -> StoredDocument:
    return StoredDocument(number, "files", size, f"{number:064x}")


def body(of: StoredDocument) -> bytes:
    return (str(of.version_id).encode() * of.bytes)[: of.bytes]


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    found = Database()
    monkeypatch.setattr(module, "pieces", found.pieces)
    return found


@pytest.fixture
def cache(database: Database, tmp_path: Path) -> "Any":
    made = DocumentCache(cast("Sessions", database), tmp_path, 3 * SIZE, wait_seconds=0.2)
    yield made
    made.close()


async def read(cache: DocumentCache, *wanted: StoredDocument) -> list[bytes]:
    async with cache.opened(wanted) as files:
        return [os.pread(file, each.bytes, 0) for file, each in zip(files, wanted, strict=True)]


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_all_who_want_a_document_meanwhile_share_one_reading(database: Database, cache: DocumentCache) -> None:
    readers = [asyncio.create_task(read(cache, document(1))) for _ in range(50)]
    await settled()
    assert len(database.asked) == 1
    database.open.set()
    assert await asyncio.gather(*readers) == [[body(document(1))]] * 50


async def test_a_document_that_is_there_is_not_asked_for_again(database: Database, cache: DocumentCache) -> None:
    database.open.set()
    for _ in range(3):
        assert await read(cache, document(1), document(2)) == [body(document(1)), body(document(2))]
    assert len(database.asked) == 2
    assert cache.bytes == 2 * SIZE


async def test_no_session_is_held_while_a_document_is_read_from_disk(database: Database, cache: DocumentCache) -> None:
    database.open.set()
    async with cache.opened([document(1)]):
        assert database.lent == 0


async def test_what_was_not_asked_for_the_longest_goes_when_there_is_no_room(
    database: Database, cache: DocumentCache
) -> None:
    database.open.set()
    for number in (1, 2, 3, 1, 4):
        await read(cache, document(number))
    database.asked.clear()
    for number in (1, 3, 4):
        await read(cache, document(number))
    assert database.asked == []
    await read(cache, document(2))
    assert database.asked == [document(2)]
    assert cache.bytes == 3 * SIZE


async def test_what_is_being_read_stays_and_others_wait_for_it(database: Database, cache: DocumentCache) -> None:
    database.open.set()
    async with contextlib.AsyncExitStack() as stack:
        for number in (1, 2, 3):
            await stack.enter_async_context(cache.opened([document(number)]))
        waiting = asyncio.create_task(read(cache, document(4)))
        await settled()
        assert not waiting.done()
    assert await waiting == [body(document(4))]


async def test_who_waits_for_room_too_long_is_told(database: Database, cache: DocumentCache) -> None:
    database.open.set()
    async with cache.opened([document(1), document(2), document(3)]):
        with pytest.raises(SpoolFullError, match="3000 bytes"):
            await read(cache, document(4))
    assert await read(cache, document(4)) == [body(document(4))]


async def test_who_waits_for_room_takes_what_another_has_brought_meanwhile(
    database: Database, cache: DocumentCache
) -> None:
    database.open.set()
    async with contextlib.AsyncExitStack() as stack:
        for number in (1, 2, 3):
            await stack.enter_async_context(cache.opened([document(number)]))
        waiting = [asyncio.create_task(read(cache, document(4))) for _ in range(2)]
        await settled()
    assert await asyncio.gather(*waiting) == [[body(document(4))]] * 2
    assert database.asked.count(document(4)) == 1


async def test_a_document_that_is_larger_than_all_the_room_is_there_alone(
    database: Database, cache: DocumentCache
) -> None:
    database.open.set()
    await read(cache, document(1))
    large = document(2, 10 * SIZE)
    assert await read(cache, large) == [body(large)]
    assert cache.bytes == 10 * SIZE
    await read(cache, document(1))
    assert cache.bytes == SIZE


async def test_one_that_leaves_does_not_take_the_document_from_the_others(
    database: Database, cache: DocumentCache
) -> None:
    first, second = (asyncio.create_task(read(cache, document(1))) for _ in range(2))
    await settled()
    first.cancel()
    await settled()
    database.open.set()
    assert await second == [body(document(1))]
    assert len(database.asked) == 1


async def test_when_the_last_one_leaves_the_reading_ends_and_its_session_is_given_back(
    database: Database, cache: DocumentCache
) -> None:
    only = asyncio.create_task(read(cache, document(1)))
    await settled()
    only.cancel()
    await settled()
    assert (database.lent, cache.bytes) == (0, 0)


async def test_who_comes_when_the_last_one_leaves_begins_anew(database: Database, cache: DocumentCache) -> None:
    only = asyncio.create_task(read(cache, document(1)))
    await settled()
    only.cancel()
    await asyncio.sleep(0)
    next_one = asyncio.create_task(read(cache, document(1)))
    await settled()
    database.open.set()
    assert await next_one == [body(document(1))]
    assert cache.bytes == SIZE


async def test_all_who_wait_are_told_of_a_failure_and_the_next_one_tries_again(
    database: Database, cache: DocumentCache
) -> None:
    database.failure = DatabaseUnavailableError("gone")
    readers = [asyncio.create_task(read(cache, document(1))) for _ in range(3)]
    await settled()
    database.open.set()
    for error in await asyncio.gather(*readers, return_exceptions=True):
        assert isinstance(error, DatabaseUnavailableError)
    assert cache.bytes == 0
    database.failure = None
    assert await read(cache, document(1)) == [body(document(1))]


async def test_a_failure_of_one_document_lets_go_of_the_others(database: Database, cache: DocumentCache) -> None:
    database.open.set()
    await read(cache, document(1))
    database.failure = DatabaseUnavailableError("gone")
    with pytest.raises(DatabaseUnavailableError):
        await read(cache, document(1), document(2))
    database.failure = None
    await read(cache, document(3), document(4), document(5))
    assert cache.bytes == 3 * SIZE


async def test_nothing_has_a_name_on_disk(database: Database, cache: DocumentCache, tmp_path: Path) -> None:
    database.open.set()
    async with cache.opened([document(1)]):
        assert os.listdir(tmp_path) == []  # noqa: PTH208 - a coroutine may not wait for a Path


async def test_a_folder_that_takes_no_file_is_told_of(database: Database, tmp_path: Path) -> None:
    cache = DocumentCache(cast("Sessions", database), tmp_path / "missing", SIZE)
    database.open.set()
    with pytest.raises(SpoolFullError, match="--spool"):
        await read(cache, document(1))
    assert cache.bytes == 0


async def test_two_are_read_at_once_so_that_sessions_are_left_for_others(
    database: Database, cache: DocumentCache
) -> None:
    readers = [asyncio.create_task(read(cache, document(number))) for number in (1, 2, 3)]
    await settled()
    assert database.lent == 2
    database.open.set()
    assert await asyncio.gather(*readers) == [[body(document(number))] for number in (1, 2, 3)]


async def test_no_more_than_some_hundred_stay_open_however_small_they_are(database: Database, tmp_path: Path) -> None:
    cache = DocumentCache(cast("Sessions", database), tmp_path, 1_000_000)
    database.open.set()
    for number in range(DOCUMENTS + 20):
        await read(cache, document(number, 101))
    assert cache.bytes == DOCUMENTS * 101
    cache.close()
