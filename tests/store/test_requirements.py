"""What is asked for, and what dependencies ask for in turn."""

import itertools
from collections.abc import Sequence

import pytest

from collectionsync.store import plan
from collectionsync.store.content import Version
from collectionsync.store.database import Connection, Database
from collectionsync.store.plan import Requirement
from collectionsync.store.repository import publish
from collectionsync.store.text import storable
from store.helpers import bring, item, listed, opened, version

pytestmark = pytest.mark.slow


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    return await opened(session)


async def test_a_requirement_that_is_there_already_stays_as_it_is(session: Connection, run: plan.Run) -> None:
    await plan.require(session, run, [Requirement("acme.alpha", "*", latest=2)])
    await plan.require(
        session, run, [Requirement("acme.alpha", "*", "acme.beta 1.0.0"), Requirement("acme.alpha", "<2")]
    )
    assert await plan.pending_requirements(session, run) == [
        Requirement("acme.alpha", "*", latest=2),
        Requirement("acme.alpha", "<2"),
    ]


async def test_a_requirement_keeps_all_that_the_user_said(session: Connection, run: plan.Run) -> None:
    whole = Requirement("acme.alpha", "==1.0.0", None, run.source_id, 3, ("https://a.example/1", "https://a.example/2"))
    await plan.require(session, run, [whole])
    assert await plan.pending_requirements(session, run) == [whole]


async def test_a_requirement_that_was_looked_up_is_not_pending(session: Connection, run: plan.Run) -> None:
    wanted = [Requirement("acme.alpha", "*"), Requirement("acme.beta", "*"), Requirement("acme.gamma", "*")]
    await plan.require(session, run, wanted)
    await plan.settle_requirement(session, run, wanted[0])
    await plan.settle_requirement(session, run, wanted[1], reason="NotFound", message="gone")
    assert await plan.pending_requirements(session, run) == wanted[2:]


async def test_the_same_of_two_sources_are_two_requirements(session: Connection, run: plan.Run) -> None:
    anywhere, there = Requirement("acme.alpha", "*"), Requirement("acme.alpha", "*", source_id=run.source_id)
    await plan.require(session, run, [there, anywhere])
    await plan.settle_requirement(session, run, there)
    assert await plan.pending_requirements(session, run) == [anywhere]


CLOSURE = [
    version("alpha", dependencies={"acme.beta": ">=1.0.0", "acme.gamma": "*"}),
    version("beta", dependencies={"acme.gamma": "*", "acme.alpha": "*"}),
    version("gamma", dependencies={"acme.gamma": "*"}),
]


@pytest.mark.parametrize("order", list(itertools.permutations(CLOSURE)))
async def test_what_is_required_in_the_end_does_not_depend_on_the_order_in_which_versions_came(
    store: Database, session: Connection, run: plan.Run, order: Sequence[Version]
) -> None:
    for one in order:
        await bring(store, run, one)
        await plan.require_dependencies(session, run)
    assert await names(session, run) == {("acme.alpha", "*"), ("acme.beta", ">=1.0.0"), ("acme.gamma", "*")}


async def names(session: Connection, run: plan.Run) -> set[tuple[str, str]]:
    return {(each.name, each.range) for each in await plan.pending_requirements(session, run)}


async def test_a_dependency_names_who_requires_it(store: Database, session: Connection, run: plan.Run) -> None:
    await bring(store, run, CLOSURE[0])
    await plan.require_dependencies(session, run)
    assert await plan.pending_requirements(session, run) == [
        Requirement("acme.beta", ">=1.0.0", "acme.alpha 1.0.0"),
        Requirement("acme.gamma", "*", "acme.alpha 1.0.0"),
    ]


async def test_what_the_user_asked_for_is_not_said_to_be_required_by_another(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await plan.require(session, run, [Requirement("acme.gamma", "*")])
    await bring(store, run, CLOSURE[0])
    await plan.require_dependencies(session, run)
    assert Requirement("acme.gamma", "*") in await plan.pending_requirements(session, run)


@pytest.mark.parametrize(
    "name", ["acme.alpha" + "x" * 5000, "acme.al\0pha", "".join(map(chr, range(0x20000, 0x22000)))]
)
async def test_a_name_that_no_index_can_hold_is_cut_so_that_it_is_none(
    session: Connection, run: plan.Run, name: str
) -> None:
    await plan.require(session, run, [Requirement(name, name)])
    (cut,) = await plan.pending_requirements(session, run)
    assert (cut.name, cut.range) == (storable(name, 300), storable(name, 300))
    await plan.settle_requirement(session, run, cut, reason="InvalidName")
    assert await plan.pending_requirements(session, run) == []


async def test_what_is_left_out_or_could_not_be_had_asks_for_nothing(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, CLOSURE[0], excluded=True)
    await plan.settle(session, run, item(run, CLOSURE[1]), state="Failed", reason="NotFound")
    await plan.add_items(session, run, "acme", "gamma", listed("1.0.0"), source_id=run.source_id)
    await plan.require_dependencies(session, run)
    assert await plan.pending_requirements(session, run) == []


async def test_a_version_that_failed_asks_for_what_its_published_form_depends_on(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, CLOSURE[0])
    await publish(session, run, mirror=True)
    for later in (await opened(session, asked="later"), await opened(session, owner="another resource")):
        await plan.settle(session, later, item(later, CLOSURE[0]), state="Failed", reason="ServerError")
        await plan.require_dependencies(session, later)
        expected = {("acme.beta", ">=1.0.0"), ("acme.gamma", "*")} if later.owner == run.owner else set()
        assert await names(session, later) == expected


async def test_a_known_version_that_is_only_planned_asks_for_what_it_is_known_to_depend_on(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, CLOSURE[0])
    version_id = await session.fetchval("SELECT id FROM collection_version")
    await plan.settle_planned(session, run, item(run, CLOSURE[0]), dependencies={}, size=0, version_id=version_id)
    await plan.require_dependencies(session, run)
    assert await names(session, run) == {("acme.beta", ">=1.0.0"), ("acme.gamma", "*")}


async def test_a_version_that_is_only_planned_asks_for_what_its_detail_says(session: Connection, run: plan.Run) -> None:
    await plan.add_items(session, run, "acme", "alpha", listed("1.0.0"), source_id=run.source_id)
    await plan.settle_planned(
        session, run, item(run, CLOSURE[0]), dependencies={"acme.beta": ">=1", "acme.no\0ne": "\ud800"}, size=10
    )
    await plan.require_dependencies(session, run)
    assert await plan.pending_requirements(session, run) == [
        Requirement("acme.beta", ">=1", "acme.alpha 1.0.0"),
        Requirement("acme.no\ufffdne", "\ufffd", "acme.alpha 1.0.0"),
    ]


@pytest.mark.parametrize("long", ["x" * 5000, "😀" * 5000, "".join(map(chr, range(0x4E00, 0x6000)))])
async def test_a_dependency_that_no_index_can_hold_is_cut_so_that_it_is_none(
    store: Database, session: Connection, run: plan.Run, long: str
) -> None:
    await bring(store, run, version(dependencies={long: long}))
    await plan.require_dependencies(session, run)
    (cut,) = await plan.pending_requirements(session, run)
    assert (cut.name, cut.range) == (long[:299] + "…", long[:299] + "…")
