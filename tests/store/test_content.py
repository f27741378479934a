"""A version is written once, by whoever comes first, and the others find it: whole or not at all."""

import asyncio

import pytest

from collectionsync.store import plan
from collectionsync.store.content import ConflictError, Outcome, Version, fill_version
from collectionsync.store.database import Connection, Database
from store.helpers import SOURCE, Onlooker, Text, bring, digest, item, opened, until, version, waiting_for_a_lock

pytestmark = pytest.mark.slow


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    return await opened(session)


async def state(session: Connection, run: plan.Run, of: Version) -> str:
    return str(
        await session.fetchval(
            "SELECT state FROM sync_item WHERE run_id = $1 AND (namespace, name, version) = ($2, $3, $4)",
            run.id,
            of.namespace,
            of.name,
            of.version,
        )
    )


async def kinds(session: Connection) -> list[str]:
    return [row["kind"] for row in await session.fetch("SELECT kind FROM collection_document ORDER BY kind")]


async def test_a_new_version_is_created_with_its_documents(store: Database, run: plan.Run, session: Connection) -> None:
    documents = [Text(b"{}", "files"), Text(b"{}")]
    assert await bring(store, run, version(), documents) == (Outcome.CREATED, documents)
    assert await kinds(session) == ["docs_blob", "files"]
    assert await state(session, run, version()) == "Created"


async def test_a_version_keeps_its_narrow_row(store: Database, run: plan.Run, session: Connection) -> None:
    one = version(dependencies={"acme.beta": ">=1.0.0"}, tags=["a", "b"])
    await bring(store, run, one)
    row = await session.fetchrow(
        "SELECT namespace, name, version, sort_key, sha256, size, requires_ansible,"
        " dependencies ->> 'acme.beta' AS dependency, tags FROM collection_version"
    )
    assert row is not None
    assert tuple(row) == (
        *("acme", "alpha", "1.0.0", "1.0.0", one.sha256, 1000, ">=2.15"),
        *(">=1.0.0", ["a", "b"]),
    )


async def test_a_version_that_is_there_is_unchanged(store: Database, run: plan.Run, session: Connection) -> None:
    await bring(store, run, version(), [Text(b"{}")])
    again = await bring(store, run, version(), [Text(b"[]")])
    assert again == (Outcome.UNCHANGED, [])
    assert await session.fetchval("SELECT body::text FROM collection_document") == "{}"


async def test_a_version_that_lacks_documents_is_filled(store: Database, run: plan.Run, session: Connection) -> None:
    await bring(store, run, version(), [Text(b"{}", "files")])
    new = Text(b"{}")
    again = await bring(store, run, version(), [Text(b"[]", "files"), new])
    assert again == (Outcome.FILLED, [new])
    assert await kinds(session) == ["docs_blob", "files"]
    assert await state(session, run, version()) == "Filled"


async def test_a_known_version_is_filled_without_its_detail(
    store: Database, run: plan.Run, session: Connection
) -> None:
    await bring(store, run, version())
    version_id = await session.fetchval("SELECT id FROM collection_version")
    new = Text(b"{}")
    assert await fill_version(store, run, item(run, version()), version_id, [new]) == (Outcome.FILLED, [new])
    assert await fill_version(store, run, item(run, version()), version_id, [new]) == (Outcome.UNCHANGED, [])


async def test_a_digest_that_is_known_as_another_version_is_a_conflict_and_leaves_nothing(
    store: Database, run: plan.Run, session: Connection
) -> None:
    await bring(store, run, version())
    other = version("beta")
    claimed = Version(**{field: getattr(other, field) for field in Version.__slots__} | {"sha256": version().sha256})
    with pytest.raises(ConflictError, match=r"is known as acme\.alpha 1\.0\.0"):
        await bring(store, run, claimed, [Text(b"{}")])
    assert await kinds(session) == []
    assert await session.fetchval("SELECT count(*) FROM sync_item WHERE name = 'beta'") == 0


async def test_two_sources_that_disagree_about_a_version_are_both_kept(store: Database, session: Connection) -> None:
    for source in (SOURCE, "https://other.example.com/"):
        run = await opened(session, source=source)
        one = version(artifact=source)
        await bring(store, run, one)
    assert await session.fetchval("SELECT count(DISTINCT version_id) FROM source_version") == 2


async def test_two_sources_that_agree_share_one_version(store: Database, session: Connection) -> None:
    for source in (SOURCE, "https://other.example.com/"):
        run = await opened(session, source=source)
        await bring(store, run, version())
    assert await session.fetchval("SELECT count(*) FROM collection_version") == 1
    assert await session.fetchval("SELECT count(*) FROM source_version") == 2


async def test_a_version_that_is_left_out_is_kept_to_be_recognised(
    store: Database, run: plan.Run, session: Connection
) -> None:
    metadata = Text(b"{}", "metadata")
    assert await bring(store, run, version(), [metadata], excluded=True) == (Outcome.EXCLUDED, [metadata])
    row = await session.fetchrow("SELECT state, reason, version_id IS NOT NULL AS known FROM sync_item")
    assert row is not None
    assert tuple(row) == ("Excluded", "Unsigned", True)
    assert await kinds(session) == ["metadata"]


async def test_whoever_comes_second_waits_and_finds_the_first_one_s_version(
    store: Database, run: plan.Run, onlooker: Onlooker
) -> None:
    first = onlooker.transaction()
    await first.start()
    await insert_by_hand(onlooker, version())
    second = asyncio.create_task(bring(store, run, version()))
    await until(lambda: waiting_for_a_lock(onlooker))
    await first.commit()
    assert await second == (Outcome.UNCHANGED, [])


async def test_whoever_comes_second_becomes_first_when_the_first_fails(
    store: Database, run: plan.Run, onlooker: Onlooker
) -> None:
    first = onlooker.transaction()
    await first.start()
    await insert_by_hand(onlooker, version())
    second = asyncio.create_task(bring(store, run, version()))
    await until(lambda: waiting_for_a_lock(onlooker))
    await first.rollback()
    assert await second == (Outcome.CREATED, [])


async def insert_by_hand(connection: Onlooker, of: Version) -> int:
    return int(
        await connection.fetchval(
            "INSERT INTO collection_version (namespace, name, version, sort_key, sha256, size, dependencies, tags)"
            " VALUES ($1, $2, $3, $3, $4, 1, '{}', '{}') RETURNING id",
            of.namespace,
            of.name,
            of.version,
            of.sha256,
        )
    )


async def test_what_another_worker_fills_meanwhile_is_left_and_the_rest_is_filled(
    store: Database, run: plan.Run, session: Connection, onlooker: Onlooker
) -> None:
    await bring(store, run, version())
    version_id = await session.fetchval("SELECT id FROM collection_version")
    other = onlooker.transaction()
    await other.start()
    await onlooker.execute(
        "INSERT INTO collection_document VALUES ($1, 'docs_blob', '[]', 2, $2, false)", version_id, digest("[]")
    )
    files, docs = Text(b"{}", "files"), Text(b"{}")
    filling = asyncio.create_task(fill_version(store, run, item(run, version()), version_id, [files, docs]))
    await until(lambda: waiting_for_a_lock(session))
    await other.commit()
    assert await filling == (Outcome.FILLED, [files])
    bodies = await session.fetch("SELECT kind, body::text FROM collection_document ORDER BY kind")
    assert [tuple(row) for row in bodies] == [("docs_blob", "[]"), ("files", "{}")]
