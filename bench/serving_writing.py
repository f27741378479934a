"""A database that changes all the time, as it does while a sync runs: nothing that was made of it holds for long."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import asyncpg

_EVERY_SECONDS = 0.001
_PATIENCE_SECONDS = 30.0
# Takes the number of a transaction, and so is a change to whoever asks which have ended, but for the rows.
_CHANGE = "SELECT pg_current_xact_id()"


@contextlib.contextmanager
def written_to(database: str) -> Iterator[None]:
    """End a transaction in a database about every millisecond, as long as the block lasts."""
    begun, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_write(database, begun, ended)))
    thread.start()
    try:
        if not begun.wait(_PATIENCE_SECONDS):
            raise TimeoutError("no transaction ended in time")
        yield
    finally:
        ended.set()
        thread.join()


async def _write(database: str, begun: threading.Event, ended: threading.Event) -> None:
    connection = await asyncpg.connect(database)
    try:
        while not ended.is_set():
            await connection.execute(_CHANGE)
            begun.set()
            await asyncio.sleep(_EVERY_SECONDS)
    finally:
        await connection.close()
