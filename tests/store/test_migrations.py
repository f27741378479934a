"""The schema comes from nothing on every PostgreSQL, once, whoever is first."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from collectionsync.store.database import DatabaseConfigurationError, SchemaMismatchError, connected
from collectionsync.store.migrate import migrate, migrations
from postgres import execute
from store.helpers import Onlooker

pytestmark = pytest.mark.slow

TABLES = {
    "artifact",
    "artifact_store",
    "avatar",
    "collection_document",
    "collection_version",
    "repository",
    "repository_claim",
    "repository_collection",
    "repository_content",
    "repository_deprecation",
    "repository_signature",
    "repository_sync",
    "repository_version",
    "schema_migration",
    "source",
    "source_namespace",
    "source_signature",
    "source_version",
    "sync_collection",
    "sync_item",
    "sync_requirement",
    "sync_run",
    "version_change",
}
NAMES = [path.stem for path in migrations().values()]


@pytest.fixture
async def onlooker(every_database: str) -> AsyncIterator[Onlooker]:
    connection = await asyncpg.connect(every_database)
    yield connection
    await connection.close()


async def tables(onlooker: Onlooker) -> set[str]:
    rows = await onlooker.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows}


def test_migrations_are_numbered_without_a_gap() -> None:
    assert list(migrations()) == list(range(1, len(NAMES) + 1))


async def test_an_empty_database_gets_every_table(every_database: str, onlooker: Onlooker) -> None:
    async with connected(every_database, sessions=1) as database:
        assert await migrate(database) == NAMES
    assert await tables(onlooker) == TABLES


async def test_the_second_time_nothing_is_done(every_database: str) -> None:
    async with connected(every_database, sessions=1) as database:
        await migrate(database)
        assert await migrate(database) == []


async def test_of_four_at_once_one_migrates_and_none_fails(every_database: str) -> None:
    async with connected(every_database, sessions=4) as database:
        done = await asyncio.gather(*(migrate(database) for _ in range(4)))
    assert sorted(done) == [[], [], [], NAMES]


async def test_of_four_at_once_one_migrates_where_the_database_is_serializable_by_default(database: str) -> None:
    name = execute(database, "SELECT current_database()")
    execute(database, f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable')
    async with connected(database, sessions=4) as opened:
        done = await asyncio.gather(*(migrate(opened) for _ in range(4)))
    assert sorted(done) == [[], [], [], NAMES]


async def test_a_newer_schema_is_refused_with_both_numbers(every_database: str) -> None:
    async with connected(every_database, sessions=1) as database:
        await migrate(database)
        execute(every_database, "INSERT INTO schema_migration (number, name) VALUES (4711, 'from_the_future')")
        with pytest.raises(SchemaMismatchError, match=rf"migration 4711.*newest is {len(NAMES)}\b"):
            await migrate(database)


async def test_bodies_are_compressed_with_lz4_where_the_server_has_it_and_else_by_its_default(
    every_database: str, onlooker: Onlooker
) -> None:
    async with connected(every_database, sessions=1) as database:
        await migrate(database)
    has_lz4 = await onlooker.fetchval(
        "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    )
    await onlooker.execute(
        "INSERT INTO collection_version (namespace, name, version, sort_key, sha256, size, dependencies, tags)"
        " VALUES ('a', 'b', '1.0.0', '1', repeat('0', 64), 1, '{}', '{}')"
    )
    await onlooker.execute(
        "INSERT INTO collection_document"
        " SELECT id, 'docs_blob', to_json(repeat('word ', 10000)), 50002, sha256, false FROM collection_version"
    )
    used = await onlooker.fetchval("SELECT pg_column_compression(body) FROM collection_document")
    assert used == ("lz4" if has_lz4 else "pglz")


async def test_a_stranger_s_table_of_the_same_name_is_told_and_nothing_is_half_made(database: str) -> None:
    execute(database, "CREATE TABLE repository (theirs integer)")
    async with connected(database, sessions=1) as opened:
        with pytest.raises(DatabaseConfigurationError, match='relation "repository" already exists'):
            await migrate(opened)
    assert execute(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 1
