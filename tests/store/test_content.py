"""A version is written once, by whoever comes first, and the others find it: whole or not at all."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from collectionsync.store import plan
from collectionsync.store.content import ConflictError, Outcome, Version, fill_version, store_version
from collectionsync.store.database import Connection, Database, connected
from store.helpers import SOURCE, Onlooker, Text, digest, item, opened, until, version, waiting_for_a_lock

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
    assert await store_version(store, run, item(version()), version(), documents) == (Outcome.CREATED, documents)
    assert await kinds(session) == ["docs_blob", "files"]
    assert await state(session, run, version()) == "Created"


async def test_a_version_keeps_its_narrow_row(store: Database, run: plan.Run, session: Connection) -> None:
    one = version(dependencies={"acme.beta": ">=1.0.0"}, tags=["a", "b"])
    await store_version(store, run, item(one), one, [])
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
    await store_version(store, run, item(version()), version(), [Text(b"{}")])
    again = await store_version(store, run, item(version()), version(), [Text(b"[]")])
    assert again == (Outcome.UNCHANGED, [])
    assert await session.fetchval("SELECT body::text FROM collection_document") == "{}"


async def test_a_version_that_lacks_documents_is_filled(store: Database, run: plan.Run, session: Connection) -> None:
    await store_version(store, run, item(version()), version(), [Text(b"{}", "files")])
    new = Text(b"{}")
    again = await store_version(store, run, item(version()), version(), [Text(b"[]", "files"), new])
    assert again == (Outcome.FILLED, [new])
    assert await kinds(session) == ["docs_blob", "files"]
    assert await state(session, run, version()) == "Filled"


async def test_a_known_version_is_filled_without_its_detail(
    store: Database, run: plan.Run, session: Connection
) -> None:
    await store_version(store, run, item(version()), version(), [])
    version_id = await session.fetchval("SELECT id FROM collection_version")
    new = Text(b"{}")
    assert await fill_version(store, run, item(version()), version_id, [new]) == (Outcome.FILLED, [new])
    assert await fill_version(store, run, item(version()), version_id, [new]) == (Outcome.UNCHANGED, [])


async def test_a_digest_that_is_known_as_another_version_is_a_conflict_and_leaves_nothing(
    store: Database, run: plan.Run, session: Connection
) -> None:
    await store_version(store, run, item(version()), version(), [])
    other = version("beta")
    claimed = Version(**{field: getattr(other, field) for field in Version.__slots__} | {"sha256": version().sha256})
    with pytest.raises(ConflictError, match=r"is known as acme\.alpha 1\.0\.0"):
        await store_version(store, run, item(other), claimed, [Text(b"{}")])
    assert await kinds(session) == []
    assert await session.fetchval("SELECT count(*) FROM sync_item WHERE name = 'beta'") == 0


async def test_two_sources_that_disagree_about_a_version_are_both_kept(store: Database, session: Connection) -> None:
    for source in (SOURCE, "https://other.example.com/"):
        run = await opened(session, source=source)
        one = version(artifact=source)
        await store_version(store, run, item(one), one, [])
    assert await session.fetchval("SELECT count(DISTINCT version_id) FROM source_version") == 2


async def test_two_sources_that_agree_share_one_version(store: Database, session: Connection) -> None:
    for source in (SOURCE, "https://other.example.com/"):
        run = await opened(session, source=source)
        await store_version(store, run, item(version()), version(), [])
    assert await session.fetchval("SELECT count(*) FROM collection_version") == 1
    assert await session.fetchval("SELECT count(*) FROM source_version") == 2


@pytest.fixture
async def writers(database: str, store: Database) -> AsyncIterator[list[Database]]:
    """Three workers' pools."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(database, sessions=4)) for _ in range(3)]


async def bring_all(database: Database, name: str, order: Sequence[Version]) -> list[Outcome]:
    """Bring the versions as one worker does: three at a time, in this order."""
    waiting = list(reversed(order))
    outcomes: list[Outcome] = []

    async def insert(run: plan.Run) -> None:
        while waiting:
            one = waiting.pop()
            documents = [
                Text(f'{{"docs_blob": "{kind} of {one.name}"}}'.encode(), kind) for kind in ("files", "docs_blob")
            ]
            outcomes.append((await store_version(database, run, item(one), one, documents))[0])

    async with database.session() as lease:
        run = await opened(lease, repository=name)
        await asyncio.gather(*(insert(run) for _ in range(3)))
    return outcomes


