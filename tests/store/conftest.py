"""A store: a database that has the schema, with sessions on it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from collectionsync.store.database import Connection, Database, connected
from collectionsync.store.migrate import migrate
from store.helpers import Onlooker


@pytest.fixture
async def store(database: str) -> AsyncIterator[Database]:
    async with connected(database, sessions=8) as opened:
        await migrate(opened)
        yield opened


@pytest.fixture
async def session(store: Database) -> AsyncIterator[Connection]:
    """One session of the store, that a worker's lease could be."""
    async with store.session() as connection:
        yield connection


@pytest.fixture
async def every_store(every_database: str) -> AsyncIterator[Database]:
    """A store on each PostgreSQL."""
    async with connected(every_database, sessions=4) as opened:
        await migrate(opened)
        yield opened


@pytest.fixture
async def onlooker(database: str, store: Database) -> AsyncIterator[Onlooker]:
    """A session that is nobody's: it looks, and cuts others off."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()
