"""Who wants what of a repository, and what is removed from it when nobody does any more."""

import pytest

from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.store.plan import Requirement
from collectionsync.store.repository import Publication, publish
from store.helpers import (
    OTHER_SOURCE,
    TERMS,
    Text,
    bring,
    content,
    current,
    item,
    listed,
    opened,
    synced,
    version,
)

pytestmark = pytest.mark.slow

ALPHA, BETA, GAMMA = version("alpha"), version("beta"), version("gamma")
REBUILT = version("alpha", artifact="rebuilt")


async def claims(connection: Connection) -> set[tuple[str, str, str]]:
    rows = await connection.fetch(
        "SELECT owner, v.name, v.sha256 FROM repository_claim c JOIN collection_version v ON v.id = c.version_id"
    )
    return {tuple(row) for row in rows}


def moved(publication: Publication) -> tuple[int, int]:
    return publication.added, publication.removed


async def test_a_mirror_removes_what_is_no_longer_asked_for(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA], mirror=True)
    assert moved(await synced(store, [BETA, GAMMA], mirror=True)) == (1, 1)
    assert await current(session) == content(BETA, GAMMA)
    assert await claims(session) == {("everything", each.name, each.sha256) for each in (BETA, GAMMA)}


async def test_what_is_added_to_keeps_everything(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA])
    assert moved(await synced(store, [GAMMA])) == (1, 0)
    assert await current(session) == content(ALPHA, BETA, GAMMA)


async def test_what_was_added_to_before_becomes_a_mirror(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA])
    await synced(store, [BETA])
    assert moved(await synced(store, [GAMMA], mirror=True)) == (1, 2)


async def test_a_mirror_never_removes_what_another_resource_wants(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA], owner="one", mirror=True)
    await synced(store, [BETA, GAMMA], owner="two", mirror=True)
    assert moved(await synced(store, [], owner="one", mirror=True)) == (0, 1)
    assert await current(session) == content(BETA, GAMMA)
    assert moved(await synced(store, [], owner="two", mirror=True)) == (0, 2)
    assert await current(session) == content()


async def test_a_mirror_never_touches_another_repository(store: Database, session: Connection) -> None:
    for namespace, repository in (("team-a", "main"), ("team-b", "main"), ("team-a", "other")):
        await synced(store, [ALPHA], namespace=namespace, repository=repository, mirror=True)
    await synced(store, [BETA], mirror=True)
    assert await current(session) == content(BETA)
    assert await current(session, "team-b") == await current(session, "team-a", "other") == content(ALPHA)


async def test_a_mirror_leaves_what_nobody_ever_claimed(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA])
    await session.execute("DELETE FROM repository_claim")
    assert moved(await synced(store, [BETA], mirror=True)) == (0, 0)
    assert moved(await synced(store, [], mirror=True)) == (0, 1)
    assert await current(session) == content(ALPHA)


async def test_a_version_that_failed_keeps_the_form_that_is_published(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA], mirror=True)
    run = await opened(session)
    await plan.settle(session, run, item(run, ALPHA), state="Failed", reason="ServerError")
    assert moved(await publish(session, run, mirror=True)) == (0, 1)
    assert await current(session) == content(ALPHA)


async def test_a_version_that_is_left_out_by_now_is_removed_by_a_mirror_alone(
    store: Database, session: Connection
) -> None:
    await synced(store, [ALPHA])
    for mirror, removed in ((False, 0), (True, 1)):
        run = await opened(session, asked=str(mirror))
        await bring(store, run, ALPHA, excluded=True)
        assert moved(await publish(session, run, mirror=mirror)) == (0, removed)


async def test_a_digest_that_changed_is_replaced_in_one_publication(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA], mirror=True)
    assert moved(await synced(store, [REBUILT, BETA], mirror=True)) == (1, 1)
    assert await current(session) == content(REBUILT, BETA)
    assert await claims(session) == {("everything", each.name, each.sha256) for each in (REBUILT, BETA)}
    assert await session.fetchval("SELECT count(*) FROM repository_version") == 2


async def test_a_digest_that_changed_is_replaced_where_nobody_claimed_the_old_one(
    store: Database, session: Connection
) -> None:
    await synced(store, [ALPHA])
    await session.execute("DELETE FROM repository_claim")
    publication = await synced(store, [REBUILT])
    assert (moved(publication), publication.conflicts) == ((1, 1), ())


