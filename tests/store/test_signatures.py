"""Signatures by URL are the word of the resource that names them, for its own repository."""

import pytest

from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.store.plan import Requirement
from collectionsync.store.repository import publish
from collectionsync.store.said import RejectedSignatureError
from collectionsync.store.signatures import WantedSignatures, keep_signatures, wanted_signatures
from store.helpers import bring, item, opened, version

pytestmark = pytest.mark.slow

URLS = ("https://signatures.example/1", "https://signatures.example/2")
PINNED = Requirement("acme.alpha", "==1.0.0", signatures=URLS)


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    run = await opened(session)
    await plan.require(session, run, [PINNED])
    return run


async def kept(session: Connection) -> list[tuple[str, str]]:
    rows = await session.fetch("SELECT owner, signature FROM repository_signature ORDER BY owner, signature")
    return [tuple(row) for row in rows]


async def brought(store: Database, session: Connection, run: plan.Run) -> int:
    await bring(store, run, version())
    return int(await session.fetchval("SELECT id FROM collection_version WHERE sha256 = $1", version().sha256))


async def test_versions_of_a_collection_with_signatures_are_told_with_the_range_and_its_urls(
    store: Database, session: Connection, run: plan.Run
) -> None:
    version_id = await brought(store, session, run)
    await bring(store, run, version("beta"))
    await bring(store, run, version("alpha", "2.0.0"), excluded=True)
    await plan.settle(session, run, item(run, version("alpha", "3.0.0")), state="Failed", reason="NotFound")
    expected = WantedSignatures("acme", "alpha", "1.0.0", version_id, "==1.0.0", URLS)
    assert await wanted_signatures(session, run) == [expected]


async def test_signatures_are_made_equal_to_those_that_were_fetched(
    store: Database, session: Connection, run: plan.Run
) -> None:
    version_id = await brought(store, session, run)
    assert await keep_signatures(session, run, version_id, ["one", "two", "two"])
    assert not await keep_signatures(session, run, version_id, ["two", "one"])
    assert await keep_signatures(session, run, version_id, ["two"])
    assert await kept(session) == [("everything", "two")]


async def test_resources_sign_for_themselves(store: Database, session: Connection, run: plan.Run) -> None:
    version_id = await brought(store, session, run)
    await keep_signatures(session, run, version_id, ["one"])
    await keep_signatures(session, await opened(session, owner="another"), version_id, ["two"])
    await keep_signatures(session, run, version_id, [])
    assert await kept(session) == [("another", "two")]


async def test_signatures_that_are_no_longer_asked_for_go_with_the_next_publication(
    store: Database, session: Connection, run: plan.Run
) -> None:
    version_id = await brought(store, session, run)
    await keep_signatures(session, run, version_id, ["one"])
    await publish(session, run, mirror=False)
    assert await kept(session) == [("everything", "one")]
    later = await opened(session, asked="without signatures")
    await plan.require(session, later, [Requirement("acme.alpha", "==1.0.0")])
    await bring(store, later, version())
    await publish(session, later, mirror=False)
    assert await kept(session) == []


async def test_a_signature_that_no_text_can_hold_is_refused_and_the_rest_stays(
    store: Database, session: Connection, run: plan.Run
) -> None:
    version_id = await brought(store, session, run)
    await keep_signatures(session, run, version_id, ["one"])
    with pytest.raises(RejectedSignatureError):
        await keep_signatures(session, run, version_id, ["two", "\0"])
    assert await kept(session) == [("everything", "one")]


async def test_a_signature_of_a_resource_s_own_signs_nothing_for_its_source(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await keep_signatures(session, run, await brought(store, session, run), ["one"])
    assert await session.fetch("SELECT FROM source_signature") == []
