"""The versions that a run is to bring: where each was found, and how it ended."""

from dataclasses import dataclass

import pytest

from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.store.plan import Counts, Failure, Item, Requirement, storable
from store.helpers import FINGERPRINT, OTHER_SOURCE, TERMS, Text, bring, digest, item, listed, opened, version

pytestmark = pytest.mark.slow

NUMBERS = [f"{number}.0.0" for number in range(5)]


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    return await opened(session)


@dataclass
class Row:
    namespace: str
    name: str
    version: str
    fingerprint: str = FINGERPRINT
    marks: tuple[str, ...] = ()


async def test_only_versions_that_are_new_to_the_plan_are_counted(session: Connection, run: plan.Run) -> None:
    source = run.source_id
    assert await plan.add_items(session, run, "acme", "alpha", listed("1.0.0", "2.0.0"), source_id=source) == 2
    assert await plan.add_items(session, run, "acme", "alpha", listed("2.0.0", "3.0.0", "3.0.0"), source_id=source) == 1
    assert await plan.add_items(session, run, "acme", "beta", [], source_id=source) == 0


async def test_versions_of_several_collections_are_added_at_once_with_what_the_list_says(
    session: Connection, run: plan.Run
) -> None:
    rows = [
        Row("acme", "a", "1.0.0"),
        Row("zeta", "b", "2.0.0", digest("b"), ("one", "two", "li\nne")),
        Row("a", "c", "1.0.0"),
    ]
    assert await plan.add_many(session, run, run.source_id, [*rows, rows[0]]) == 3
    assert await plan.add_many(session, run, run.source_id, []) == 0
    items = (await plan.claim(session, run, 9, terms=TERMS)).items
    assert set(items) == {
        Item("acme", "a", "1.0.0", run.source_id, FINGERPRINT),
        Item("zeta", "b", "2.0.0", run.source_id, digest("b"), ("one", "two", "li\ufffdne")),
        Item("a", "c", "1.0.0", run.source_id, FINGERPRINT),
    }


async def test_a_version_that_two_sources_list_is_brought_from_the_first(session: Connection, run: plan.Run) -> None:
    second = await plan.source_id(session, OTHER_SOURCE)
    await plan.add_items(session, run, "acme", "alpha", listed("1.0.0"), source_id=run.source_id)
    more = listed("1.0.0", "2.0.0", fingerprint=digest("another"))
    assert await plan.add_items(session, run, "acme", "alpha", more, source_id=second) == 1
    claimed = (await plan.claim(session, run, 9, terms=TERMS)).items
    assert {(each.version, each.source_id, each.fingerprint) for each in claimed} == {
        ("1.0.0", run.source_id, FINGERPRINT),
        ("2.0.0", second, digest("another")),
    }


async def test_a_collection_that_is_looked_up_again_is_noted_as_it_is_then(session: Connection, run: plan.Run) -> None:
    for deprecated, complete in ((False, False), (True, True)):
        await plan.note_collection(
            session, run, "acme", "alpha", source_id=run.source_id, deprecated=deprecated, complete=complete
        )
    rows = await session.fetch("SELECT namespace, name, deprecated, complete FROM sync_collection")
    assert [tuple(row) for row in rows] == [("acme", "alpha", True, True)]


async def test_collections_are_noted_by_the_page(session: Connection, run: plan.Run) -> None:
    await plan.note_collections(session, run, run.source_id, [("acme", "a", True), ("acme", "b", False)], complete=True)
    await plan.note_collections(session, run, run.source_id, [("acme", "b", False), ("acme", "c", True)], complete=True)
    await plan.note_collections(session, run, run.source_id, [], complete=True)
    rows = await session.fetch("SELECT name, deprecated FROM sync_collection ORDER BY name")
    assert [tuple(row) for row in rows] == [("a", True), ("b", False), ("c", True)]


async def test_an_item_whose_name_is_unusable_is_settled_though_the_plan_never_had_it(
    session: Connection, run: plan.Run
) -> None:
    unusable = Item("acme", "alpha", "1.0\0\ud800" + "x" * 600, run.source_id)
    await plan.settle(session, run, unusable, state="Failed", reason="InvalidVersion", message="is\nnone")
    (failure,) = await plan.failures(session, run, 10)
    assert failure == Failure("acme.alpha", storable(unusable.version), "InvalidVersion", "is\ufffdnone")


async def test_an_item_that_no_index_can_hold_is_settled(session: Connection, run: plan.Run) -> None:
    wide = "".join(map(chr, range(0x20000, 0x20000 + 600)))
    unusable = Item(wide, "\0" + wide, wide, run.source_id)
    await plan.settle(session, run, unusable, state="Failed", reason="InvalidName")
    (failure,) = await plan.failures(session, run, 1)
    assert failure.name == f"{storable(wide, 64)}.{storable(unusable.name, 64)}"
    assert failure.version == storable(wide)


async def test_failures_are_told_by_name_and_version_byte_by_byte(session: Connection, run: plan.Run) -> None:
    failed = [("b", "1.0.0"), ("a", "2.0.0"), ("a", "10.0.0"), ("_a", "1.0.0"), ("a", "1.0.0-B"), ("a", "1.0.0-a")]
    for name, number in failed:
        await plan.settle(session, run, Item("acme", name, number, run.source_id), state="Failed", reason="NotFound")
    unmet = Requirement("acme.a", "<1")
    await plan.require(session, run, [unmet])
    await plan.settle_requirement(session, run, unmet, reason="NoMatchingVersion", message="none")
    told = [(failure.name, failure.version) for failure in await plan.failures(session, run, 10)]
    assert told == sorted([(f"acme.{name}", number) for name, number in failed] + [("acme.a", "<1")])


async def test_no_more_failures_are_told_than_asked_for(session: Connection, run: plan.Run) -> None:
    for number in NUMBERS:
        await plan.settle(session, run, item(run, version(number=number)), state="Failed", reason="NotFound")
    assert [failure.version for failure in await plan.failures(session, run, 2)] == NUMBERS[:2]


async def test_the_run_counts_how_its_items_ended(store: Database, session: Connection, run: plan.Run) -> None:
    await bring(store, run, version(number="1.0.0"), [Text(b"{}")])
    await bring(store, run, version(number="2.0.0"))
    later = await opened(session, asked="later")
    await plan.add_items(session, later, "acme", "alpha", listed(*NUMBERS, "5.0.0"), source_id=later.source_id)
    await plan.claim(session, later, 10, terms=TERMS)
    await bring(store, later, version(number="2.0.0"), [Text(b"{}")])
    await bring(store, later, version(number="3.0.0"), [Text(b"{}")])
    await bring(store, later, version(number="0.0.0"), excluded=True)
    await plan.settle(session, later, item(later, version(number="4.0.0")), state="Failed", reason="NotFound")
    await plan.settle_planned(session, later, item(later, version(number="5.0.0")), dependencies={}, size=5)
    await plan.require(session, later, [Requirement("acme.beta", "*")])
    await plan.settle_requirement(session, later, Requirement("acme.beta", "*"), reason="NotFound", message="gone")
    assert await plan.counts(session, later) == Counts(
        discovered=6, created=1, filled=1, unchanged=1, failed=2, excluded=1, planned=1
    )
