"""A collection is deprecated while any resource that wants it is told so, and no longer."""

from collections.abc import Mapping

import pytest

from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.store.repository import publish
from store.helpers import OTHER_SOURCE, bring, opened, synced, version

pytestmark = pytest.mark.slow

ALPHA, BETA = version("alpha"), version("beta")
BOTH: Mapping[str, bool] = {"alpha": True, "beta": False}


async def deprecated(connection: Connection) -> set[tuple[str, str]]:
    rows = await connection.fetch("SELECT owner, namespace || '.' || name FROM repository_deprecation")
    return {tuple(row) for row in rows}


async def test_a_deprecation_is_published_with_a_number_of_its_own(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA])
    publication = await synced(store, [ALPHA, BETA], deprecated=BOTH)
    assert (publication.added, publication.removed, publication.deprecations_changed) == (0, 0, True)
    assert await deprecated(session) == {("everything", "acme.alpha")}
    assert await session.fetchval("SELECT count(*) FROM repository_version") == 2


async def test_the_same_deprecation_again_is_no_change(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA], deprecated=BOTH)
    assert not (await synced(store, [ALPHA, BETA], deprecated=BOTH)).deprecations_changed
    assert await session.fetchval("SELECT count(*) FROM repository_version") == 1


async def test_a_deprecation_is_taken_back(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA], deprecated={"alpha": True})
    assert (await synced(store, [ALPHA], deprecated={"alpha": False})).deprecations_changed
    assert await deprecated(session) == set()


async def test_a_collection_that_was_not_looked_up_stays_deprecated(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA], deprecated={"alpha": True})
    assert not (await synced(store, [BETA], deprecated={"beta": False})).deprecations_changed
    assert await deprecated(session) == {("everything", "acme.alpha")}


async def test_a_collection_of_which_nothing_is_held_is_not_deprecated(store: Database, session: Connection) -> None:
    assert not (await synced(store, [BETA], deprecated=BOTH)).deprecations_changed
    assert await deprecated(session) == set()


async def test_a_deprecation_goes_with_the_last_version(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA], mirror=True, deprecated=BOTH)
    assert (await synced(store, [BETA], mirror=True)).deprecations_changed
    assert await deprecated(session) == set()


async def test_what_another_resource_says_stays(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA], owner="one", deprecated={"alpha": True})
    there = await synced(store, [ALPHA], owner="two", source=OTHER_SOURCE, deprecated={"alpha": False})
    assert not there.deprecations_changed
    assert await deprecated(session) == {("one", "acme.alpha")}


async def test_that_a_second_resource_says_so_too_changes_nothing_for_readers(
    store: Database, session: Connection
) -> None:
    await synced(store, [ALPHA], owner="one", deprecated={"alpha": True})
    assert not (await synced(store, [ALPHA], owner="two", deprecated={"alpha": True})).deprecations_changed
    assert not (await synced(store, [ALPHA], owner="one", deprecated={"alpha": False})).deprecations_changed
    assert (await synced(store, [ALPHA], owner="two", deprecated={"alpha": False})).deprecations_changed


async def test_a_collection_that_one_of_two_sources_deprecates_is_deprecated(
    store: Database, session: Connection
) -> None:
    run = await opened(session)
    other = await plan.source_id(session, OTHER_SOURCE)
    await bring(store, run, ALPHA)
    for source_id, flag in ((run.source_id, False), (other, True)):
        await plan.note_collection(session, run, "acme", "alpha", source_id=source_id, deprecated=flag, complete=True)
    assert (await publish(session, run, mirror=True)).deprecations_changed


async def test_tenants_deprecate_for_themselves(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA], namespace="team-a", deprecated={"alpha": True})
    await synced(store, [ALPHA], namespace="team-b", deprecated={"alpha": False})
    held = await session.fetch(
        "SELECT r.namespace FROM repository_deprecation d JOIN repository r ON r.id = d.repository_id"
    )
    assert [tuple(row) for row in held] == [("team-a",)]
