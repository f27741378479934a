"""The plan of a run: what is required, what that means, who works on it, and how it ended."""

import asyncio
import itertools
import json
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectionsync.store import plan
from collectionsync.store.content import Version, store_version
from collectionsync.store.database import Connection, Database
from collectionsync.store.plan import Counts, Failure, Item, Requirement, affected, storable
from store.helpers import Onlooker, Text, item, opened, version

NUMBERS = [f"{number}.0.0" for number in range(100)]


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    return await opened(session)


@pytest.mark.parametrize(
    ("tag", "rows"), [("INSERT 0 5", 5), ("UPDATE 3", 3), ("DELETE 0", 0), ("SELECT 12345", 12345)]
)
def test_the_number_of_rows_is_read_out_of_a_tag(tag: str, rows: int) -> None:
    assert affected(tag) == rows


@pytest.mark.parametrize("text", ["", "plain text", "é 😀 ‘quoted’", "a" * 500])
def test_what_can_be_shown_is_stored_as_it_is(text: str) -> None:
    assert storable(text) == text


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x9b", "\u202e", "\ud800", "\U000e0001"])
def test_what_a_text_or_a_terminal_cannot_take_is_replaced(character: str) -> None:
    assert storable(f"a{character}b") == "a\ufffdb"


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert storable("a" * 501) == "a" * 499 + "…"


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(), max_size=600) | st.text("\0\n\x1b\ud800a", max_size=600))
async def test_postgresql_takes_whatever_is_storable(session: Connection, text: str) -> None:
    stored = storable(text)
    assert stored.isprintable()
    assert len(stored) <= 500
    assert await session.fetchval("SELECT $1::text", stored) == stored


@pytest.mark.slow
async def test_a_requirement_that_is_there_already_stays_as_it_is(session: Connection, run: plan.Run) -> None:
    await plan.require(session, run, [Requirement("acme.alpha", "*")])
    await plan.require(
        session, run, [Requirement("acme.alpha", "*", "acme.beta 1.0.0"), Requirement("acme.alpha", "<2")]
    )
    assert await plan.pending_requirements(session, run) == [
        Requirement("acme.alpha", "*"),
        Requirement("acme.alpha", "<2"),
    ]


@pytest.mark.slow
async def test_a_requirement_that_was_looked_up_is_not_pending(session: Connection, run: plan.Run) -> None:
    wanted = [Requirement("acme.alpha", "*"), Requirement("acme.beta", "*"), Requirement("acme.gamma", "*")]
    await plan.require(session, run, wanted)
    await plan.settle_requirement(session, run, wanted[0])
    await plan.settle_requirement(session, run, wanted[1], reason="NotFound", message="gone")
    assert await plan.pending_requirements(session, run) == wanted[2:]


@pytest.mark.slow
async def test_only_versions_that_are_new_to_the_plan_are_counted(session: Connection, run: plan.Run) -> None:
    assert await plan.add_items(session, run, "acme", "alpha", ["1.0.0", "2.0.0"]) == 2
    assert await plan.add_items(session, run, "acme", "alpha", ["2.0.0", "3.0.0", "3.0.0"]) == 1
    assert await plan.add_items(session, run, "acme", "beta", []) == 0


async def bring(store: Database, run: plan.Run, versions: Iterable[Version], *, docs: bool = True) -> None:
    for one in versions:
        await store_version(store, run, item(one), one, [Text(b"{}")] if docs else [])


CLOSURE = [
    version("alpha", dependencies={"acme.beta": ">=1.0.0", "acme.gamma": "*"}),
    version("beta", dependencies={"acme.gamma": "*", "acme.alpha": "*"}),
    version("gamma", dependencies={"acme.gamma": "*"}),
]


@pytest.mark.slow
@pytest.mark.parametrize("order", list(itertools.permutations(CLOSURE)))
async def test_what_is_required_in_the_end_does_not_depend_on_the_order_in_which_versions_came(
    store: Database, session: Connection, run: plan.Run, order: Sequence[Version]
) -> None:
    for one in order:
        await bring(store, run, [one])
        await plan.require_dependencies(session, run)
    assert {(each.name, each.range) for each in await plan.pending_requirements(session, run)} == {
        ("acme.alpha", "*"),
        ("acme.beta", ">=1.0.0"),
        ("acme.gamma", "*"),
    }


@pytest.mark.slow
async def test_a_dependency_names_who_requires_it(store: Database, session: Connection, run: plan.Run) -> None:
    await bring(store, run, CLOSURE[:1])
    await plan.require_dependencies(session, run)
    assert await plan.pending_requirements(session, run) == [
        Requirement("acme.beta", ">=1.0.0", "acme.alpha 1.0.0"),
        Requirement("acme.gamma", "*", "acme.alpha 1.0.0"),
    ]


