"""Everything that a repository has, in one array: read in batches, while a slow reader holds none of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from collectionsync.server.answers import Answer, Array, digest
from collectionsync.server.call import Call
from collectionsync.server.holdings import Holdings
from collectionsync.server.opening import opened
from collectionsync.store.catalog import everything
from collectionsync.store.catalog.repositories import Repository, published
from collectionsync.store.database import Connection, DatabaseUnavailableError

BATCH = 50
"""How many items are read at once."""

# How long an answer that has begun waits for a database that went away.
_COMEBACK_SECONDS = 10.0
_AGAIN_SECONDS = 0.2

_After = Callable[[Connection, Repository, Any], Awaitable[tuple[list[bytes], Any]]]


async def all_collections(holdings: Holdings, call: Call) -> Answer:
    """List every collection, in one array."""

    async def after(connection: Connection, repository: Repository, cursor: Any) -> tuple[list[bytes], Any]:
        return await everything.collections_after(connection, repository, base=call.base, after=cursor, limit=BATCH)

    return await _everything(holdings, call, after)


async def all_versions(holdings: Holdings, call: Call) -> Answer:
    """Describe every version, in one array, without their large documents."""

    async def after(connection: Connection, repository: Repository, cursor: Any) -> tuple[list[bytes], Any]:
        return await everything.versions_after(
            connection, repository, base=call.base, url=call.origin, after=cursor, limit=BATCH
        )

    return await _everything(holdings, call, after)


async def _everything(holdings: Holdings, call: Call, after: _After) -> Answer:
    async with opened(holdings, call) as found:
        moment = await published(found.connection, found.repository)
    # Its URLs are as the client reached this server: by another host, or prefix, it is another list.
    etag = digest(f"{moment} {call.origin} {call.base}".encode())
    return Array(etag, _batches(holdings, found.repository, after))


async def _batches(holdings: Holdings, repository: Repository, after: _After) -> AsyncIterator[list[bytes]]:
    """Yield a list in batches, each in a session of its own.

    Raises:
        StoreError: the database has gone and, where a part of the list was read, did not come back in time.
    """
    loop = asyncio.get_running_loop()
    cursor: Any = None
    begun = False
    while not begun or cursor is not None:
        deadline = loop.time() + _COMEBACK_SECONDS
        while True:
            try:
                async with holdings.sessions.reading() as connection:
                    items, cursor = await after(connection, repository, cursor)
                break
            except DatabaseUnavailableError:
                if not begun or loop.time() >= deadline:
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)
                await holdings.sessions.usable(deadline - loop.time())
        begun = True
        yield items
