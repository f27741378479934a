"""The run: what is asked for is brought, and then published.

Everything that a run is made of is put together here, and nothing is decided: what a memory limit allows, when to give
up, how a run ends and what it publishes have modules of their own.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from collectionsync.byte_budget import ByteBudget
from collectionsync.galaxy.retry import RetryPolicy
from collectionsync.memory import Cgroup
from collectionsync.quantity import parse_seconds
from collectionsync.resource import CollectionSync, OnError, Verify
from collectionsync.store import plan
from collectionsync.store.artifacts import store_id
from collectionsync.store.database import Connection, Database, connected
from collectionsync.store.migrate import migrate
from collectionsync.store.repository import Publication, current, publish
from collectionsync.worker.closure import INSERTERS, Bounds, Bringer, Closure
from collectionsync.worker.connections import Slots
from collectionsync.worker.discover import Choice
from collectionsync.worker.excludes import Excludes
from collectionsync.worker.failures import Failures
from collectionsync.worker.fetch import Fetcher
from collectionsync.worker.namespaces import Namespaces
from collectionsync.worker.outcome import (
    ContentFailedError,
    Outcome,
    completed,
    failed_by_policy,
    refuse_too_many,
    unchanged,
)
from collectionsync.worker.pipeline import Pipeline
from collectionsync.worker.report import Reporter
from collectionsync.worker.signatures import Signatures
from collectionsync.worker.sources import Sources
from collectionsync.worker.tally import Tally
from collectionsync.worker.wanted import Wanted, digest, wanted

if TYPE_CHECKING:
    from collectionsync.artifacts.store import ArtifactStore
    from collectionsync.worker.planning import Estimate, Planned

log = logging.getLogger(__name__)

_SESSIONS = INSERTERS + 3  # one holds the run's lock and publishes, one keeps the plan, one asks what is lacking
_SKIPPED_AT_MOST = 50


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run finds and does not choose.

    `limit_bytes` is of memory; `connections` is the most that it allows. `artifacts` is None where none are mirrored.
    `stall_seconds` overrides what the resource says.
    """

    database_uri: str = field(repr=False)
    secrets: Path | None
    spool: Path
    cgroup: Cgroup
    limit_bytes: int
    connections: int
    config_maps: Path | None = None
    artifacts: "ArtifactStore | None" = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    stall_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _Begun:
    """A run that is under way."""

    database: Database
    lease: Connection
    sources: Sources
    run: plan.Run
    asked: Wanted
    digest: str
    terms: plan.Terms
    published: str | None
    """What the source says of its own state; read before any list, so that no later change is missed."""


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
        self._recheck_seconds = parse_seconds(resource.spec.recheck_interval)

    async def run(self) -> Outcome:
        """Bring what the resource asks for, publish it, and return how the run ended.

        Raises:
            Exception: what stopped the run; outcome.stopped_by() says what that means.
        """
        async with self._begun(dry=False) as begun:
            if await self._is_unchanged(begun):
                publication = await current(begun.lease, begun.run)
                self._reporter.published(publication)
                return await self._conclude(begun, unchanged(publication))
            return await self._carry_out(begun)

    async def plan(self, *, shown: int) -> "Planned":
        """Return what run() would do, of additions and removals the first so many by name; nothing is stored.

        Raises:
            Exception: as for run().
        """
        # Imported here: a worker in a cluster never needs it.
        from collectionsync.store.difference import difference
        from collectionsync.worker.planning import Planned

        async with self._begun(dry=True) as begun:
            lease, run = begun.lease, begun.run
            try:
                await self._require(begun)
                await self._closure(begun, self._estimates(begun), fail_fast=False).bring()
                counts = await plan.counts(lease, run)
                return Planned(
                    difference=await difference(lease, run, mirror=self._spec.mirror, limit=shown),
                    unchanged=counts.unchanged,
                    excluded=counts.excluded + self._tally.versions_left_out,
                    failed=counts.failed,
                    skipped=await plan.failures(lease, run, _SKIPPED_AT_MOST),
                    warnings=list(self._tally.warnings),
                )
            finally:
                await plan.discard(lease, run)

    @contextlib.asynccontextmanager
    async def _begun(self, *, dry: bool) -> AsyncIterator[_Begun]:
        found = self._surroundings
        asked = wanted(self._spec, found.config_maps)
        for warning in asked.warnings:
            self._tally.warn(warning)
        sources = Sources(
            asked.places,
            secrets=found.secrets,
            tally=self._tally,
            connections=found.connections,
            retry=found.retry,
            stall_seconds=found.stall_seconds,
        )
        if found.artifacts is not None and not dry:
            await found.artifacts.check()
        async with connected(found.database_uri, sessions=_SESSIONS) as database:
            await migrate(database)
            async with sources, database.session() as lease:
                yield await self._begin(database, lease, sources, asked, dry=dry)

    async def _begin(
        self, database: Database, lease: Connection, sources: Sources, asked: Wanted, *, dry: bool
    ) -> _Begun:
        spec, store = self._spec, self._surroundings.artifacts
        identity = digest(spec, asked, store_url=store.url if store else None)
        sources.numbered([await plan.source_id(lease, place.source.url) for place in asked.places])
        run = await plan.open_run(
            lease,
            namespace=self._resource.metadata.namespace,
            repository=spec.target.repository,
            owner=self._resource.metadata.name,
            source_url=spec.source.url,
            # Neither resumes the other.
            plan_sha256=f"{identity} dry" if dry else identity,
        )
        terms = plan.Terms(
            recheck_seconds=self._recheck_seconds,
            signed_only=spec.signed_only,
            store_id=await store_id(lease, store.url) if store else None,
            members=spec.verify is Verify.MEMBERS,
        )
        client = await sources.client(sources.ids[0])
        published = await client.published() if spec.all else None
        if published is not None:
            # What is left out is none of what the source publishes, and changes without it.
            published = f"{published} {(await sources.excludes(sources.ids[0])).sha256}"
        return _Begun(database, lease, sources, run, asked, identity, terms, published)

    async def _is_unchanged(self, begun: _Begun) -> bool:
        """Say whether the whole source is meant, and is what it was when the last run left nothing undone."""
        if begun.published is None or begun.run.resumed:
            return False
        last = await plan.last_sync(begun.lease, begun.run)
        return (
            last is not None
            and last.plan_sha256 == begun.digest
            and last.published == begun.published
            and last.age_seconds < self._recheck_seconds
        )

    async def _carry_out(self, begun: _Begun) -> Outcome:
        lease, run = begun.lease, begun.run
        await self._require(begun)
        try:
            await self._closure(begun, self._pipelines(begun), fail_fast=self._fail_fast).bring()
            counts = await plan.counts(lease, run)
            found = counts.created + counts.filled + counts.unchanged + counts.excluded + counts.failed
            refuse_too_many(self._spec.max_skipped, skipped=counts.failed, of=found)
        except ContentFailedError as error:
            return await self._conclude(begun, failed_by_policy(error))
        besides = await Namespaces(sources=begun.sources, database=begun.database, tally=self._tally).refresh(
            lease, run
        )
        besides += await Signatures(sources=begun.sources, tally=self._tally).refresh(lease, run)
        publication = await publish(lease, run, mirror=self._spec.mirror)
        for conflict in publication.conflicts:
            self._tally.warn(conflict)
        if self._spec.mirror and publication.kept_reason:
            self._tally.warn(f"nothing was removed from the repository, since {publication.kept_reason}")
        return await self._conclude(begun, publication, besides=besides)

    async def _require(self, begun: _Begun) -> None:
        ids = begun.sources.ids
        requirements = [
            plan.Requirement(
                want.name, want.range, source_id=ids[want.place], latest=want.latest, signatures=want.signatures
            )
            for want in begun.asked.wants
        ]
        await plan.require(begun.lease, begun.run, requirements)

    def _closure(self, begun: _Begun, bringer: Callable[[Slots, Failures], Bringer], *, fail_fast: bool) -> Closure:
        spec, found, asked = self._spec, self._surroundings, begun.asked
        ids = begun.sources.ids
        return Closure(
            sources=begun.sources,
            database=begun.database,
            lease=begun.lease,
            run=begun.run,
            bringer=bringer,
            tally=self._tally,
            bounds=Bounds(found.connections, found.cgroup, found.limit_bytes),
            folder=found.spool,
            choice=Choice(Excludes(asked.excludes), spec.prereleases, spec.latest),
            named={want.name: ids[want.place] for want in reversed(asked.wants) if want.place},
            whole=spec.all,
            # Everything that the source has is everything that what it has needs, as far as the source has it.
            dependencies=spec.dependencies and not spec.all,
            fail_fast=fail_fast,
        )

    def _pipelines(self, begun: _Begun) -> Callable[[Slots, Failures], Pipeline]:
        fetcher = self._fetcher(begun)

        def pipeline(slots: Slots, failures: Failures) -> Pipeline:
            return Pipeline(
                fetcher=fetcher,
                database=begun.database,
                run=begun.run,
                terms=begun.terms,
                tally=self._tally,
                failures=failures,
                slots=slots,
                fetchers=self._surroundings.connections,
                inserters=INSERTERS,
                fail_fast=self._fail_fast,
            )

        return pipeline

    def _estimates(self, begun: _Begun) -> "Callable[[Slots, Failures], Estimate]":
        from collectionsync.worker.planning import Estimate

        fetcher = self._fetcher(begun)

        def estimate(slots: Slots, failures: Failures) -> Estimate:
            return Estimate(
                fetcher=fetcher,
                database=begun.database,
                run=begun.run,
                terms=begun.terms,
                tally=self._tally,
                failures=failures,
                slots=slots,
                fetchers=self._surroundings.connections,
            )

        return estimate

    def _fetcher(self, begun: _Begun) -> Fetcher:
        spec, found = self._spec, self._surroundings
        artifacts = None
        if found.artifacts is not None and begun.terms.store_id is not None:
            from collectionsync.worker.artifact import Artifacts

            artifacts = Artifacts(
                found.artifacts,
                store_id=begun.terms.store_id,
                verify=spec.verify,
                folder=found.spool,
                budget=self._budget,
                tally=self._tally,
            )
        return Fetcher(
            sources=begun.sources,
            database=begun.database,
            folder=found.spool,
            budget=self._budget,
            signed_only=spec.signed_only,
            artifacts=artifacts,
        )

    async def _conclude(self, begun: _Begun, ended: Publication | Outcome, *, besides: int = 0) -> Outcome:
        lease, run = begun.lease, begun.run
        counts = await plan.counts(lease, run)
        skipped = await plan.failures(lease, run, _SKIPPED_AT_MOST)
        for each in skipped:
            log.warning("%s %s could not be had: %s, %s", each.name, each.version, each.reason, each.message)
        if isinstance(ended, Publication):
            self._reporter.published(ended)
            outcome = completed(
                skipped=counts.failed,
                changed=bool(ended.added or ended.removed or ended.deprecations_changed or counts.filled or besides),
                versions=counts.created + counts.filled + counts.unchanged,
            )
            if not counts.failed and not self._tally.warnings:
                await plan.remember_sync(lease, run, plan_sha256=begun.digest, published=begun.published)
        else:
            outcome = ended
        self._reporter.counted(counts, skipped, fail=self._fail_fast or outcome.code.name == "CONTENT")
        report = self._reporter.report(outcome).encode()
        await plan.finish(lease, run, result=outcome.result.value, report=report)
        return outcome
