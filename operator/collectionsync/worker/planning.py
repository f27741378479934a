"""A dry run: what a sync would add, remove and download. Reads lists and new details, and stores none of them.

What new versions depend on is in their details, so those are read, and forgotten; docs and artifacts are not.
"""

from dataclasses import dataclass

from collectionsync.galaxy.errors import GalaxyError
from collectionsync.quantity import format_bytes
from collectionsync.store import plan
from collectionsync.store.content import lacking
from collectionsync.store.database import Database
from collectionsync.store.difference import Difference
from collectionsync.worker.claims import Claims
from collectionsync.worker.connections import Slots
from collectionsync.worker.failures import Failures
from collectionsync.worker.fetch import Fetcher
from collectionsync.worker.tally import Tally
from collectionsync.worker.together import together


@dataclass(frozen=True, slots=True)
class Planned:
    """What a sync would do, as its table and its JSON tell it."""

    difference: Difference
    unchanged: int
    excluded: int
    failed: int
    skipped: list[plan.Failure]
    warnings: list[str]


class Estimate:
    """Reads the details of a wave's new versions, and notes what they would take and what they need."""

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        database: Database,
        run: plan.Run,
        terms: plan.Terms,
        tally: Tally,
        failures: Failures,
        slots: Slots,
        fetchers: int,
    ) -> None:
        self._fetcher = fetcher
        self._database = database
        self._run = run
        self._terms = terms
        self._tally = tally
        self._failures = failures
        self._slots = slots
        self._fetchers = fetchers
        self._claims = Claims(database, run, terms, tally)

    async def bring(self) -> None:
        """Look at every pending item.

        Raises:
            GalaxyError, StoreError, SpoolError: the dry run cannot go on.
        """
        await together(self._claims.keep_claiming(), *(self._look() for _ in range(self._fetchers)))

    async def _look(self) -> None:
        while True:
            async with self._slots:
                if (item := await self._claims.next()) is None:
                    return
                await self._look_at(item)

    async def _look_at(self, item: plan.Item) -> None:
        if item.version_id is not None:  # only docs are missing, which may not be there either
            await self._plan(item, dependencies={}, size=0, version_id=item.version_id)
            return
        try:
            detail = await self._fetcher.detail(item)
        except GalaxyError as error:
            self._failures.failed(error, item.source_id)
            self._tally.versions_done["Failed"] += 1
            await self._settle(item, "Failed", error.reason, str(error))
            return
        self._failures.succeeded(item.source_id)
        version, terms = detail.version, self._terms
        if terms.signed_only and not detail.said.signatures:
            await self._settle(item, "Excluded", "Unsigned", "it has no signature")
            return
        async with self._database.session() as connection:
            lacks = await lacking(connection, version.sha256, store_id=terms.store_id, members=terms.members)
        size = sum(document.size for document in detail.documents if document.kind not in lacks.kinds)
        if terms.store_id is not None and not lacks.has_artifact:
            size += version.size
        await self._plan(item, dependencies=version.dependencies, size=size, version_id=lacks.version_id)

    async def _plan(self, item: plan.Item, *, dependencies: dict[str, str], size: int, version_id: int | None) -> None:
        async with self._database.session() as connection:
            await plan.settle_planned(
                connection, self._run, item, dependencies=dependencies, size=size, version_id=version_id
            )

    async def _settle(self, item: plan.Item, state: str, reason: str, message: str) -> None:
        async with self._database.session() as connection:
            await plan.settle(connection, self._run, item, state=state, reason=reason, message=message)


def table(planned: Planned) -> str:
    """Return what a person reads of a dry run."""
    difference = planned.difference
    rows = [("add", each) for each in difference.added.first] + [("remove", each) for each in difference.removed.first]
    lines = [f"{action:<8} {each.namespace}.{each.name} {each.version}" for action, each in rows]
    if (more := difference.added.count + difference.removed.count - len(rows)) > 0:
        lines.append(f"{'':<8} and {more} more")
    lines += [f"{'skip':<8} {each.name} {each.version}: {each.reason}" for each in planned.skipped]
    lines += [f"{'warning':<8} {text}" for text in planned.warnings]
    if difference.kept_reason:
        lines.append(f"{'warning':<8} nothing would be removed, since {difference.kept_reason}")
    lines.append(
        f"{difference.added.count} to add, {difference.removed.count} to remove, {planned.unchanged} unchanged, "
        f"{planned.excluded} left out, {planned.failed} skipped; "
        f"{difference.downloads.count} to download: {format_bytes(difference.downloads.bytes)}, and their docs"
    )
    return "\n".join(lines)
