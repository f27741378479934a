"""What a run brings in the end does not depend on the order in which lists and versions arrive, nor on kills."""

import random
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectionsync.galaxy.versions import Range
from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.store.plan import Requirement
from store.helpers import TERMS, Text, bring, listed, opened, version

pytestmark = pytest.mark.slow

Universe: TypeAlias = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Names of collections, to their versions, to what those depend on."""
Closure: TypeAlias = tuple[set[tuple[str, str]], set[tuple[str, str]]]
"""The requirements (name, range), and the versions (name, version) that they mean."""

_NAMES = [f"acme.c{number}" for number in range(5)]
_NUMBERS = ["1.0.0", "1.1.0", "2.0.0", "3.0.0-rc.1", "10.0.0"]
_RANGES = ["*", ">=1.1.0", "<2.0.0", "==1.0.0", ">=1.0.0,<10.0.0", "!=1.0.0", ">10.0.0", "nonsense"]
_REQUIREMENTS = st.dictionaries(st.sampled_from([*_NAMES, "acme.missing"]), st.sampled_from(_RANGES), max_size=3)
_VERSIONS = st.dictionaries(st.sampled_from(_NUMBERS), _REQUIREMENTS, min_size=1)
_UNIVERSES = st.dictionaries(st.sampled_from(_NAMES), _VERSIONS, min_size=2)


def matching(universe: Universe, name: str, range_: str) -> Iterator[str]:
    """Yield the versions that a requirement means."""
    if range_ != "nonsense":
        yield from filter(Range.parse(range_).matches, universe.get(name, {}))


def closure(universe: Universe, wanted: Mapping[str, str]) -> Closure:
    """The closure by its definition: what is wanted, what that means, and what that depends on."""
    requirements, versions = set(wanted.items()), set[tuple[str, str]]()
    waiting = list(requirements)
    while waiting:
        name, range_ = waiting.pop()
        for number in set(matching(universe, name, range_)):
            versions.add((name, number))
            new = set(universe[name][number].items()) - requirements
            requirements |= new
            waiting += new
    return requirements, versions


class Worker:
    """Brings a closure as a worker does, but in any order, and may be killed at any step."""

    def __init__(self, store: Database, universe: Universe, wanted: Mapping[str, str], chance: random.Random) -> None:
        self._store = store
        self._universe = universe
        self._wanted = wanted
        self._chance = chance
        self._asked = str(chance.getrandbits(64))

    async def bring(self, *, kills: int) -> Closure:
        """Work until nothing is left to do, and be killed so many times on the way."""
        for _ in range(kills):
            async with self._store.session() as lease:
                run = await self._begin(lease)
                await self._steps(lease, run, self._chance.randrange(12))
        async with self._store.session() as lease:
            run = await self._begin(lease)
            while await self._steps(lease, run, 12):
                pass
            return await self._end(lease, run)

    async def _begin(self, lease: Connection) -> plan.Run:
        run = await opened(lease, asked=self._asked)
        await plan.require(lease, run, [Requirement(*each) for each in self._wanted.items()])
        return run

    async def _steps(self, lease: Connection, run: plan.Run, count: int) -> bool:
        """Do some of what there is to do, and return whether anything was."""
        busy = False
        for _ in range(count):
            steps = [self._look_up, self._bring]
            self._chance.shuffle(steps)
            done = [await step(lease, run) for step in steps]
            if self._chance.random() < 0.4 or not any(done):
                await plan.require_dependencies(lease, run)
            busy = any(done) or bool(await plan.pending_requirements(lease, run))
            if not busy:
                break
        return busy

    async def _look_up(self, lease: Connection, run: plan.Run) -> bool:
        pending = await plan.pending_requirements(lease, run)
        for each in self._chance.sample(pending, min(len(pending), self._chance.randint(1, 2))):
            namespace, name = each.name.split(".")
            found = [*matching(self._universe, each.name, each.range)]
            self._chance.shuffle(found)
            await plan.add_items(lease, run, namespace, name, listed(*found), source_id=run.source_id)
            reason = None if found else "NoMatchingVersion"
            await plan.settle_requirement(lease, run, each, reason=reason, message="none")
        return bool(pending)

    async def _bring(self, lease: Connection, run: plan.Run) -> bool:
        claim = await plan.claim(lease, run, self._chance.randint(1, 4), terms=TERMS)
        self._chance.shuffle(claim.items)
        for each in claim.items:
            dependencies = dict(self._universe[f"{each.namespace}.{each.name}"][each.version])
            one = version(
                each.name, each.version, artifact=repr(sorted(dependencies.items())), dependencies=dependencies
            )
            await bring(self._store, run, one, [Text(b"{}")])
        return bool(claim.items or claim.recognised)

    async def _end(self, lease: Connection, run: plan.Run) -> Closure:
        required = await lease.fetch("SELECT name, range FROM sync_requirement WHERE run_id = $1", run.id)
        found = await lease.fetch(
            "SELECT namespace || '.' || name AS name, version FROM sync_found WHERE run_id = $1", run.id
        )
        await plan.discard(lease, run)
        await lease.execute("DELETE FROM source_version")
        return {tuple(row) for row in required}, {tuple(row) for row in found}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(universe=_UNIVERSES, wanted=_REQUIREMENTS, seed=st.integers(0, 2**64), kills=st.integers(0, 2))
async def test_the_closure_is_that_of_its_definition_in_every_order_and_however_often_the_worker_is_killed(
    *, store: Database, universe: Universe, wanted: Mapping[str, str], seed: int, kills: int
) -> None:
    assert await Worker(store, universe, wanted, random.Random(seed)).bring(kills=kills) == closure(universe, wanted)
