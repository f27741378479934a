"""Which repositories there are to read, and in which databases."""

import pytest

from catalog.content import published_by, stored
from collectionsync.store.catalog.repositories import Repository, Schema, find_repository, schema
from collectionsync.store.database import Connection, Database, connected
from collectionsync.store.migrate import migrate
from store.helpers import opened

pytestmark = pytest.mark.slow


async def test_a_database_is_read_only_with_the_schema_of_this_release(database: str) -> None:
    async with connected(database, sessions=2) as opened_, opened_.session() as session:
        assert await schema(session) is Schema.MISSING
        await session.execute("CREATE TABLE schema_migration (number integer)")
        assert await schema(session) is Schema.MISSING
        await session.execute("DROP TABLE schema_migration")
        await migrate(opened_)
        assert await schema(session) is Schema.CURRENT
        await session.execute("INSERT INTO schema_migration VALUES (4711, 'from_the_future')")
        assert await schema(session) is Schema.NEWER
        await session.execute("DELETE FROM schema_migration WHERE number > 4")
        assert await schema(session) is Schema.OLD


async def test_a_repository_is_there_from_its_first_publication_on(store: Database, session: Connection) -> None:
    run = await opened(session)
    assert await find_repository(session, "team-a", "main") is None
    await published_by(store, stored("acme", "alpha"), asked="something")
    assert await find_repository(session, "team-a", "main") == Repository(run.repository_id, "team-a", "main", 1)
    await published_by(store, stored("acme", "beta"), asked="more")
    assert await find_repository(session, "team-a", "main") == Repository(run.repository_id, "team-a", "main", 2)


async def test_a_repository_that_nobody_has_is_not_found(session: Connection) -> None:
    await opened(session)
    for namespace in ("team-a", "team-a\0", "\ud83d", "", "a" * 9999):
        for name in ("another", "main\0", "\ud83d", "", "a" * 9999):
            assert await find_repository(session, namespace, name) is None
