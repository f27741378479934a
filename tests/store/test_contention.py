"""Workers write the same versions at once, in any orders: each waits for one thing, so none waits for ever."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest

from collectionsync.store import plan
from collectionsync.store.artifacts import StoredArtifact, store_id
from collectionsync.store.content import Outcome, Version, fill_version
from collectionsync.store.database import Connection, Database, connected
from collectionsync.store.namespaces import Avatar, store_namespace
from collectionsync.store.repository import publish
from collectionsync.store.said import Said, Signature
from store.helpers import (
    FINGERPRINT,
    Onlooker,
    Text,
    bring,
    digest,
    item,
    opened,
    until,
    version,
    waiting_for_a_lock,
)

pytestmark = pytest.mark.slow

VERSIONS = [version(f"c{number}") for number in range(60)]


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
            outcomes.append((await bring(database, run, one, documents))[0])

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


async def test_workers_that_fill_one_version_in_opposite_orders_do_not_lock_each_other_out(
    writers: list[Database], session: Connection, store: Database
) -> None:
    run = await opened(session)
    for round_ in range(10):
        one = version(f"c{round_}")
        await bring(store, run, one)
        version_id = await session.fetchval("SELECT id FROM collection_version WHERE sha256 = $1", one.sha256)
        documents = [
            Text(b'"' + b"x" * 200_000 + b'"', kind) for kind in ("docs_blob", "files", "manifest", "metadata")
        ]
        orders = [documents, documents[::-1], documents[2:] + documents[:2]]
        # Each under a run of its own, as workers are.
        runs = [await opened(session, repository=f"r{round_}-{number}") for number in range(3)]
        filled = await asyncio.gather(
            *(
                fill_version(writer, run, item(run, one), version_id, order)
                for writer, run, order in zip(writers, runs, orders, strict=True)
            )
        )
        assert sorted(document.kind for _, new in filled for document in new) == [each.kind for each in documents]


@pytest.mark.parametrize("filling", [False, True], ids=["store_version", "fill_version"])
async def test_whoever_writes_to_a_known_version_waits_for_its_row_before_anything_else(
    store: Database, session: Connection, onlooker: Onlooker, filling: bool
) -> None:
    run = await opened(session)
    await bring(store, run, version())
    version_id = await session.fetchval("SELECT id FROM collection_version")
    async with onlooker.transaction():
        await onlooker.execute("SELECT FROM collection_version FOR NO KEY UPDATE")
        write = (
            fill_version(store, run, item(run, version()), version_id, [Text(b"{}")])
            if filling
            else bring(store, run, version(), [Text(b"{}")])
        )
        writing = asyncio.create_task(write)
        waiting = asyncio.create_task(until(lambda: waiting_for_a_lock(session)))
        done, _ = await asyncio.wait({writing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        assert writing not in done
        held = await session.fetch(
            "SELECT relation::regclass::text AS name FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE wait_event_type = 'Lock' AND relation IS NOT NULL AND mode = 'RowExclusiveLock'"
        )
        assert all(row["name"].startswith("collection_version") for row in held), (
            "of other tables it has locked nothing"
        )
    assert (await writing)[0] is Outcome.FILLED


async def test_a_version_that_is_written_to_can_be_published_meanwhile(
    store: Database, session: Connection, onlooker: Onlooker
) -> None:
    run = await opened(session)
    await bring(store, run, version())
    async with onlooker.transaction():
        await onlooker.execute("SELECT FROM collection_version FOR NO KEY UPDATE")
        assert (await publish(session, run, mirror=True)).added == 1


Write = Callable[[Database, plan.Run, Version], Awaitable[object]]


async def work(database: Database, name: str, order: Sequence[Version], write: Write) -> None:
    """Write the versions as one worker does: three at a time, in this order, and publish them."""
    waiting = list(reversed(order))

    async def insert(run: plan.Run) -> None:
        while waiting:
            await write(database, run, waiting.pop())

    async with database.session() as lease:
        run = await opened(lease, repository=name, owner=name)
        await asyncio.gather(*(insert(run) for _ in range(3)))
        await publish(lease, run, mirror=True)


def signed(by: str) -> list[Signature]:
    return [Signature(digest(text), text, by) for text in (f"{by} 1", f"{by} 2", "by both")]


@pytest.mark.parametrize("known", [False, True], ids=["new versions", "known versions"])
async def test_workers_that_write_all_there_is_of_the_same_versions_leave_what_one_of_them_wrote(
    writers: list[Database], session: Connection, store: Database, known: bool
) -> None:
    place = await store_id(session, "s3://mirror")
    if known:
        before = await opened(session, asked="before")
        for one in VERSIONS:
            await bring(store, before, one, [Text(b"[]", "manifest")], said=Said(signatures=signed("before")))

    def writing(number: int) -> Write:
        async def write(database: Database, run: plan.Run, one: Version) -> None:
            verified = "Members" if number == 0 else "Chain"
            said = Said(
                marks=[f"m{number}"], fingerprint=FINGERPRINT, signatures=signed(f"w{number}")[:: 1 - 2 * (number % 2)]
            )
            documents = [Text(b"{}", kind) for kind in ("manifest", "files", "docs_blob")]
            await bring(database, run, one, documents, said=said, artifact=StoredArtifact(place, 1, verified))

        return write

    orders = [VERSIONS, VERSIONS[::-1], random.Random(1).sample(VERSIONS, len(VERSIONS))]
    await asyncio.gather(*(work(writers[n], f"r{n}", orders[n], writing(n)) for n in range(3)))
    rows = await session.fetch(
        "SELECT s.marks[1] AS mark, array_agg(DISTINCT g.pubkey_fingerprint) AS signers, count(*) AS n"
        " FROM source_version s JOIN source_signature g USING (source_id, version_id) GROUP BY s.version_id, s.marks"
    )
    assert len(rows) == len(VERSIONS)
    assert all(row["signers"] == [row["mark"].replace("m", "w")] and row["n"] == 3 for row in rows)
    assert await session.fetchval("SELECT count(*) FROM artifact WHERE verified = 'Members'") == len(VERSIONS)
    assert await session.fetchval("SELECT count(*) FROM collection_document WHERE body::text = '{}'") == 3 * len(
        VERSIONS
    )


async def test_workers_whose_source_changes_digests_meanwhile_all_end(
    writers: list[Database], session: Connection
) -> None:
    rebuilt = [version(one.name, artifact="rebuilt") for one in VERSIONS]
    both = [one for pair in zip(VERSIONS, rebuilt, strict=True) for one in pair]

    async def write(database: Database, run: plan.Run, one: Version) -> None:
        await bring(
            database, run, one, [Text(b"{}")], said=Said(fingerprint=FINGERPRINT, signatures=signed(one.sha256))
        )

    orders = [both, both[::-1], random.Random(2).sample(both, len(both))]
    await asyncio.gather(*(work(writers[n], f"r{n}", orders[n], write) for n in range(3)))
    assert await session.fetchval("SELECT count(*) FROM source_version") == len(VERSIONS)
    assert await session.fetchval("SELECT count(*) FROM source_signature") == 3 * len(both)


async def test_workers_that_feed_one_repository_publish_one_after_the_other(
    writers: list[Database], session: Connection
) -> None:
    async def feed(database: Database, owner: str, order: Sequence[Version]) -> None:
        async with database.session() as lease:
            for number in range(4):
                run = await opened(lease, owner=owner, asked=f"{owner} {number}")
                for one in order[number * 10 : number * 10 + 20]:
                    await bring(database, run, one)
                    await plan.note_collection(
                        lease, run, "acme", one.name, source_id=run.source_id, deprecated=number % 2 == 0, complete=True
                    )
                await publish(lease, run, mirror=True)
                await plan.finish(lease, run, result="Succeeded", report=b"{}")

    await asyncio.gather(*(feed(writers[n], f"r{n}", VERSIONS[:: 1 - 2 * (n % 2)]) for n in range(3)))
    wanted = {one.name for one in VERSIONS[30:50]} | {one.name for one in VERSIONS[::-1][30:50]}
    assert {row["name"] for row in await session.fetch("SELECT name FROM repository_current")} == wanted


async def test_workers_that_read_the_same_namespaces_in_opposite_orders_all_end(
    writers: list[Database], session: Connection
) -> None:
    run = await opened(session)
    names = [f"n{number}" for number in range(50)]
    pictures = [Avatar(digest(str(number)), "image/png", bytes([number])) for number in range(5)]

    async def read(database: Database, order: Sequence[str], shift: int) -> None:
        for number, name in enumerate(order):
            picture = pictures[(number + shift) % 5]
            await store_namespace(
                database, run.source_id, name, announced_sha256=digest(name), body=b"{}", avatar=picture
            )

    await asyncio.gather(*(read(writers[n], names[:: 1 - 2 * (n % 2)], n) for n in range(3)))
    assert await session.fetchval("SELECT count(*) FROM source_namespace") == len(names)
