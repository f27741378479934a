"""The run: discover ▸ fetch ▸ insert, in waves until no dependency is left, then publish.

Everything that a run is made of is put together here, and nothing is decided: what a memory limit allows, when to give
up, how a run ends and what it publishes have modules of their own.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from collectionsync.galaxy.client import GalaxyClient
from collectionsync.galaxy.retry import RetryPolicy
from collectionsync.galaxy.transport import Transport
from collectionsync.resource import CollectionSync, OnError
from collectionsync.store import plan
from collectionsync.store.database import Connection, Database, connected
from collectionsync.store.migrate import migrate
from collectionsync.store.repository import Publication, publish
from collectionsync.worker.budget import ByteBudget
from collectionsync.worker.connections import START, Ramp, Slots
from collectionsync.worker.discover import Discovery, requirements
from collectionsync.worker.failures import Failures
from collectionsync.worker.memory import Cgroup
from collectionsync.worker.outcome import ContentFailedError, Outcome, completed, failed_by_policy
from collectionsync.worker.pipeline import Pipeline
from collectionsync.worker.report import Reporter
from collectionsync.worker.secrets import credentials, ssl_context
from collectionsync.worker.steering import steer
from collectionsync.worker.tally import Tally

# More sessions than this only wait for each other (measured on two cores).
INSERTERS = 3
_SESSIONS = INSERTERS + 2  # one holds the run's lock and publishes, one keeps the plan
_SKIPPED_AT_MOST = 50


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run finds and does not choose. `limit_bytes` is of memory; `connections` is the most that it allows."""

    database_uri: str = field(repr=False)
    secrets: Path | None
    spool: Path
    cgroup: Cgroup
    limit_bytes: int
    connections: int
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    stall_seconds: float = 30.0


class Sync:
    """One run of one resource. `tally`, `budget` and `reporter` are shared with those who watch it."""

    def __init__(
        self,
        resource: CollectionSync,
        *,
        surroundings: Surroundings,
        tally: Tally,
        budget: ByteBudget,
        reporter: Reporter,
    ) -> None:
        self._resource = resource
        self._spec = resource.spec
        self._surroundings = surroundings
        self._tally = tally
        self._budget = budget
        self._reporter = reporter
        self._fail_fast = resource.spec.on_error is OnError.FAIL

    async def run(self) -> Outcome:
        """Bring what the resource asks for, publish it, and return how the run ended.

        Raises:
            Exception: what stopped the run; outcome.stopped_by() says what that means.
        """
        wanted = list(requirements(self._spec))
        async with connected(self._surroundings.database_uri, sessions=_SESSIONS) as database:
            await migrate(database)
            async with self._client() as client, database.session() as lease:
                run = await plan.open_run(
                    lease,
                    namespace=self._resource.metadata.namespace,
                    repository=self._spec.target.repository,
                    source_url=self._spec.source.url,
                    plan_sha256=_digest(wanted, dependencies=self._spec.dependencies),
                )
                await plan.require(lease, run, wanted)
                try:
                    await self._bring_closure(client, database, lease, run)
                except ContentFailedError as error:
                    return await self._conclude(lease, run, failed_by_policy(error))
                publication = await publish(lease, run)
                return await self._conclude(lease, run, publication)

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[GalaxyClient]:
        source, found = self._spec.source, self._surroundings
        transport = Transport(
            credentials=credentials(source, found.secrets),
            observer=self._tally,
            ssl_context=ssl_context(source, found.secrets),
            insecure=source.insecure,
            rate=source.rate_limit,
            connections=found.connections,
            retry=found.retry,
            stall_seconds=found.stall_seconds,
        )
        async with transport:
            client = GalaxyClient(transport, source.url)
            await client.connect()
            yield client

    async def _bring_closure(self, client: GalaxyClient, database: Database, lease: Connection, run: plan.Run) -> None:
        """Look requirements up and bring their versions, until those require nothing new."""
        failures = Failures()
        discovery = Discovery(client=client, database=database, run=run, tally=self._tally, failures=failures)
        slots = Slots(min(START, self._surroundings.connections))
        async with self._steered(slots):
            while pending := await plan.pending_requirements(lease, run):
                await discovery.look_up(pending)
                if self._fail_fast and (failed := await plan.failures(lease, run, 1)):
                    first = failed[0]
                    raise ContentFailedError(first.reason, f"{first.name} {first.version}: {first.message}")
                await self._pipeline(client, database, run, failures, slots).bring()
                if self._spec.dependencies:
                    await plan.require_dependencies(lease, run)
        failures.conclude()

    def _pipeline(
        self, client: GalaxyClient, database: Database, run: plan.Run, failures: Failures, slots: Slots
    ) -> Pipeline:
        return Pipeline(
            client=client,
            database=database,
            run=run,
            tally=self._tally,
            failures=failures,
            slots=slots,
            budget=self._budget,
            folder=self._surroundings.spool,
            fetchers=self._surroundings.connections,
            inserters=INSERTERS,
            fail_fast=self._fail_fast,
        )

    @contextlib.asynccontextmanager
    async def _steered(self, slots: Slots) -> AsyncIterator[None]:
        found = self._surroundings
        ramp = Ramp(limit=slots.limit, maximum=found.connections)
        steering = asyncio.create_task(
            steer(slots, ramp, self._tally, cgroup=found.cgroup, limit_bytes=found.limit_bytes, sessions=INSERTERS)
        )
        try:
            yield
        finally:
            steering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await steering

    async def _conclude(self, lease: Connection, run: plan.Run, ended: Publication | Outcome) -> Outcome:
        counts = await plan.counts(lease, run)
        skipped = await plan.failures(lease, run, _SKIPPED_AT_MOST)
        if isinstance(ended, Publication):
            self._reporter.published(ended)
            outcome = completed(
                skipped=counts.failed,
                changed=bool(ended.added or ended.removed or counts.filled),
                versions=counts.created + counts.filled + counts.unchanged,
            )
        else:
            outcome = ended
        self._reporter.counted(counts, skipped, fail=self._fail_fast)
        report = self._reporter.report(outcome).encode()
        await plan.finish(lease, run, result=outcome.result.value, report=report)
        return outcome


def _digest(wanted: list[plan.Requirement], *, dependencies: bool) -> str:
    """Identify what is asked for, whatever the order."""
    asked = [sorted((each.name, each.range) for each in wanted), dependencies]
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()
