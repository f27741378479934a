"""What was published before there was a catalog is in it from the migration on."""

import json

import pytest

from catalog.content import BASE, repository
from collectionsync.store.catalog import lists
from collectionsync.store.catalog.repositories import Schema, published, schema
from collectionsync.store.database import connected
from collectionsync.store.migrate import migrate, migrations

pytestmark = pytest.mark.slow

# As the release before has it: beta came and went, alpha came in two versions, and gamma came back.
_BEFORE = """
    CREATE TABLE schema_migration (number integer PRIMARY KEY, name text, applied_at timestamptz DEFAULT now());
    INSERT INTO schema_migration SELECT n, 'before' FROM generate_series(1, 4) n;
    INSERT INTO repository (namespace, name) VALUES ('team-a', 'main');
    INSERT INTO repository_version (repository_id, number, revision, created_at)
    SELECT 1, n, '', '2026-01-01Z'::timestamptz + n * interval '1 day' FROM generate_series(1, 3) n;
    INSERT INTO collection_version (namespace, name, version, sort_key, sha256, size, dependencies, tags)
    SELECT 'acme', name, version, version, encode(sha256((name || version)::bytea), 'hex'), 1, '{}', '{}'
    FROM (VALUES ('alpha', '1.0.0'), ('alpha', '2.0.0'), ('beta', '1.0.0'), ('gamma', '1.0.0')) v (name, version);
    INSERT INTO repository_content (repository_id, version_id, added, removed)
    VALUES (1, 1, 1, NULL), (1, 2, 2, NULL), (1, 3, 1, 2), (1, 4, 1, 2), (1, 4, 3, NULL);
"""


async def test_collections_of_the_release_before_are_listed(database: str) -> None:
    async with connected(database, sessions=1) as store:
        async with store.transaction() as connection:
            for number in range(1, 5):
                await connection.execute(migrations()[number].read_text(encoding="utf-8"))
            await connection.execute(_BEFORE)
            assert await schema(connection) is Schema.OLD
        await migrate(store)
        async with store.session() as session:
            assert await schema(session) is Schema.CURRENT
            now = await repository(session)
            assert await published(session, now) == "2026-01-04T00:00:00.000003Z"
            page = await lists.collections(session, now, base=BASE, limit=10, offset=0)
    days = [(each["name"], each["created_at"][:10], each["updated_at"][:10]) for each in json.loads(page.items)]
    assert days == [("alpha", "2026-01-02", "2026-01-03"), ("gamma", "2026-01-02", "2026-01-04")]
