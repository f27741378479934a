"""Runs: whoever is killed is followed by a worker that goes on, and nobody works on what another one works on."""

import asyncio

import pytest

from collectionsync.store import plan
from collectionsync.store.database import Connection, Database, DatabaseConfigurationError, connected
from collectionsync.store.run import _take_up
from postgres import execute
from store.helpers import OTHER_SOURCE, SOURCE, Onlooker, digest, item, listed, opened, version

pytestmark = pytest.mark.slow


async def runs(connection: Connection) -> list[int]:
    return [row["id"] for row in await connection.fetch("SELECT id FROM sync_run ORDER BY id")]


async def states(connection: Connection, run: plan.Run) -> dict[str, str]:
    rows = await connection.fetch("SELECT version, state FROM sync_item WHERE run_id = $1", run.id)
    return {row["version"]: row["state"] for row in rows}


async def test_a_first_run_is_new(session: Connection) -> None:
    assert not (await opened(session)).resumed


async def test_an_unfinished_run_whose_worker_is_gone_is_resumed(store: Database, session: Connection) -> None:
    async with store.session() as lease:
        first = await opened(lease)
    second = await opened(session)
    assert (second.id, second.resumed) == (first.id, True)


async def test_an_unfinished_run_whose_worker_was_cut_off_is_resumed(store: Database, onlooker: Onlooker) -> None:
    with pytest.raises(Exception, match="connection"):  # noqa: PT012
        async with store.session() as lease:
            first = await opened(lease)
            await onlooker.execute("SELECT pg_terminate_backend($1, 60000)", await backend(lease))
            await lease.execute("SELECT 1")
    async with store.session() as lease:
        assert (await opened(lease)).id == first.id


async def backend(connection: Connection) -> int:
    return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def test_a_run_that_another_worker_works_on_is_not_resumed(store: Database, session: Connection) -> None:
    first = await opened(session)
    async with store.session() as lease:
        second = await opened(lease)
    assert (second.id != first.id, second.resumed) == (True, False)


