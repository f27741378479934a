"""A run that was killed goes on: what it stored stays, and in the end it is like one that was never killed."""

from collections.abc import Iterable

import pytest

from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.store.plan import Requirement
from collectionsync.store.repository import publish
from store.helpers import OTHER_SOURCE, TERMS, Text, bring, digest, item, listed, opened, version

pytestmark = pytest.mark.slow

NUMBERS = ("1.0.0", "2.0.0", "3.0.0", "4.0.0", "5.0.0")


async def killed(store: Database) -> plan.Run:
    """A run that brought 1.0.0, found 2.0.0 unsigned, failed at 3.0.0, had claimed 4.0.0 and not yet 5.0.0."""
    async with store.session() as lease:
        run = await opened(lease)
        await plan.require(lease, run, [Requirement("acme.alpha", "*"), Requirement("acme.beta", "*")])
        await plan.add_items(lease, run, "acme", "alpha", listed(*NUMBERS), source_id=run.source_id)
        await bring(store, run, version(number="1.0.0", dependencies={"acme.gamma": "*"}), [Text(b"{}")])
        await plan.require_dependencies(lease, run)
        await bring(store, run, version(number="2.0.0"), excluded=True)
        await plan.settle(lease, run, item(run, version(number="3.0.0")), state="Failed", reason="ServerError")
        while "4.0.0" not in {each.version for each in (await plan.claim(lease, run, 1, terms=TERMS)).items}:
            pass
        await lease.execute("UPDATE sync_item SET state = 'Pending' WHERE version = '5.0.0'")
        await plan.settle_requirement(lease, run, Requirement("acme.alpha", "*"))
        await plan.settle_requirement(lease, run, Requirement("acme.beta", "*"), reason="NotFound", message="gone")
    return run


async def states(connection: Connection) -> dict[str, str]:
    rows = await connection.fetch("SELECT version, state FROM sync_item WHERE listed ORDER BY version")
    return {row["version"]: row["state"] for row in rows}


async def relisted(session: Connection, run: plan.Run, numbers: Iterable[str], **of: str) -> int:
    return await plan.add_items(session, run, "acme", "alpha", listed(*numbers, **of), source_id=run.source_id)


async def test_what_was_done_is_kept_and_the_rest_is_to_be_done(store: Database, session: Connection) -> None:
    await killed(store)
    run = await opened(session)
    assert await relisted(session, run, NUMBERS) == 3
    assert await states(session) == {
        "1.0.0": "Created",
        "2.0.0": "Excluded",
        "3.0.0": "Pending",
        "4.0.0": "Pending",
        "5.0.0": "Pending",
    }


async def test_every_requirement_of_the_user_is_looked_up_again_and_no_failure_is_left(
    store: Database, session: Connection
) -> None:
    await killed(store)
    run = await opened(session)
    assert await plan.pending_requirements(session, run) == [
        Requirement("acme.alpha", "*"),
        Requirement("acme.beta", "*"),
    ]
    assert await plan.failures(session, run, 10) == []


async def test_dependencies_come_back_with_what_depends_on_them(store: Database, session: Connection) -> None:
    await killed(store)
    run = await opened(session)
    await plan.require_dependencies(session, run)
    assert Requirement("acme.gamma", "*", "acme.alpha 1.0.0") not in await plan.pending_requirements(session, run)
    await relisted(session, run, NUMBERS)
    await plan.require_dependencies(session, run)
    assert Requirement("acme.gamma", "*", "acme.alpha 1.0.0") in await plan.pending_requirements(session, run)


async def test_what_the_source_no_longer_lists_is_not_published(store: Database, session: Connection) -> None:
    await killed(store)
    run = await opened(session)
    await relisted(session, run, ["5.0.0"])
    assert (await publish(session, run, mirror=False)).content.versions == 0
    assert (await plan.counts(session, run)).discovered == 1


async def test_what_the_source_still_lists_is_published(store: Database, session: Connection) -> None:
    await killed(store)
    run = await opened(session)
    await relisted(session, run, NUMBERS)
    publication = await publish(session, run, mirror=False)
    assert (publication.added, publication.content.versions) == (1, 1)


async def test_what_the_source_lists_otherwise_by_now_is_read_again(store: Database, session: Connection) -> None:
    await killed(store)
    run = await opened(session)
    assert await relisted(session, run, ["1.0.0"], fingerprint=digest("a signature came")) == 1
    claim = await plan.claim(session, run, 10, terms=TERMS)
    assert [(each.version, each.version_id) for each in claim.items] == [("1.0.0", None)]


async def test_what_another_source_has_by_now_is_brought_from_there(store: Database, session: Connection) -> None:
    await killed(store)
    run = await opened(session)
    other = await plan.source_id(session, OTHER_SOURCE)
    await plan.add_items(session, run, "acme", "alpha", listed("1.0.0"), source_id=other)
    assert [each.source_id for each in (await plan.claim(session, run, 10, terms=TERMS)).items] == [other]


async def test_what_was_listed_incompletely_before_is_forgotten(store: Database, session: Connection) -> None:
    async with store.session() as lease:
        run = await opened(lease)
        await plan.note_collection(
            lease, run, "acme", "alpha", source_id=run.source_id, deprecated=True, complete=False
        )
    await opened(session)
    assert await session.fetch("SELECT FROM sync_collection") == []


async def test_what_was_only_planned_is_not_taken_for_done(store: Database, session: Connection) -> None:
    async with store.session() as lease:
        run = await opened(lease)
        await plan.add_items(lease, run, "acme", "alpha", listed("1.0.0"), source_id=run.source_id)
        await plan.settle_planned(lease, run, item(run, version()), dependencies={}, size=1)
    run = await opened(session)
    await relisted(session, run, ["1.0.0"])
    assert await states(session) == {"1.0.0": "Pending"}


async def test_the_source_is_not_asked_for_a_name_that_is_none(store: Database, session: Connection) -> None:
    async with store.session() as lease:
        run = await opened(lease)
        unusable = item(run, version(number="not\0a version"))
        await plan.settle(lease, run, unusable, state="Failed", reason="InvalidVersion", message="none")
    run = await opened(session)
    assert (await plan.claim(session, run, 10, terms=TERMS)).items == []


async def test_a_run_that_is_killed_again_and_again_ends_well(store: Database, session: Connection) -> None:
    for number in NUMBERS:
        async with store.session() as lease:
            run = await opened(lease)
            await relisted(lease, run, NUMBERS)
            await bring(store, run, version(number=number), [Text(b"{}")])
    run = await opened(session)
    assert await relisted(session, run, NUMBERS) == 0
    assert (await plan.counts(session, run)).created == len(NUMBERS)
