"""Waves of discover ▸ fetch ▸ insert, until what has come requires nothing new."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collectionsync.memory import Cgroup
from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.worker.connections import START, Ramp, Slots
from collectionsync.worker.discover import Choice, Discovery
from collectionsync.worker.failures import Failures
from collectionsync.worker.outcome import ContentFailedError
from collectionsync.worker.sources import Sources
from collectionsync.worker.steering import steer
from collectionsync.worker.tally import Tally
from collectionsync.worker.whole import Whole

# More sessions than this only wait for each other (measured on two cores).
INSERTERS = 3


class Bringer(Protocol):
    """What is done with the items of a wave."""

    async def bring(self) -> None:
        """Work on every pending item."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a run may have going on: connections to sources, and the memory that it is steered by."""

    connections: int
    cgroup: Cgroup
    limit_bytes: int


class Closure:
    """What a run brings: the versions that were asked for, and with `dependencies` what those need in turn."""

    def __init__(
        self,
        *,
        sources: Sources,
        database: Database,
        lease: Connection,
        run: plan.Run,
        bringer: Callable[[Slots, Failures], Bringer],
        tally: Tally,
        bounds: Bounds,
        folder: Path,
        choice: Choice,
        named: dict[str, int],
        whole: bool,
        dependencies: bool,
        fail_fast: bool,
    ) -> None:
        self._sources = sources
        self._database = database
        self._lease = lease
        self._run = run
        self._bringer = bringer
        self._tally = tally
        self._bounds = bounds
        self._folder = folder
        self._choice = choice
        self._whole = whole
        self._dependencies = dependencies
        self._fail_fast = fail_fast
        self._failures = Failures(sources.ids[0])
        self._discovery = Discovery(
            sources=sources,
            database=database,
            run=run,
            tally=tally,
            failures=self._failures,
            choice=choice,
            named=named,
            whole=whole,
        )

    async def bring(self) -> None:
        """Bring it all.

        Raises:
            GalaxyError, ArtifactStoreError, StoreError, SpoolError: the run cannot go on.
            ContentFailedError: something could not be had, and that is not to be.
        """
        slots = Slots(min(START, self._bounds.connections))
        async with self._steered(slots):
            if self._whole:
                await self._look_everything_up()
            more = True
            while more:
                await self._discovery.look_up(await plan.pending_requirements(self._lease, self._run))
                await self._check_failures()
                await self._bringer(slots, self._failures).bring()
                if self._dependencies:
                    await plan.require_dependencies(self._lease, self._run)
                more = bool(await plan.pending_requirements(self._lease, self._run))
        self._failures.conclude()

    async def _look_everything_up(self) -> None:
        first = self._sources.ids[0]
        everything = plan.Requirement("*", "*", source_id=first)
        await plan.require(self._lease, self._run, [everything])
        whole = Whole(
            await self._sources.client(first),
            source_id=first,
            database=self._database,
            run=self._run,
            tally=self._tally,
            folder=self._folder,
            choice=self._choice,
            excludes=await self._sources.excludes(first),
        )
        message = await whole.look_up()
        self._failures.succeeded()
        reason = "IncompleteListing" if message else None
        await plan.settle_requirement(self._lease, self._run, everything, reason=reason, message=message or "")

    async def _check_failures(self) -> None:
        if self._fail_fast and (failed := await plan.failures(self._lease, self._run, 1)):
            first = failed[0]
            raise ContentFailedError(first.reason, f"{first.name} {first.version}: {first.message}")

    @contextlib.asynccontextmanager
    async def _steered(self, slots: Slots) -> AsyncIterator[None]:
        bounds = self._bounds
        ramp = Ramp(limit=slots.limit, maximum=bounds.connections)
        steering = asyncio.create_task(
            steer(slots, ramp, self._tally, cgroup=bounds.cgroup, limit_bytes=bounds.limit_bytes, sessions=INSERTERS)
        )
        try:
            yield
        finally:
            steering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await steering
