"""From requirements to versions: which collections are asked for, and what the source has of them."""

import asyncio
import re
from collections.abc import Iterator, Sequence

from collectionsync.galaxy.client import GalaxyClient, Listing
from collectionsync.galaxy.errors import ContentError, GalaxyError, NotFoundError
from collectionsync.galaxy.versions import InvalidRange, InvalidVersion, Range, parse
from collectionsync.manifest import ManifestError
from collectionsync.resource import Spec
from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.worker.failures import Failures
from collectionsync.worker.tally import Tally
from collectionsync.worker.together import together

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}\.[a-z_][a-z0-9_]{0,63}", re.ASCII)
# Lists are small, and one after the other they cost a round trip each.
_LISTS_AT_ONCE = 4


def requirements(spec: Spec) -> Iterator[plan.Requirement]:
    """Yield what the resource asks for.

    Raises:
        ManifestError: a version range is none.
    """
    for index, collection in enumerate(spec.collections or ()):
        try:
            yield plan.Requirement(collection.name, str(Range.parse(collection.version)))
        except InvalidRange as error:
            raise ManifestError(f"spec.collections[{index}].version", str(error)) from error


class Discovery:
    """Looks requirements up and adds the versions that they mean to the plan.

    A requirement that cannot be met is noted as failed and stops nothing here: the policy on failures is the run's.
    """

    def __init__(
        self, *, client: GalaxyClient, database: Database, run: plan.Run, tally: Tally, failures: Failures
    ) -> None:
        self._client = client
        self._database = database
        self._run = run
        self._tally = tally
        self._failures = failures
        self._at_once = asyncio.Semaphore(_LISTS_AT_ONCE)

    async def look_up(self, wanted: list[plan.Requirement]) -> None:
        """Look all of them up; requirements on one collection share one listing.

        Raises:
            GalaxyError: the source cannot be used at all.
            StoreError: nor the database.
        """
        by_name: dict[str, list[plan.Requirement]] = {}
        for requirement in wanted:
            by_name.setdefault(requirement.name, []).append(requirement)
        self._tally.collections_required += len(by_name)
        await together(*(self._look_up(name, asked) for name, asked in by_name.items()))

    async def _look_up(self, name: str, asked: list[plan.Requirement]) -> None:
        async with self._at_once:
            try:
                listing = await self._list(name)
            except GalaxyError as error:
                self._failures.failed(error)
                await self._refuse(asked, error.reason, str(error))
            else:
                self._failures.succeeded()
                await self._take(name, listing, asked)
        self._tally.collections_listed += 1

    async def _list(self, name: str) -> Listing:
        if not _NAME.fullmatch(name):
            raise ContentError("InvalidName", f"{plan.storable(name)!r} is not a collection's namespace.name")
        namespace, collection = name.split(".")
        try:
            listing = await self._client.versions(namespace, collection)
            known = bool(listing.versions) or await self._client.exists(namespace, collection)
        except NotFoundError:
            known = False
        if not known:
            raise NotFoundError(f"the source has no collection {name}")
        return listing

    async def _take(self, name: str, listing: Listing, asked: list[plan.Requirement]) -> None:
        namespace, collection = name.split(".")
        usable = [version for version in listing.versions if _is_version(version)]
        for requirement in asked:
            try:
                matches = Range.parse(requirement.range).matches
            except InvalidRange as error:
                await self._refuse([requirement], "InvalidRange", str(error))
                continue
            matching = [version for version in usable if matches(version)]
            await self._add(requirement, listing, namespace, collection, matching)
        unusable = [version for version in listing.versions if not _is_version(version)]
        async with self._database.session() as connection:
            for version in unusable:
                item = plan.Item(namespace, collection, version)
                message = "the source lists a version that is no semantic version"
                await plan.settle(connection, self._run, item, state="Failed", reason="InvalidVersion", message=message)

    async def _add(
        self, requirement: plan.Requirement, listing: Listing, namespace: str, name: str, versions: Sequence[str]
    ) -> None:
        reason, message = None, ""
        if not versions:
            reason, message = "NoMatchingVersion", f"none of its {len(listing.versions)} versions matches"
        elif not listing.complete:
            reason, message = "IncompleteListing", "the list kept changing while it was read; run again"
        async with self._database.session() as connection:
            added = await plan.add_items(connection, self._run, namespace, name, versions)
            await self._settle(connection, requirement, reason, message)
        self._tally.versions_discovered += added

    async def _refuse(self, asked: list[plan.Requirement], reason: str, message: str) -> None:
        async with self._database.session() as connection:
            for requirement in asked:
                await self._settle(connection, requirement, reason, message)

    async def _settle(
        self, connection: Connection, requirement: plan.Requirement, reason: str | None, message: str
    ) -> None:
        if reason is not None and requirement.required_by is not None:
            message = f"{message} (required by {requirement.required_by})"
        await plan.settle_requirement(connection, self._run, requirement, reason=reason, message=message)


def _is_version(text: str) -> bool:
    try:
        parse(text)
    except InvalidVersion:
        return False
    return True
