"""Who works on what, and what needs no work: what is known, whole, and checked lately enough."""

import asyncio
import itertools
from collections.abc import Iterable

import pytest

from collectionsync.store import plan
from collectionsync.store.artifacts import StoredArtifact, store_id
from collectionsync.store.content import Version
from collectionsync.store.database import Connection, Database
from collectionsync.store.plan import Claim, Item, Terms
from collectionsync.store.said import Said, Signature
from store.helpers import (
    FINGERPRINT,
    OTHER_SOURCE,
    TERMS,
    Onlooker,
    Text,
    bring,
    digest,
    item,
    listed,
    opened,
    version,
)

pytestmark = pytest.mark.slow

NUMBERS = [f"{number}.0.0" for number in range(100)]
SIGNED = Said(fingerprint=FINGERPRINT, signatures=[Signature(digest("signed"), "signed")])


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    return await opened(session)


async def add(session: Connection, run: plan.Run, *numbers: str, fingerprint: str = FINGERPRINT) -> None:
    await plan.add_items(
        session, run, "acme", "alpha", listed(*numbers, fingerprint=fingerprint), source_id=run.source_id
    )


async def bring_all(store: Database, run: plan.Run, versions: Iterable[Version]) -> None:
    for one in versions:
        await bring(store, run, one, [Text(b"{}")])


async def claimed_later(session: Connection, terms: Terms = TERMS, fingerprint: str = FINGERPRINT) -> Claim:
    """Claim the version 1.0.0 in another run."""
    later = await opened(session, asked="later")
    await add(session, later, "1.0.0", fingerprint=fingerprint)
    return await plan.claim(session, later, 10, terms=terms)


async def test_a_claim_is_bounded_and_is_not_given_twice(session: Connection, run: plan.Run) -> None:
    await add(session, run, *NUMBERS[:5])
    claims = [await plan.claim(session, run, 2, terms=TERMS) for _ in range(4)]
    assert [len(claim.items) for claim in claims] == [2, 2, 1, 0]
    assert sorted(each.version for claim in claims for each in claim.items) == NUMBERS[:5]


async def test_claims_of_several_sessions_are_disjoint(store: Database, session: Connection, run: plan.Run) -> None:
    await add(session, run, *NUMBERS)

    async def work() -> list[str]:
        mine: list[str] = []
        async with store.session() as own:
            while items := (await plan.claim(own, run, 3, terms=TERMS)).items:
                mine += [each.version for each in items]
        return mine

    claimed = await asyncio.gather(*(work() for _ in range(4)))
    assert sorted(itertools.chain(*claimed)) == sorted(NUMBERS)


async def test_a_claim_passes_over_what_another_session_is_about_to_claim(
    session: Connection, run: plan.Run, onlooker: Onlooker
) -> None:
    await add(session, run, *NUMBERS[:4])
    async with onlooker.transaction():
        theirs = (await plan.claim(onlooker, run, 2, terms=TERMS)).items
        mine = (await plan.claim(session, run, 4, terms=TERMS)).items
    assert sorted(each.version for each in theirs + mine) == NUMBERS[:4]


async def test_runs_claim_in_different_orders(session: Connection) -> None:
    orders = set()
    for asked in "abcd":
        run = await opened(session, asked=asked)
        await add(session, run, *NUMBERS)
        claims = [await plan.claim(session, run, 1, terms=TERMS) for _ in NUMBERS[:20]]
        orders.add(tuple(claim.items[0].version for claim in claims))
    assert len(orders) == 4


