"""A database of the release before, with content and a run that was killed, is taken over as it is."""

from collections.abc import AsyncIterator

import pytest

from collectionsync.store import plan
from collectionsync.store.content import Outcome
from collectionsync.store.database import Connection, Database, connected
from collectionsync.store.migrate import migrate, migrations
from collectionsync.store.plan import Requirement
from collectionsync.store.repository import publish
from store.helpers import SOURCE, TERMS, Text, bring, content, current, digest, listed, opened, version

pytestmark = pytest.mark.slow

PUBLISHED, BROUGHT, CLAIMED, NEW = (version(name) for name in ("published", "brought", "claimed", "new"))
# What workers of that release send.
INSERT = """
    INSERT INTO collection_version
        (namespace, name, version, sort_key, sha256, size, requires_ansible, dependencies, tags)
    VALUES ($1, $2, $3, $3, $4, 1, NULL, '{"acme.gamma": "*"}', '{}') RETURNING id
"""
REMEMBER = """
    INSERT INTO source_version (source_id, namespace, name, version, version_id)
    SELECT 1, namespace, name, version, id FROM collection_version WHERE id = $1 ON CONFLICT DO NOTHING
"""
REQUIRE = """
    INSERT INTO sync_requirement (run_id, name, range, required_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
SETTLE = """
    INSERT INTO sync_item (run_id, namespace, name, version, state, version_id, reason, message)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (run_id, namespace, name, version) DO UPDATE
    SET state = excluded.state, version_id = excluded.version_id, reason = excluded.reason, message = excluded.message
"""


async def brought(connection: Connection, name: str) -> int:
    """Store a version as that release does."""
    one = version(name)
    version_id = await connection.fetchval(INSERT, one.namespace, one.name, one.version, one.sha256)
    await connection.execute(
        "INSERT INTO collection_document VALUES ($1, 'docs_blob', '{}', 2, $2, false)", version_id, digest("{}")
    )
    await connection.execute(REMEMBER, version_id)
    return int(version_id)


async def settled(connection: Connection, run_id: int, name: str, state: str, version_id: int | None) -> None:
    await connection.execute(SETTLE, run_id, "acme", name, "1.0.0", state, version_id, None, None)


@pytest.fixture
async def old(database: str) -> AsyncIterator[Database]:
    """A store that has the schema of the release before: one version is published, and a run was killed."""
    async with connected(database, sessions=2) as opened_:
        async with opened_.transaction() as connection:
            await connection.execute("CREATE TABLE schema_migration (number integer PRIMARY KEY, name text)")
            await connection.execute("ALTER TABLE schema_migration ADD applied_at timestamptz DEFAULT now()")
            for number in (1, 2, 3):
                await connection.execute(migrations()[number].read_text())
                await connection.execute("INSERT INTO schema_migration VALUES ($1, 'before')", number)
            await connection.execute("INSERT INTO source (url) VALUES ($1)", SOURCE)
            await connection.execute("INSERT INTO repository (namespace, name) VALUES ('team-a', 'main')")
            published = await brought(connection, "published")
            await connection.execute("INSERT INTO repository_content VALUES (1, $1, 1)", published)
            await connection.execute("INSERT INTO repository_version VALUES (1, 1, 'revision')")
            run_id = await connection.fetchval(
                "INSERT INTO sync_run (repository_id, source_id, plan_sha256) VALUES (1, 1, $1) RETURNING id",
                digest("everything"),
            )
            await connection.execute(REQUIRE, run_id, "acme.brought", "*", None)
            await connection.execute(REQUIRE, run_id, "acme.gamma", "*", "acme.brought 1.0.0")
            await settled(connection, run_id, "brought", "Created", await brought(connection, "brought"))
            await settled(connection, run_id, "claimed", "Claimed", None)
            await settled(connection, run_id, "gone", "Failed", None)
        yield opened_


async def test_only_what_is_new_is_migrated(old: Database) -> None:
    assert await migrate(old) == ["0004_parity", "0005_catalog"]
    assert await migrate(old) == []


async def test_what_is_published_stays_published(old: Database) -> None:
    await migrate(old)
    async with old.session() as session:
        assert await current(session) == content(PUBLISHED)


async def resumed(session: Connection) -> plan.Run:
    """Resume the run, and list what its source has by now."""
    run = await opened(session)
    for name in ("brought", "claimed", "new"):
        await plan.add_items(session, run, "acme", name, listed("1.0.0"), source_id=run.source_id)
    return run


async def test_the_run_that_was_killed_is_resumed(old: Database) -> None:
    await migrate(old)
    async with old.session() as session:
        run = await opened(session)
        assert (run.id, run.resumed) == (1, True)
        assert await plan.pending_requirements(session, run) == [Requirement("acme.brought", "*")]


async def test_the_run_that_was_killed_comes_to_its_end(old: Database) -> None:
    await migrate(old)
    async with old.session() as session:
        run = await resumed(session)
        claim = await plan.claim(session, run, 10, terms=TERMS)
        assert {each.name for each in claim.items} == {"brought", "claimed", "new"}
        for one in (BROUGHT, CLAIMED, NEW):
            await bring(old, run, one, [Text(b"{}")])
        await plan.require_dependencies(session, run)
        assert [each.name for each in await plan.pending_requirements(session, run)] == ["acme.brought", "acme.gamma"]
        await publish(session, run, mirror=False)
        await plan.finish(session, run, result="Succeeded", report=b"{}")
        assert await current(session) == content(PUBLISHED, BROUGHT, CLAIMED, NEW)


async def test_a_mirror_leaves_what_was_published_before_there_were_claims(old: Database) -> None:
    await migrate(old)
    async with old.session() as session:
        run = await opened(session, asked="something else")
        await bring(old, run, NEW)
        assert (await publish(session, run, mirror=True)).removed == 0
        assert await current(session) == content(PUBLISHED, NEW)


async def test_a_mirror_removes_what_it_has_claimed_since(old: Database) -> None:
    await migrate(old)
    async with old.session() as session:
        for wanted, removed in ((PUBLISHED, 0), (NEW, 1)):
            run = await opened(session, asked=wanted.name)
            await bring(old, run, wanted)
            assert (await publish(session, run, mirror=True)).removed == removed
        assert await current(session) == content(NEW)


async def test_what_is_known_is_read_again_once_for_its_signatures(old: Database) -> None:
    await migrate(old)
    async with old.session() as session:
        for asked, to_read in (("first", ["published"]), ("second", [])):
            run = await opened(session, asked=asked)
            await plan.add_items(session, run, "acme", "published", listed("1.0.0"), source_id=run.source_id)
            claimed = (await plan.claim(session, run, 10, terms=TERMS)).items
            assert [each.name for each in claimed] == to_read
            for _ in claimed:
                assert await bring(old, run, PUBLISHED, [Text(b"{}")]) == (Outcome.UNCHANGED, [])


async def test_a_worker_of_the_release_before_goes_on_beside(old: Database) -> None:
    await migrate(old)
    async with old.session() as session:
        await session.execute(REQUIRE, 1, "acme.late", "*", "acme.brought 1.0.0")
        await settled(session, 1, "late", "Created", await brought(session, "late"))
        run = await opened(session)
        await plan.add_items(session, run, "acme", "late", listed("1.0.0"), source_id=run.source_id)
        assert [each.name for each in (await plan.claim(session, run, 10, terms=TERMS)).items] == ["late"]
