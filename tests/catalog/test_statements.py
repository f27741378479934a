"""What is asked of the catalog takes as much as its answer, however much there is, with statistics and without.

A planner that knows nothing yet takes much for little; one that knows much takes it that a match comes soon. Bounds are
in blocks that PostgreSQL looks at, which no load of the machine changes.
"""

import itertools
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from catalog.content import filled_database
from collectionsync.store.catalog import details, everything, lists, namespaces, repositories
from collectionsync.store.database import Connection, Database, connected
from store.test_statements import blocks

pytestmark = pytest.mark.slow

OF_EACH = 16
SIZES = {"small": 50, "large": 500}
"""How many collections there are of OF_EACH versions; a planner takes 800 rows for a handful."""
_FILL = """
    INSERT INTO source (url) VALUES ('https://one.example.com/'), ('https://two.example.com/');
    INSERT INTO repository (namespace, name) VALUES ('team-a', 'main'), ('team-b', 'main');
    INSERT INTO repository_version (repository_id, number, revision) VALUES (1, 1, ''), (2, 1, '');
    INSERT INTO collection_version (namespace, name, version, sort_key, sha256, size, dependencies, tags)
    SELECT 'n' || c % 20, 'c' || c, v || '.0.0', v::text, encode(sha256((c || '/' || v)::bytea), 'hex'), 1,
           '{{}}', '{{}}'
    FROM generate_series(1, {collections}) c, generate_series(1, {of_each}) v;
    INSERT INTO collection_document
    SELECT v.id, kind, '{{}}', 2, v.sha256, false
    FROM collection_version v, unnest('{{metadata,manifest,files,docs_blob}}'::text[]) kind;
    INSERT INTO source_version (source_id, namespace, name, version, version_id, marks)
    SELECT s.id, v.namespace, v.name, v.version, v.id, '{{mark}}' FROM collection_version v, source s;
    INSERT INTO source_signature (source_id, version_id, sha256, signature)
    SELECT s.id, v.id, v.sha256, 'signature' FROM collection_version v, source s;
    INSERT INTO artifact_store (url) VALUES ('file:///artifacts');
    INSERT INTO artifact SELECT 1, id, 1, 'Chain' FROM collection_version;
    INSERT INTO repository_content (repository_id, version_id, added)
    SELECT r.id, v.id, 1 FROM collection_version v, repository r;
    INSERT INTO repository_claim SELECT c.repository_id, 'everything', c.version_id, c.repository_id
    FROM repository_content c;
    INSERT INTO version_change (version_id) SELECT id FROM collection_version WHERE id % 2 = 0;
    INSERT INTO source_namespace (source_id, name, body)
    SELECT s.id, 'n' || n, '{{}}' FROM generate_series(0, 19) n, source s;
"""
BASE, URL, INLINE, MUCH = "/api", "https://mirror.example.com", 100_000, 2**40
# How many blocks each may look at: a few for each row of its answer, and for each version of a collection in it.
ASKED = {
    "collection": (lists._COLLECTION, (BASE, "n1", "c1"), 200),
    "collections": (lists._COLLECTIONS, (BASE, None, None, None, 10, 20), 1500),
    "collections of a namespace": (lists._COLLECTIONS, (BASE, "n1", None, None, 2, 0), 400),
    "versions": (lists._VERSIONS, (BASE, "n1", "c1", 100, 0), 500),
    "detail": (details._DETAIL, (BASE, URL, "n1", "c1", "7.0.0", INLINE), 300),
    "docs": (details._DOCS, ("n1", "c1", "7.0.0", INLINE, b"{}"), 60),
    "artifact": (details._ARTIFACT, ("n1", "c1", "7.0.0"), 60),
    "namespace": (namespaces._NAMESPACE, (BASE, URL, "n1"), 100),
    "namespaces": (namespaces._NAMESPACES, (BASE, URL, 20, 0), 900),
    "avatar": (namespaces._AVATAR, ("n1",), 100),
    "all collections": (everything._COLLECTIONS, (BASE, "n1", "c1", 10), 1500),
    "all versions": (everything._VERSIONS, (BASE, URL, 300, 50, MUCH), 4500),
}


@pytest.fixture(scope="module", params=itertools.product(SIZES, ["without", "with"]), ids=" ".join)
def filled(request: pytest.FixtureRequest, postgres_uri: str) -> Iterator[str]:
    """A database for whose plans there are statistics, or none as after the first sync."""
    size, statistics = request.param

    async def fill(store: Database) -> None:
        async with store.session() as session:
            for row in await session.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
                await session.execute(f"ALTER TABLE {row['tablename']} SET (autovacuum_enabled = off)")
            await session.execute(_FILL.format(collections=SIZES[size], of_each=OF_EACH))
            if statistics == "with":
                await session.execute("ANALYZE")

    with filled_database(postgres_uri, fill) as uri:
        yield uri


@pytest.fixture
async def asking(filled: str) -> AsyncIterator[Connection]:
    async with connected(filled, sessions=1) as database, database.session() as connection:
        yield connection


async def looked_at(connection: Connection, statement: str, *values: object) -> int:
    """Count the blocks that a statement looks at with the plan that is made for whatever is asked."""
    prepared = await connection.prepare(statement)
    types = ", ".join(parameter.name for parameter in prepared.get_parameters())
    given = ", ".join([await connection.fetchval("SELECT quote_nullable($1::text)", _text(value)) for value in values])
    await connection.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE asked ({types}) AS {statement}")
    told = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked ({given})")
    await connection.execute("DEALLOCATE asked")
    return blocks(json.loads(told)[0]["Plan"])


def _text(value: object) -> str | None:
    return value.decode() if isinstance(value, bytes) else None if value is None else str(value)


@pytest.mark.parametrize("what", ASKED)
async def test_what_is_asked_takes_as_much_as_its_answer(asking: Connection, what: str) -> None:
    statement, values, most = ASKED[what]
    # The second repository hears the source that was read last, and the first has to find that out.
    for repository in (1, 2):
        assert await looked_at(asking, statement, repository, 1, *values) < most


async def test_what_a_repository_calls_its_state_takes_one_look_at_each_version(asking: Connection) -> None:
    versions = await asking.fetchval("SELECT count(*) FROM collection_version")
    assert await looked_at(asking, repositories._PUBLISHED, 1, 1) < 500 + 2 * versions