async def test_versions_that_the_source_is_known_to_have_are_recognised(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring_all(store, run, [version(number="1.0.0"), version(number="2.0.0")])
    later = await opened(session, asked="later")
    await add(session, later, "1.0.0", "2.0.0", "3.0.0")
    claim = await plan.claim(session, later, 10, terms=TERMS)
    assert claim == Claim([item(later, version(number="3.0.0"))], recognised=2)


async def test_a_version_that_another_run_brings_meanwhile_is_recognised(
    store: Database, session: Connection, run: plan.Run
) -> None:
    beside = await opened(session, repository="other")
    await add(session, run, "1.0.0", "2.0.0")
    (first,) = (await plan.claim(session, run, 1, terms=TERMS)).items
    (rest,) = {"1.0.0", "2.0.0"} - {first.version}
    await bring_all(store, beside, [version(number=rest)])
    assert await plan.claim(session, run, 1, terms=TERMS) == Claim([], recognised=1)


async def test_a_known_version_whose_docs_are_missing_is_claimed_as_known(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, version())
    version_id = await session.fetchval("SELECT id FROM collection_version")
    claim = await claimed_later(session)
    assert claim == Claim([Item("acme", "alpha", "1.0.0", run.source_id, FINGERPRINT, (), version_id)], recognised=0)
    assert claim.items[0].lacks_docs


async def test_what_another_source_has_is_not_recognised(store: Database, session: Connection, run: plan.Run) -> None:
    await bring_all(store, run, [version()])
    later = await opened(session, source=OTHER_SOURCE)
    await add(session, later, "1.0.0")
    assert await plan.claim(session, later, 10, terms=TERMS) == Claim([item(later, version())], recognised=0)


async def test_of_several_sources_each_is_known_by_its_own_word(
    store: Database, session: Connection, run: plan.Run
) -> None:
    second = await plan.source_id(session, OTHER_SOURCE)
    await bring_all(store, run, [version(number="1.0.0"), version(number="2.0.0")])
    later = await opened(session, asked="later")
    await add(session, later, "1.0.0")
    await plan.add_items(session, later, "acme", "alpha", listed("2.0.0"), source_id=second)
    claim = await plan.claim(session, later, 10, terms=TERMS)
    assert claim == Claim([Item("acme", "alpha", "2.0.0", second, FINGERPRINT)], recognised=1)


async def test_all_that_is_known_is_recognised_before_anything_is_claimed(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring_all(store, run, [version(number=f"{number}.0.0") for number in range(1, 151)])
    later = await opened(session, asked="later")
    await add(session, later, *(f"{number}.0.0" for number in range(1, 151)))
    assert await plan.claim(session, later, 10, terms=TERMS) == Claim([], recognised=150)


async def test_a_version_of_which_the_list_says_something_else_is_read_again(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring_all(store, run, [version()])
    claim = await claimed_later(session, fingerprint=digest("a signature came"))
    assert [(each.version_id, each.fingerprint) for each in claim.items] == [(None, digest("a signature came"))]
    assert claim.recognised == 0


async def test_a_version_that_was_read_too_long_ago_is_read_again(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring_all(store, run, [version()])
    await session.execute("UPDATE source_version SET checked_at = now() - interval '61 minutes'")
    assert [each.version_id for each in (await claimed_later(session)).items] == [None]


async def test_a_version_that_was_never_read_with_care_is_read_again(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring_all(store, run, [version()])
    await session.execute("UPDATE source_version SET checked_at = '-infinity'")
    claim = await claimed_later(session, Terms(recheck_seconds=1e300))
    assert (len(claim.items), claim.recognised) == (1, 0)


async def test_a_version_that_is_read_again_is_known_again(store: Database, session: Connection, run: plan.Run) -> None:
    await bring_all(store, run, [version()])
    await session.execute("UPDATE source_version SET checked_at = '-infinity', fingerprints = '{}'")
    await bring_all(store, await opened(session, asked="again"), [version()])
    assert await claimed_later(session) == Claim([], recognised=1)


async def test_with_no_time_between_checks_every_version_is_read_again(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring_all(store, run, [version()])
    assert len((await claimed_later(session, Terms(recheck_seconds=0))).items) == 1


@pytest.mark.parametrize(
    ("said", "expected"), [(SIGNED, ("Unchanged", None)), (Said(fingerprint=FINGERPRINT), ("Excluded", "Unsigned"))]
)
async def test_where_only_signed_versions_are_wanted_a_known_one_without_is_left_out(
    store: Database, session: Connection, run: plan.Run, said: Said, expected: tuple[str, str | None]
) -> None:
    await bring(store, run, version(), [Text(b"{}")], said=said)
    claim = await claimed_later(session, Terms(3600, signed_only=True))
    assert (claim.items, claim.recognised + claim.excluded) == ([], 1)
    row = await session.fetchrow("SELECT state, reason FROM sync_item WHERE state IN ('Unchanged', 'Excluded')")
    assert row is not None
    assert tuple(row) == expected


async def test_a_version_that_was_left_out_is_read_again_when_the_list_says_something_else(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, version(), excluded=True)
    claim = await claimed_later(session, Terms(3600, signed_only=True), digest("a signature came"))
    assert ([each.version for each in claim.items], claim.excluded) == (["1.0.0"], 0)


async def test_another_source_s_signature_signs_nothing_here(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, version(), [Text(b"{}")])
    there = await opened(session, source=OTHER_SOURCE)
    await bring(store, there, version(), said=SIGNED)
    assert (await claimed_later(session, Terms(3600, signed_only=True))).excluded == 1


@pytest.mark.parametrize(
    ("stored", "asked_members", "recognised"),
    [(None, False, 0), ("Chain", False, 1), ("Chain", True, 0), ("Members", False, 1), ("Members", True, 1)],
)
async def test_where_artifacts_are_wanted_a_version_without_is_read_again(
    store: Database, session: Connection, run: plan.Run, stored: str | None, asked_members: bool, recognised: int
) -> None:
    place = await store_id(session, "s3://mirror")
    artifact = StoredArtifact(place, 1000, stored) if stored else None
    await bring(store, run, version(), [Text(b"{}")], artifact=artifact)
    claim = await claimed_later(session, Terms(3600, store_id=place, members=asked_members))
    assert (claim.recognised, [each.version_id for each in claim.items]) == (recognised, [None] * (1 - recognised))


async def test_an_artifact_in_another_store_is_not_here(store: Database, session: Connection, run: plan.Run) -> None:
    there, here = await store_id(session, "s3://there"), await store_id(session, "s3://here")
    await bring(store, run, version(), [Text(b"{}")], artifact=StoredArtifact(there, 1000, "Members"))
    assert (await claimed_later(session, Terms(3600, store_id=here))).recognised == 0