@pytest.mark.parametrize(
    "other",
    [
        {"asked": "less"},
        {"repository": "other"},
        {"namespace": "team-b"},
        {"owner": "another"},
        {"source": "https://other.example.com/"},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_run_of_something_else_is_not_resumed(
    store: Database, session: Connection, other: dict[str, str]
) -> None:
    async with store.session() as lease:
        first = await opened(lease)
    second = await opened(session, **other)
    assert (second.id != first.id, second.resumed) == (True, False)


async def test_a_finished_run_is_not_resumed(session: Connection) -> None:
    first = await opened(session)
    await plan.finish(session, first, result="Succeeded", report=b"{}")
    assert not (await opened(session)).resumed


async def test_a_run_that_is_finished_in_the_very_moment_is_not_taken_up(
    store: Database, session: Connection, onlooker: Onlooker
) -> None:
    async with store.session() as lease:
        run = await opened(lease)
        await plan.finish(lease, run, result="Succeeded", report=b"{}")
    assert not await _take_up(session, run)
    assert await onlooker.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


async def test_workers_that_begin_at_once_have_a_run_each(store: Database, onlooker: Onlooker) -> None:
    together = asyncio.Barrier(7)

    async def begin() -> plan.Run:
        async with store.session() as lease:
            run = await opened(lease)
            await together.wait()
            return run

    begun = await asyncio.gather(*(begin() for _ in range(7)))
    assert [run.resumed for run in begun] == [False] * 7
    assert sorted(run.id for run in begun) == await runs(onlooker)


async def test_workers_that_resume_at_once_share_nothing(store: Database, session: Connection) -> None:
    async with store.session() as lease:
        killed = await opened(lease)
    together = asyncio.Barrier(6)

    async def begin() -> plan.Run:
        async with store.session() as lease:
            run = await opened(lease)
            await together.wait()
            return run

    begun = await asyncio.gather(*(begin() for _ in range(6)))
    assert [run.id for run in begun if run.resumed] == [killed.id]
    assert len({run.id for run in begun}) == 6


async def test_a_run_has_room_for_more_runs_than_an_integer_counts(store: Database, session: Connection) -> None:
    await session.execute("ALTER TABLE sync_run ALTER id RESTART WITH 5000000000")
    async with store.session() as lease:
        first = await opened(lease)
        assert not (await opened(session, asked="less")).resumed
    second = await opened(session)
    assert (first.id, second.id, second.resumed) == (5_000_000_000, 5_000_000_000, True)
    await plan.finish(session, second, result="Succeeded", report=b"{}")


async def test_a_finished_run_forgets_its_items_and_keeps_its_failures(session: Connection) -> None:
    run = await opened(session)
    await plan.add_items(session, run, "acme", "alpha", listed("1.0.0", "2.0.0"), source_id=run.source_id)
    await plan.note_collection(session, run, "acme", "alpha", source_id=run.source_id, deprecated=False, complete=True)
    await plan.settle(session, run, item(run, version()), state="Failed", reason="NotFound", message="gone")
    await plan.finish(session, run, result="Partial", report=b'{"result": "Partial"}')
    assert await states(session, run) == {"1.0.0": "Failed"}
    assert await session.fetch("SELECT FROM sync_collection") == []


async def test_a_finished_run_keeps_its_report(session: Connection) -> None:
    run = await opened(session)
    await plan.finish(session, run, result="Partial", report=rb'{"message": "\u0000"}')
    row = await session.fetchrow("SELECT result, report::text, ended_at IS NOT NULL AS ended FROM sync_run")
    assert row is not None
    assert tuple(row) == ("Partial", r'{"message": "\u0000"}', True)


async def test_a_finished_run_gives_its_lock_up(session: Connection, onlooker: Onlooker) -> None:
    await plan.finish(session, await opened(session), result="Succeeded", report=b"{}")
    assert await onlooker.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


async def test_ten_finished_runs_of_a_repository_are_kept(session: Connection) -> None:
    other = await opened(session, repository="other")
    await plan.finish(session, other, result="Succeeded", report=b"{}")
    finished = []
    for _ in range(12):
        run = await opened(session)
        await plan.finish(session, run, result="Succeeded", report=b"{}")
        finished.append(run.id)
    assert await runs(session) == [other.id, *finished[-10:]]


async def test_a_dead_run_that_nobody_will_resume_is_deleted_with_its_items(
    store: Database, session: Connection
) -> None:
    async with store.session() as lease:
        dead = await opened(lease, asked="something that nobody asks for any more")
        await plan.require(lease, dead, [plan.Requirement("acme.alpha", "*")])
        await plan.add_items(lease, dead, "acme", "alpha", listed("1.0.0"), source_id=dead.source_id)
    run = await opened(session)
    await plan.finish(session, run, result="Succeeded", report=b"{}")
    assert await runs(session) == [run.id]
    assert await states(session, dead) == {}


async def test_a_run_that_another_worker_works_on_is_not_deleted(store: Database, session: Connection) -> None:
    async with store.session() as lease:
        alive = await opened(lease, asked="something else")
        run = await opened(session)
        await plan.finish(session, run, result="Succeeded", report=b"{}")
        assert await runs(session) == [alive.id, run.id]


async def test_workers_of_one_repository_that_end_at_once_do_not_stand_in_each_other_s_way(
    database: str, store: Database
) -> None:
    async def work(number: int) -> None:
        async with connected(database, sessions=1) as own, own.session() as lease:
            for _ in range(8):
                run = await opened(lease, asked=str(number))
                await plan.finish(lease, run, result="Succeeded", report=b"{}")

    await asyncio.gather(*(work(number) for number in range(4)))
    assert execute(database, "SELECT count(*) FROM sync_run") == 10


async def test_a_run_can_begin_while_another_one_publishes(store: Database, onlooker: Onlooker) -> None:
    async with store.session() as lease:
        run = await opened(lease)
        async with onlooker.transaction():
            await onlooker.execute("SELECT FROM repository WHERE id = $1 FOR NO KEY UPDATE", run.repository_id)
            async with store.session() as other:
                assert not (await opened(other)).resumed


async def test_a_run_that_only_planned_leaves_nothing(session: Connection, onlooker: Onlooker) -> None:
    run = await opened(session)
    await plan.require(session, run, [plan.Requirement("acme.alpha", "*")])
    await plan.add_items(session, run, "acme", "alpha", listed("1.0.0"), source_id=run.source_id)
    await plan.settle_planned(session, run, item(run, version()), dependencies={}, size=10)
    await plan.discard(session, run)
    assert await runs(session) == []
    assert await states(session, run) == {}
    assert await onlooker.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


async def test_a_source_has_one_number(session: Connection) -> None:
    run = await opened(session)
    other = await plan.source_id(session, OTHER_SOURCE)
    assert await plan.source_id(session, OTHER_SOURCE) == other != run.source_id
    assert await plan.source_id(session, SOURCE) == run.source_id


async def test_a_url_that_no_index_can_hold_is_refused(session: Connection) -> None:
    with pytest.raises(DatabaseConfigurationError, match="at most 2600 bytes"):
        await plan.source_id(session, "https://" + "".join(map(chr, range(0x4E00, 0x5300))))


async def test_nothing_is_remembered_of_a_resource_that_never_left_nothing_undone(session: Connection) -> None:
    assert await plan.last_sync(session, await opened(session)) is None


async def test_the_last_run_that_left_nothing_undone_is_remembered_of_each_resource(session: Connection) -> None:
    run, other = await opened(session), await opened(session, owner="other")
    await plan.remember_sync(session, run, plan_sha256=digest("old"), published="yesterday")
    await plan.remember_sync(session, other, plan_sha256=digest("other"), published=None)
    await session.execute("UPDATE repository_sync SET finished_at = now() - interval '1 hour'")
    await plan.remember_sync(session, run, plan_sha256=digest("new"), published="today")
    mine, theirs = await plan.last_sync(session, run), await plan.last_sync(session, other)
    assert mine is not None
    assert theirs is not None
    assert (mine.plan_sha256, mine.published, mine.age_seconds < 1800) == (digest("new"), "today", True)
    assert (theirs.plan_sha256, theirs.published, theirs.age_seconds >= 3600) == (digest("other"), None, True)