@pytest.mark.parametrize("shuffled", [False, True], ids=["opposite orders", "random orders"])
@pytest.mark.parametrize("count", [2, 3])
async def test_workers_that_write_the_same_versions_write_each_once_and_whole(
    writers: list[Database], onlooker: Onlooker, count: int, shuffled: bool
) -> None:
    versions = [version(f"c{number}") for number in range(100)]
    orders = [versions, versions[::-1], versions[50:] + versions[:50]][:count]
    if shuffled:
        orders = [random.Random(seed).sample(versions, 100) for seed in range(count)]
    outcomes = await asyncio.gather(
        *(bring_all(writer, f"r{n}", order) for n, (writer, order) in enumerate(zip(writers, orders, strict=False)))
    )
    created = [outcome for each in outcomes for outcome in each]
    assert (created.count(Outcome.CREATED), len(created)) == (100, 100 * count)
    assert Outcome.FILLED not in created
    whole = await onlooker.fetch(
        "SELECT v.name FROM collection_version v JOIN collection_document d ON d.version_id = v.id"
        " WHERE d.sha256 = encode(sha256(convert_to(body::text, 'UTF8')), 'hex')"
        " AND body ->> 'docs_blob' = kind || ' of ' || v.name"
        " GROUP BY v.name HAVING array_agg(kind ORDER BY kind) = '{docs_blob,files}'"
    )
    assert {row["name"] for row in whole} == {one.name for one in versions}
    assert await onlooker.fetchval("SELECT count(*) FROM collection_version") == 100
    assert await onlooker.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0


async def test_whoever_comes_second_waits_and_finds_the_first_one_s_version(
    store: Database, run: plan.Run, onlooker: Onlooker
) -> None:
    first = onlooker.transaction()
    await first.start()
    await insert_by_hand(onlooker, version())
    second = asyncio.create_task(store_version(store, run, item(version()), version(), []))
    await until(lambda: waiting_for_a_lock(onlooker))
    await first.commit()
    assert await second == (Outcome.UNCHANGED, [])


async def test_whoever_comes_second_becomes_first_when_the_first_fails(
    store: Database, run: plan.Run, onlooker: Onlooker
) -> None:
    first = onlooker.transaction()
    await first.start()
    await insert_by_hand(onlooker, version())
    second = asyncio.create_task(store_version(store, run, item(version()), version(), []))
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
    await store_version(store, run, item(version()), version(), [])
    version_id = await session.fetchval("SELECT id FROM collection_version")
    other = onlooker.transaction()
    await other.start()
    await onlooker.execute(
        "INSERT INTO collection_document VALUES ($1, 'docs_blob', '[]', 2, $2, false)", version_id, digest("[]")
    )
    files, docs = Text(b"{}", "files"), Text(b"{}")
    filling = asyncio.create_task(fill_version(store, run, item(version()), version_id, [files, docs]))
    await until(lambda: waiting_for_a_lock(session))
    await other.commit()
    assert await filling == (Outcome.FILLED, [files])
    bodies = await session.fetch("SELECT kind, body::text FROM collection_document ORDER BY kind")
    assert [tuple(row) for row in bodies] == [("docs_blob", "[]"), ("files", "{}")]


async def test_workers_that_fill_one_version_in_opposite_orders_do_not_lock_each_other_out(
    writers: list[Database], session: Connection, run: plan.Run, store: Database
) -> None:
    for round_ in range(10):
        one = version(f"c{round_}")
        await store_version(store, run, item(one), one, [])
        version_id = await session.fetchval("SELECT id FROM collection_version WHERE sha256 = $1", one.sha256)
        documents = [
            Text(b'"' + b"x" * 200_000 + b'"', kind) for kind in ("docs_blob", "files", "manifest", "metadata")
        ]
        orders = [documents, documents[::-1], documents[2:] + documents[:2]]
        # Each under a run of its own, as workers are.
        runs = [await opened(session, repository=f"r{round_}-{number}") for number in range(3)]
        filled = await asyncio.gather(
            *(
                fill_version(writer, run, item(one), version_id, order)
                for writer, run, order in zip(writers, runs, orders, strict=True)
            )
        )
        assert sorted(document.kind for _, new in filled for document in new) == [each.kind for each in documents]
