"""Everything that a source has: by its lists of all, or page by page where it has none."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from collectionsync.galaxy.client import Collection, GalaxyClient, SourceVersion
from collectionsync.galaxy.elements import read_collections, read_versions
from collectionsync.resource import Prereleases
from collectionsync.store import plan
from collectionsync.store.database import Database
from collectionsync.worker.budget import MEBIBYTE
from collectionsync.worker.discover import NO_VERSION, Choice, is_name, is_version
from collectionsync.worker.excludes import Excludes
from collectionsync.worker.spool import Spool
from collectionsync.worker.tally import Tally

# 6 KB for each version of a real server. A list lies on disk and is read piece by piece.
LIST_LIMIT_BYTES = 1024 * MEBIBYTE
_AT_ONCE = 500

T = TypeVar("T")


class Whole:
    """Puts all that one source has into the plan: as items, or as a requirement for each collection."""

    def __init__(
        self,
        client: GalaxyClient,
        *,
        source_id: int,
        database: Database,
        run: plan.Run,
        tally: Tally,
        folder: Path,
        choice: Choice,
        excludes: Excludes,
    ) -> None:
        self._client = client
        self._source_id = source_id
        self._database = database
        self._run = run
        self._tally = tally
        self._folder = folder
        self._choice = choice
        self._excludes = excludes
        self._odd: list[str] = []

    async def look_up(self) -> str | None:
        """Look everything up, and return why that may not be everything; None where it is for certain.

        Raises:
            GalaxyError: a list cannot be had, or is none.
            SpoolError: the disk does not take it.
            StoreError: nor does the database.
        """
        # To choose the highest, all versions of a collection have to be seen together.
        if self._choice.latest is None and self._choice.prereleases is Prereleases.ALL and await self._by_lists():
            return self._oddities()
        if await self._client.collections(self._require):
            return None
        return "the list of collections kept changing while it was read; run again"

    async def _by_lists(self) -> bool:
        collections, versions = (
            Spool(kind, self._folder, digested=False, searched=False) for kind in ("collections", "versions")
        )
        try:
            if not await self._client.all_collections(collections, limit=LIST_LIMIT_BYTES):
                return False
            if not await self._client.all_versions(versions, limit=LIST_LIMIT_BYTES):
                return False
            for found in _batches(read_collections(collections.chunks(), odd=self._odd.append)):
                await self._note(found)
            for listed in _batches(read_versions(versions.chunks(), odd=self._odd.append)):
                await self._add(listed)
        finally:
            collections.close()
            versions.close()
        return True

    def _oddities(self) -> str | None:
        if not self._odd:
            return None
        more = f" (and {len(self._odd) - 1} more)" if len(self._odd) > 1 else ""
        return f"{self._odd[0]}{more}"

    async def _note(self, found: list[Collection]) -> None:
        rows = [
            (each.namespace, each.name, each.deprecated) for each in found if is_name(f"{each.namespace}.{each.name}")
        ]
        self._tally.collections_required += len(rows)
        self._tally.collections_listed += len(rows)
        async with self._database.session() as connection:
            await plan.note_collections(connection, self._run, self._source_id, rows, complete=True)

    async def _add(self, listed: list[SourceVersion]) -> None:
        kept = []
        async with self._database.session() as connection:
            for each in listed:
                if (defect := _defect(each)) is not None:
                    item = plan.Item(each.namespace, each.name, each.version, self._source_id)
                    reason, message = defect
                    await plan.settle(connection, self._run, item, state="Failed", reason=reason, message=message)
                elif self._choice.leaves_out(f"{each.namespace}.{each.name}", each.version, of_source=self._excludes):
                    self._tally.versions_left_out += 1
                else:
                    kept.append(each)
            self._tally.versions_discovered += await plan.add_many(connection, self._run, self._source_id, kept)

    async def _require(self, found: list[Collection]) -> None:
        wanted = [
            plan.Requirement(
                f"{each.namespace}.{each.name}", "*", source_id=self._source_id, latest=self._choice.latest
            )
            for each in found
        ]
        async with self._database.session() as connection:
            await plan.require(connection, self._run, wanted)


def _defect(each: SourceVersion) -> tuple[str, str] | None:
    """Return why a version that is listed cannot be one, as a reason and a message; None where it can."""
    if not is_name(f"{each.namespace}.{each.name}"):
        return "InvalidName", "the source lists a collection whose name is no namespace.name"
    if not is_version(each.version):
        return NO_VERSION
    return None


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(values)
    while batch := list(islice(iterator, _AT_ONCE)):
        yield batch
