"""What a run would change is what its publication then changes."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.store.difference import Change, Changes, difference
from collectionsync.store.repository import publish
from store.helpers import Text, bring, content, current, item, listed, opened, synced, version

pytestmark = pytest.mark.slow

ALPHA, BETA, GAMMA = version("alpha"), version("beta"), version("gamma")
NOTHING = Changes(0, 0, [])


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    return await opened(session, asked="plan")


async def planned(session: Connection, run: plan.Run, name: str, size: int, version_id: int | None = None) -> None:
    await plan.add_items(session, run, "acme", name, listed("1.0.0"), source_id=run.source_id)
    one = item(run, version(name))
    await plan.settle_planned(session, run, one, dependencies={}, size=size, version_id=version_id)


async def test_what_is_not_there_would_be_downloaded_and_added(session: Connection, run: plan.Run) -> None:
    await planned(session, run, "alpha", 1000)
    await planned(session, run, "beta", 200)
    changes = Changes(2, 1200, [Change("acme", "alpha", "1.0.0", 1000), Change("acme", "beta", "1.0.0", 200)])
    told = await difference(session, run, mirror=True, limit=10)
    assert (told.added, told.removed, told.downloads) == (changes, NOTHING, changes)


async def test_what_is_known_would_be_added_without_a_download(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, ALPHA, [Text(b"[1]")])
    told = await difference(session, run, mirror=True, limit=10)
    added = Changes(1, 3, [Change("acme", "alpha", "1.0.0", 3)])
    assert (told.added, told.removed, told.downloads) == (added, NOTHING, NOTHING)


async def test_what_is_published_already_may_be_downloaded_and_is_not_added(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await synced(store, [ALPHA])
    version_id = await session.fetchval("SELECT id FROM collection_version")
    await planned(session, run, "alpha", 77, version_id)
    told = await difference(session, run, mirror=True, limit=10)
    downloads = Changes(1, 77, [Change("acme", "alpha", "1.0.0", 77)])
    assert (told.added, told.removed, told.downloads) == (NOTHING, NOTHING, downloads)


async def test_a_version_with_an_unknown_digest_would_replace_the_one_that_is_there(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await synced(store, [ALPHA], owner="another")
    await planned(session, run, "alpha", 1000)
    told = await difference(session, run, mirror=False, limit=10)
    assert told.added == Changes(1, 1000, [Change("acme", "alpha", "1.0.0", 1000)])
    assert told.removed == Changes(1, 2, [Change("acme", "alpha", "1.0.0", 2)])
    assert told.conflicts == (
        "acme.alpha 1.0.0: its artifact takes the place of another, which another had from another source",
    )


async def test_what_is_no_longer_wanted_would_be_removed_by_a_mirror_alone(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await synced(store, [ALPHA, BETA])
    await planned(session, run, "gamma", 10)
    removed = [Change("acme", each, "1.0.0", 2) for each in ("alpha", "beta")]
    assert (await difference(session, run, mirror=True, limit=10)).removed == Changes(2, 4, removed)
    assert (await difference(session, run, mirror=False, limit=10)).removed == NOTHING


async def test_what_keeps_a_mirror_from_removing_is_told(store: Database, session: Connection, run: plan.Run) -> None:
    await synced(store, [ALPHA])
    await plan.note_collection(session, run, "acme", "beta", source_id=run.source_id, deprecated=False, complete=False)
    told = await difference(session, run, mirror=True, limit=10)
    assert (told.removed, told.kept_reason) == (
        NOTHING,
        "the list of versions of acme.beta was not complete",
    )


async def test_no_more_versions_are_told_than_asked_for_and_all_are_counted(session: Connection, run: plan.Run) -> None:
    for name in ("a", "b", "c"):
        await planned(session, run, name, 10)
    told = await difference(session, run, mirror=True, limit=2)
    assert [(each.count, each.bytes, len(each.first)) for each in (told.added, told.downloads)] == [(3, 30, 2)] * 2


async def test_versions_are_told_in_the_order_of_their_precedence(
    store: Database, session: Connection, run: plan.Run
) -> None:
    for number, sort_key in (("10.0.0", "b10"), ("9.0.0", "a9")):
        await bring(store, run, replace(version(number=number), sort_key=sort_key))
    told = await difference(session, run, mirror=True, limit=10)
    assert [each.version for each in told.added.first] == ["9.0.0", "10.0.0"]


async def test_nothing_is_changed(store: Database, session: Connection, run: plan.Run) -> None:
    await synced(store, [ALPHA], deprecated={"alpha": True})
    await bring(store, run, BETA)
    await difference(session, run, mirror=True, limit=10)
    assert await current(session) == content(ALPHA)
    rows = await session.fetch("SELECT v.name FROM repository_claim c JOIN collection_version v ON v.id = version_id")
    assert [tuple(row) for row in rows] == [("alpha",)]
    assert await session.fetchval("SELECT count(*) FROM repository_deprecation") == 1


_SOME = st.sets(st.sampled_from("abcdef"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=_SOME, theirs=_SOME, after=_SOME, rebuilt=_SOME, failed=_SOME, mirror=st.booleans(), seed=st.uuids())
async def test_what_is_told_is_what_is_done(
    *,
    store: Database,
    session: Connection,
    before: set[str],
    theirs: set[str],
    after: set[str],
    rebuilt: set[str],
    failed: set[str],
    mirror: bool,
    seed: object,
) -> None:
    repository = str(seed)
    await synced(store, map(version, sorted(theirs)), owner="another", repository=repository)
    await synced(store, map(version, sorted(before)), mirror=True, repository=repository)
    held = await current(session, repository=repository)
    run = await opened(session, repository=repository, asked="again")
    for name in sorted(after):
        await bring(store, run, version(name, artifact="rebuilt" if name in rebuilt else ""))
    for name in sorted(failed - after):
        await plan.settle(session, run, item(run, version(name)), state="Failed", reason="ServerError")
    told = await difference(session, run, mirror=mirror, limit=100)
    done = await publish(session, run, mirror=mirror)
    now = await current(session, repository=repository)
    assert (told.added.count, told.removed.count) == (done.added, done.removed) == (len(now - held), len(held - now))
    assert {each.name for each in told.added.first} == {name for name, _ in now - held}
    assert {each.name for each in told.removed.first} == {name for name, _ in held - now}
    await plan.discard(session, run)
