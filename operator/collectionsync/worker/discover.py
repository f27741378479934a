"""From requirements to versions: which collections are asked for, where they are, and what there is of them."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collectionsync.galaxy.client import Collection, ListedVersion, Listing
from collectionsync.galaxy.errors import GalaxyError, NotFoundError
from collectionsync.galaxy.versions import InvalidRange, InvalidVersion, Range, chosen, parse
from collectionsync.resource import Prereleases
from collectionsync.store import plan
from collectionsync.store.database import Connection, Database
from collectionsync.worker.excludes import Excludes
from collectionsync.worker.failures import Failures
from collectionsync.worker.sources import Sources
from collectionsync.worker.tally import Tally
from collectionsync.worker.together import together

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}\.[a-z_][a-z0-9_]{0,63}", re.ASCII)
# Lists are small, and one after the other they cost a round trip each.
_LISTS_AT_ONCE = 4
NO_VERSION = ("InvalidVersion", "the source lists a version that is no semantic version")
"""Reason and message of a version that cannot be one."""
_INCOMPLETE = ("IncompleteListing", "the list kept changing while it was read; run again")


@dataclass(frozen=True, slots=True)
class Choice:
    """What decides which versions a requirement means, beside its range."""

    excludes: Excludes
    prereleases: Prereleases
    latest: int | None
    """For what dependencies ask; what the user asks has its own."""

    def leaves_out(self, name: str, version: str, *, of_source: Excludes) -> bool:
        """Say whether a version of `namespace.name` is left out, by the resource or by what its source asks for."""
        return self.excludes.leave_out(name, version) or of_source.leave_out(name, version)


@dataclass(frozen=True, slots=True)
class _Found:
    source_id: int
    collection: Collection
    listing: Listing
    excludes: Excludes


class Discovery:
    """Looks requirements up and adds the versions that they mean to the plan.

    A requirement that cannot be met is noted as failed and stops nothing here: the policy on failures is the run's.
    `named` is where the user looks for collections by name; dependencies on them are looked for there, too. `whole`
    says that the names are those of all that a source lists, and that nobody has asked for any of them.
    """

    def __init__(
        self,
        *,
        sources: Sources,
        database: Database,
        run: plan.Run,
        tally: Tally,
        failures: Failures,
        choice: Choice,
        named: dict[str, int],
        whole: bool,
    ) -> None:
        self._sources = sources
        self._database = database
        self._run = run
        self._tally = tally
        self._failures = failures
        self._choice = choice
        self._named = named
        self._whole = whole
        self._at_once = asyncio.Semaphore(_LISTS_AT_ONCE)
        self._left_out: set[str] = set()

    async def look_up(self, wanted: list[plan.Requirement]) -> None:
        """Look all of them up; requirements on one collection share one listing.

        Raises:
            GalaxyError: a source cannot be used at all.
            StoreError: nor the database.
        """
        by_name: dict[str, list[plan.Requirement]] = {}
        for requirement in wanted:
            by_name.setdefault(requirement.name, []).append(requirement)
        self._tally.collections_required += len(by_name)
        await together(*(self._look_up(name, asked) for name, asked in by_name.items()))

    async def _look_up(self, name: str, asked: list[plan.Requirement]) -> None:
        async with self._at_once:
            by_route: dict[tuple[int, ...], list[plan.Requirement]] = {}
            for requirement in asked:
                by_route.setdefault(self._route(requirement), []).append(requirement)
            # In the order of the sources: what two of them have is taken from the first.
            for route in sorted(by_route, key=lambda route: self._sources.ids.index(route[0])):
                await self._look_up_along(route, name, by_route[route])
        self._tally.collections_listed += 1

    def _route(self, requirement: plan.Requirement) -> tuple[int, ...]:
        """Return where a requirement is looked for, one source after the other."""
        if requirement.source_id:
            return (requirement.source_id,)
        if (named := self._named.get(requirement.name)) is not None:
            return (named,)
        return self._sources.ids

    async def _look_up_along(self, route: tuple[int, ...], name: str, asked: list[plan.Requirement]) -> None:
        if not is_name(name):
            await self._refuse(asked, "InvalidName", f"{plan.storable(name)!r} is not a collection's namespace.name")
            return
        found: _Found | None = None
        for source_id in route:
            try:
                there = await self._find(source_id, name)
            except GalaxyError as error:
                self._failures.failed(error, source_id)
                await self._refuse(asked, error.reason, str(error))
                return
            self._failures.succeeded(source_id)
            if there is not None:
                found = found or there
                asked = await self._take(there, asked)
            if not asked:
                return
        await self._miss(found, name, route, asked)

    async def _find(self, source_id: int, name: str) -> _Found | None:
        namespace, collection = name.split(".")
        client = await self._sources.client(source_id)
        if (known := await client.collection(namespace, collection)) is None:
            return None
        try:
            listing = await client.versions(namespace, collection)
        except NotFoundError:
            return None  # it went in between
        return _Found(source_id, known, listing, await self._sources.excludes(source_id))

    async def _miss(
        self, found: _Found | None, name: str, route: tuple[int, ...], asked: list[plan.Requirement]
    ) -> None:
        """Note what no source has."""
        if self._whole:
            # It went while everything was listed, or never had a version: nobody has asked for it by its name.
            await self._meet(asked)
        elif found is None:
            nobody = "the source has no" if len(route) == 1 else f"none of the {len(route)} sources has a"
            await self._refuse(asked, "NotFound", f"{nobody} collection {name}")
        else:
            count = len(found.listing.versions)
            await self._refuse(asked, "NoMatchingVersion", f"none of its {count} versions matches")

    async def _take(self, found: _Found, asked: list[plan.Requirement]) -> list[plan.Requirement]:
        """Take what a source has of a collection, and return the requirements that none of its versions matches."""
        collection = found.collection
        name = f"{collection.namespace}.{collection.name}"
        usable = {each.version: each for each in found.listing.versions if is_version(each.version)}
        kept = [version for version in usable if not self._choice.leaves_out(name, version, of_source=found.excludes)]
        unmet, met = [], False
        for requirement in asked:
            try:
                versions = self._chosen(requirement, kept)
                wished = versions if len(kept) == len(usable) else self._chosen(requirement, usable)
            except InvalidRange as error:
                await self._refuse([requirement], "InvalidRange", str(error))
                continue
            self._count_left_out(name, set(wished).difference(kept))
            # Without what is left out, a pre-release may be all that a collection has, and so be needed.
            if versions or wished:
                met = True
                await self._add(requirement, found, [usable[version] for version in versions])
            elif found.listing.complete:
                unmet.append(requirement)
            else:
                await self._refuse([requirement], *_INCOMPLETE)
        if met:
            await self._note(found)
        return unmet

    async def _note(self, found: _Found) -> None:
        """Note what the source says of a collection that something was taken of."""
        async with self._database.session() as connection:
            await plan.note_collection(
                connection,
                self._run,
                found.collection.namespace,
                found.collection.name,
                source_id=found.source_id,
                deprecated=found.collection.deprecated,
                complete=found.listing.complete,
            )
            await self._note_unusable(connection, found)

    def _count_left_out(self, name: str, versions: set[str]) -> None:
        # A collection may be looked up for one requirement after another.
        self._left_out.update(f"{name} {version}" for version in versions)
        self._tally.versions_left_out = len(self._left_out)

    def _chosen(self, requirement: plan.Requirement, versions: Iterable[str]) -> list[str]:
        latest = requirement.latest if requirement.required_by is None else self._choice.latest
        return chosen(versions, Range.parse(requirement.range), latest=latest, prereleases=self._choice.prereleases)

    async def _note_unusable(self, connection: Connection, found: _Found) -> None:
        for each in found.listing.versions:
            if not is_version(each.version):
                item = plan.Item(found.collection.namespace, found.collection.name, each.version, found.source_id)
                reason, message = NO_VERSION
                await plan.settle(connection, self._run, item, state="Failed", reason=reason, message=message)

    async def _add(self, requirement: plan.Requirement, found: _Found, versions: Sequence[ListedVersion]) -> None:
        """Add what a requirement means; it is nothing where all of that is excluded."""
        reason, message = None, ""
        if not versions:
            # Who excludes what a dependency asks for means just that; who excludes all of what he asks for errs.
            if requirement.required_by is None and not self._whole:
                reason, message = "Excluded", "every version that matches is excluded"
        elif not found.listing.complete:
            reason, message = _INCOMPLETE
        listed = [plan.Listed(each.version, each.fingerprint, each.marks) for each in versions]
        namespace, name = found.collection.namespace, found.collection.name
        async with self._database.session() as connection:
            added = await plan.add_items(connection, self._run, namespace, name, listed, source_id=found.source_id)
            await self._settle(connection, requirement, reason, message)
        self._tally.versions_discovered += added

    async def _meet(self, asked: list[plan.Requirement]) -> None:
        async with self._database.session() as connection:
            for requirement in asked:
                await self._settle(connection, requirement, None, "")

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


def is_name(text: str) -> bool:
    """Say whether a text is a collection's `namespace.name`."""
    return _NAME.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Say whether a text is a semantic version."""
    try:
        parse(text)
    except InvalidVersion:
        return False
    return True