async def test_sources_that_disagree_are_told_of_as_long_as_they_do(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA], owner="one", mirror=True)
    there = await synced(store, [REBUILT], owner="two", mirror=True, source=OTHER_SOURCE)
    assert there.conflicts == (
        "acme.alpha 1.0.0: its artifact takes the place of another, which one had from another source",
    )
    assert await current(session) == content(REBUILT)
    here = await synced(store, [ALPHA], owner="one", mirror=True)
    assert (moved(here), len(here.conflicts)) == ((1, 1), 1)
    assert await current(session) == content(ALPHA)


async def test_sources_that_agree_again_are_not_told_of(store: Database) -> None:
    await synced(store, [ALPHA], owner="one", mirror=True)
    await synced(store, [REBUILT], owner="two", mirror=True, source=OTHER_SOURCE)
    again = await synced(store, [REBUILT], owner="one", mirror=True)
    assert (moved(again), again.conflicts) == ((0, 0), ())


async def test_a_version_that_is_found_elsewhere_is_claimed_from_there(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA])
    run = await opened(session)
    other = await plan.source_id(session, OTHER_SOURCE)
    await plan.add_items(session, run, "acme", "alpha", listed("1.0.0"), source_id=other)
    await session.execute("UPDATE sync_item SET state = 'Unchanged', version_id = (SELECT id FROM collection_version)")
    await publish(session, run, mirror=True)
    assert await session.fetchval("SELECT source_id FROM repository_claim") == other


@pytest.mark.parametrize("reason", ["NotFound", "NoMatchingVersion", "Excluded", "InvalidRange", "InvalidName"])
async def test_a_requirement_that_certainly_asks_for_nothing_lets_a_mirror_remove(
    store: Database, session: Connection, reason: str
) -> None:
    await synced(store, [ALPHA], mirror=True)
    publication = await failing(store, session, "acme.alpha", reason)
    assert (moved(publication), publication.kept_reason) == ((1, 1), None)


@pytest.mark.parametrize("reason", ["ServerError", "IncompleteListing", "Timeout"])
async def test_a_requirement_that_could_not_be_looked_up_keeps_everything(
    store: Database, session: Connection, reason: str
) -> None:
    await synced(store, [ALPHA], mirror=True)
    publication = await failing(store, session, "acme.alpha", reason)
    told = f"acme.alpha could not be looked up ({reason})"
    assert (moved(publication), publication.kept_reason) == ((1, 0), told)


async def test_a_list_of_all_collections_that_was_not_whole_keeps_everything(
    store: Database, session: Connection
) -> None:
    await synced(store, [ALPHA], mirror=True)
    publication = await failing(store, session, "*", "IncompleteListing")
    told = "all collections could not be looked up (IncompleteListing)"
    assert (moved(publication), publication.kept_reason) == ((1, 0), told)


async def failing(store: Database, session: Connection, name: str, reason: str) -> Publication:
    """Publish a mirror's run that brought BETA and could not meet one requirement."""
    run = await opened(session)
    await bring(store, run, BETA, [Text(b"{}")])
    unmet = Requirement(name, "*")
    await plan.require(session, run, [unmet])
    await plan.settle_requirement(session, run, unmet, reason=reason, message="said so")
    return await publish(session, run, mirror=True)


async def test_a_list_of_versions_that_was_not_whole_keeps_everything(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA], mirror=True)
    run = await opened(session)
    await bring(store, run, BETA)
    for name, complete in (("alpha", True), ("beta", False)):
        await plan.note_collection(
            session, run, "acme", name, source_id=run.source_id, deprecated=False, complete=complete
        )
    publication = await publish(session, run, mirror=True)
    told = "the list of versions of acme.beta was not complete"
    assert (moved(publication), publication.kept_reason) == ((0, 0), told)


async def test_without_a_mirror_nothing_is_said_to_be_kept(store: Database, session: Connection) -> None:
    run = await opened(session)
    await plan.note_collection(session, run, "acme", "a", source_id=run.source_id, deprecated=False, complete=False)
    assert (await publish(session, run, mirror=False)).kept_reason is None


async def test_what_was_kept_for_an_incomplete_list_is_removed_by_the_next_run(
    store: Database, session: Connection
) -> None:
    await synced(store, [ALPHA], mirror=True)
    await failing(store, session, "acme.alpha", "ServerError")
    assert moved(await synced(store, [BETA], mirror=True, asked="again")) == (0, 1)


async def test_a_version_that_is_waited_for_still_is_not_removed(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA], mirror=True)
    run = await opened(session)
    for name in ("alpha", "beta"):
        other = listed("1.0.0", fingerprint="0" * 64)
        await plan.add_items(session, run, "acme", name, other, source_id=run.source_id)
    await plan.claim(session, run, 1, terms=TERMS)
    assert moved(await publish(session, run, mirror=True)) == (0, 0)