@pytest.mark.slow
async def test_what_the_user_asked_for_is_not_said_to_be_required_by_another(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await plan.require(session, run, [Requirement("acme.gamma", "*")])
    await bring(store, run, CLOSURE[:1])
    await plan.require_dependencies(session, run)
    assert Requirement("acme.gamma", "*") in await plan.pending_requirements(session, run)


@pytest.mark.slow
@pytest.mark.parametrize("long", ["x" * 5000, "😀" * 5000, "".join(map(chr, range(0x4E00, 0x6000)))])
async def test_a_dependency_that_no_index_can_hold_is_cut_so_that_it_is_none(
    store: Database, session: Connection, run: plan.Run, long: str
) -> None:
    await bring(store, run, [version(dependencies={long: long})])
    await plan.require_dependencies(session, run)
    (cut,) = await plan.pending_requirements(session, run)
    assert (cut.name, cut.range) == (long[:299] + "…", long[:299] + "…")


@pytest.mark.slow
async def test_a_claim_is_bounded_and_is_not_given_twice(session: Connection, run: plan.Run) -> None:
    await plan.add_items(session, run, "acme", "alpha", NUMBERS[:5])
    claims = [await plan.claim(session, run, 2) for _ in range(4)]
    assert [len(claim.items) for claim in claims] == [2, 2, 1, 0]
    assert sorted(each.version for claim in claims for each in claim.items) == NUMBERS[:5]


@pytest.mark.slow
async def test_claims_of_several_sessions_are_disjoint(store: Database, session: Connection, run: plan.Run) -> None:
    await plan.add_items(session, run, "acme", "alpha", NUMBERS)

    async def work() -> list[str]:
        mine: list[str] = []
        async with store.session() as own:
            while items := (await plan.claim(own, run, 3)).items:
                mine += [each.version for each in items]
        return mine

    claimed = await asyncio.gather(*(work() for _ in range(4)))
    assert sorted(itertools.chain(*claimed)) == sorted(NUMBERS)


@pytest.mark.slow
async def test_a_claim_passes_over_what_another_session_is_about_to_claim(
    session: Connection, run: plan.Run, onlooker: Onlooker
) -> None:
    await plan.add_items(session, run, "acme", "alpha", NUMBERS[:4])
    async with onlooker.transaction():
        theirs = (await plan.claim(onlooker, run, 2)).items
        mine = (await plan.claim(session, run, 4)).items
    assert sorted(each.version for each in theirs + mine) == NUMBERS[:4]


@pytest.mark.slow
async def test_runs_claim_in_different_orders(session: Connection) -> None:
    orders = set()
    for asked in "abcd":
        run = await opened(session, asked=asked)
        await plan.add_items(session, run, "acme", "alpha", NUMBERS)
        claims = [await plan.claim(session, run, 1) for _ in NUMBERS[:20]]
        orders.add(tuple(claim.items[0].version for claim in claims))
    assert len(orders) == 4


@pytest.mark.slow
async def test_versions_that_the_source_is_known_to_have_are_recognised(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, [version(number="1.0.0"), version(number="2.0.0")])
    later = await opened(session, asked="later")
    await plan.add_items(session, later, "acme", "alpha", ["1.0.0", "2.0.0", "3.0.0"])
    claim = await plan.claim(session, later, 10)
    assert claim == plan.Claim([Item("acme", "alpha", "3.0.0")], recognised=2)


@pytest.mark.slow
async def test_a_version_that_another_run_brings_meanwhile_is_recognised(
    store: Database, session: Connection, run: plan.Run
) -> None:
    beside = await opened(session, repository="other")
    await plan.add_items(session, run, "acme", "alpha", ["1.0.0", "2.0.0"])
    (first,) = (await plan.claim(session, run, 1)).items
    (rest,) = {"1.0.0", "2.0.0"} - {first.version}
    await bring(store, beside, [version(number=rest)])
    assert await plan.claim(session, run, 1) == plan.Claim([], recognised=1)


@pytest.mark.slow
async def test_a_known_version_whose_docs_are_missing_is_claimed_as_known(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, [version()], docs=False)
    version_id = await session.fetchval("SELECT id FROM collection_version")
    later = await opened(session, asked="later")
    await plan.add_items(session, later, "acme", "alpha", ["1.0.0"])
    assert await plan.claim(session, later, 10) == plan.Claim(
        [Item("acme", "alpha", "1.0.0", version_id)], recognised=0
    )


@pytest.mark.slow
async def test_what_another_source_has_is_not_recognised(store: Database, session: Connection, run: plan.Run) -> None:
    await bring(store, run, [version()])
    later = await opened(session, source="https://other.example.com/")
    await plan.add_items(session, later, "acme", "alpha", ["1.0.0"])
    assert await plan.claim(session, later, 10) == plan.Claim([Item("acme", "alpha", "1.0.0")], recognised=0)


@pytest.mark.slow
async def test_all_that_is_known_is_recognised_before_anything_is_claimed(session: Connection, run: plan.Run) -> None:
    await many_known(session, run, 2500)
    later = await opened(session, asked="later")
    await plan.add_items(session, later, "acme", "alpha", [f"{number}.0.0" for number in range(1, 2501)])
    assert await plan.claim(session, later, 10) == plan.Claim([], recognised=2500)


async def many_known(session: Connection, run: plan.Run, count: int) -> None:
    """Make versions with docs that the run's source is known to have."""
    await session.execute(
        "WITH made AS (INSERT INTO collection_version"
        " (namespace, name, version, sort_key, sha256, size, dependencies, tags)"
        " SELECT 'acme', 'alpha', n || '.0.0', n::text, encode(sha256(n::text::bytea), 'hex'), 1, '{}', '{}'"
        " FROM generate_series(1, $2::integer) n RETURNING *),"
        " docs AS (INSERT INTO collection_document SELECT id, 'docs_blob', '{}', 2, sha256, false FROM made)"
        " INSERT INTO source_version SELECT $1, namespace, name, version, id FROM made",
        run.source_id,
        count,
    )


@pytest.mark.slow
@pytest.mark.parametrize("statement", ["_RECOGNISE", "_CLAIM"])
async def test_a_claim_out_of_twenty_thousand_reads_few_blocks_though_no_statistics_are_there_yet(
    session: Connection, run: plan.Run, statement: str
) -> None:
    await many_known(session, run, 20_000)
    later = await opened(session, asked="later")
    await plan.add_items(session, later, "acme", "beta", [f"{number}.0.0" for number in range(20_000)])
    values = {"_RECOGNISE": (later.id, later.source_id, 32), "_CLAIM": (later.id, 32)}[statement]
    told = await session.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {getattr(plan, statement)}", *values)
    top = json.loads(told)[0]["Plan"]
    # The items alone fill hundreds of blocks; to compare all with all would read millions.
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 2_000


@pytest.mark.slow
async def test_an_item_whose_name_is_unusable_is_settled_though_the_plan_never_had_it(
    session: Connection, run: plan.Run
) -> None:
    unusable = Item("acme", "alpha", "1.0\0\ud800" + "x" * 600)
    await plan.settle(session, run, unusable, state="Failed", reason="InvalidVersion", message="is\nnone")
    (failure,) = await plan.failures(session, run, 10)
    assert failure == Failure("acme.alpha", storable(unusable.version), "InvalidVersion", "is\ufffdnone")


@pytest.mark.slow
async def test_failures_are_told_by_name_and_version_byte_by_byte(session: Connection, run: plan.Run) -> None:
    failed = [("b", "1.0.0"), ("a", "2.0.0"), ("a", "10.0.0"), ("_a", "1.0.0"), ("a", "1.0.0-B"), ("a", "1.0.0-a")]
    for name, number in failed:
        await plan.settle(session, run, Item("acme", name, number), state="Failed", reason="NotFound")
    unmet = Requirement("acme.a", "<1")
    await plan.require(session, run, [unmet])
    await plan.settle_requirement(session, run, unmet, reason="NoMatchingVersion", message="none")
    told = [(failure.name, failure.version) for failure in await plan.failures(session, run, 10)]
    assert told == sorted([(f"acme.{name}", number) for name, number in failed] + [("acme.a", "<1")])


@pytest.mark.slow
async def test_no_more_failures_are_told_than_asked_for(session: Connection, run: plan.Run) -> None:
    for number in NUMBERS[:5]:
        await plan.settle(session, run, Item("acme", "alpha", number), state="Failed", reason="NotFound")
    assert [failure.version for failure in await plan.failures(session, run, 2)] == NUMBERS[:2]


@pytest.mark.slow
async def test_the_run_counts_how_its_items_ended(store: Database, session: Connection, run: plan.Run) -> None:
    await bring(store, run, [version(number="1.0.0")])
    await bring(store, run, [version(number="2.0.0")], docs=False)
    later = await opened(session, asked="later")
    await plan.add_items(session, later, "acme", "alpha", ["1.0.0", "2.0.0", "3.0.0", "4.0.0", "5.0.0"])
    await plan.claim(session, later, 10)
    await bring(store, later, [version(number="2.0.0"), version(number="3.0.0")])
    await plan.settle(session, later, Item("acme", "alpha", "4.0.0"), state="Failed", reason="NotFound")
    await plan.require(session, later, [Requirement("acme.beta", "*")])
    await plan.settle_requirement(session, later, Requirement("acme.beta", "*"), reason="NotFound", message="gone")
    assert await plan.counts(session, later) == Counts(discovered=5, created=1, filled=1, unchanged=1, failed=2)
