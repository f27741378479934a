"""A store of a test's own, for tests that write; those that only read share one that their module fills."""

from collections.abc import AsyncIterator

import pytest

from collectionsync.store.database import Connection, Database, connected
from collectionsync.store.migrate import migrate


@pytest.fixture
async def store(database: str) -> AsyncIterator[Database]:
    async with connected(database, sessions=4) as opened:
        await migrate(opened)
        yield opened


@pytest.fixture
async def session(store: Database) -> AsyncIterator[Connection]:
    async with store.session() as connection:
        yield connection


@pytest.fixture
async def reader(filled: str) -> AsyncIterator[Connection]:
    """A session for reading what the module's own fixture `filled` has."""
    async with connected(filled, sessions=1, reading=True) as opened, opened.session() as connection:
        yield connection
