"""What a Galaxy's lists say: pages, links from one to the next, and what of each item is kept.

Every list is read by the same rules. Links are path-only on real servers, absolute on some, and missing on some. Pages
shift while a server's content changes, so what was read is held against the server's own count.
"""

import hashlib
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

import msgspec
from yarl import URL

from collectionsync.galaxy.errors import ContentError, NotFoundError, shown
from collectionsync.galaxy.links import resolve_within

PAGE_SIZE = 100
VERSIONS_LIMIT = 20_000
COLLECTIONS_LIMIT = 100_000
READS = 3
"""How often a list is read that does not agree with its own count."""

T = TypeVar("T")


class ListedVersion(msgspec.Struct, frozen=True):
    """One item of a versions list. The fingerprint changes with anything that the list says of the version."""

    version: str
    fingerprint: str
    marks: tuple[str, ...] = ()


class Listing(msgspec.Struct, frozen=True):
    """The versions of one collection, each once, and whether they are as many as the server counts."""

    versions: list[ListedVersion]
    complete: bool


class Collection(msgspec.Struct, frozen=True):
    """A collection as its server knows it."""

    namespace: str
    name: str
    deprecated: bool


class SourceVersion(msgspec.Struct, frozen=True):
    """One element of `collection_versions/all/`, whose fingerprint covers the artifact and the signatures as well."""

    namespace: str
    name: str
    version: str
    fingerprint: str
    marks: tuple[str, ...] = ()


class CollectionItem(msgspec.Struct, gc=False):
    """A collection in any list. What is odd about other members than its name harms nothing."""

    namespace: str
    name: str
    deprecated: object = False

    def collection(self) -> Collection:
        """Return what is kept of it."""
        return Collection(self.namespace, self.name, self.deprecated is True)


class VersionItem(msgspec.Struct):
    """A version in the list of one collection. Members that servers leave out, or have null, are of any kind here."""

    version: str
    updated_at: object = None
    requires_ansible: object = None
    marks: object = None

    def listed(self) -> ListedVersion:
        """Return what is kept of it."""
        return ListedVersion(self.version, _digest("listed", self.said()), self.kept_marks())

    def said(self) -> list[object]:
        """Return what is told of the version. Null is nothing and nothing is empty: a Pulp turns one into the other."""
        return [self.version, _text(self.updated_at), _text(self.requires_ansible), self.kept_marks()]

    def kept_marks(self) -> tuple[str, ...]:
        """Return the marks in order, each once."""
        given = self.marks if isinstance(self.marks, list) else ()
        return tuple(sorted({mark for mark in given if isinstance(mark, str)}))


class _Named(msgspec.Struct):
    name: str


class VersionSummary(VersionItem, kw_only=True):
    """A version in the list of all of them: a detail without what is heavy."""

    namespace: _Named
    collection: _Named | None = None
    name: str | None = None
    artifact: object = None
    signatures: object = None

    def of_source(self) -> SourceVersion:
        """Return what is kept of it.

        Raises:
            ContentError: it does not say which collection it is of.
        """
        name = self.name or (self.collection.name if self.collection else None)
        if not name:
            raise ContentError("InvalidJSON", f"version {shown(self.version)} in the list is of no collection")
        fingerprint = _digest("summary", [*self.said(), _text(_member(self.artifact, "sha256")), self._signed()])
        return SourceVersion(self.namespace.name, name, self.version, fingerprint, self.kept_marks())

    def _signed(self) -> list[str]:
        """Return the digests of the signatures' texts, in order."""
        given = self.signatures if isinstance(self.signatures, list) else ()
        texts = (_text(_member(signature, "signature")) for signature in given)
        return sorted(hashlib.sha256(text.encode()).hexdigest() for text in texts)


class _Meta(msgspec.Struct):
    count: int | None = None


class _Links(msgspec.Struct):
    next: str | None = None


class Page(msgspec.Struct, Generic[T]):
    """One page of a list (https://docs.ansible.com/projects/galaxy-ng): its items, their count, the way on."""

    data: list[T]
    meta: _Meta = msgspec.field(default_factory=_Meta)
    links: _Links | None = None

    def following(self, at: URL, got: int) -> URL | None:
        """Return where the next page is, when this one was at `at` and `got` items have come; None after the last.

        Raises:
            ContentError: it is on another host.
        """
        if self.links is not None and self.links.next:
            return resolve_within(at, self.links.next, what="its next page")
        if self.meta.count is not None and got < self.meta.count:
            return at.with_query(limit=PAGE_SIZE, offset=got)
        return None


Ask = Callable[[URL], Awaitable[tuple[Page[T], URL]]]
"""Brings the page at a URL, and says where it really was."""


async def read_pages(
    ask: Ask[T],
    first: URL,
    *,
    key: Callable[[T], Hashable],
    take: Callable[[list[T]], Awaitable[None]],
    most: int,
    what: str,
) -> bool:
    """Read a list once, from its first page on, and hand out the items of each page that were on none before.

    It is complete if it kept one count from page to page and has as many items, or if it has no count and an end.

    Raises:
        GalaxyError: a page cannot be had, or there are more than `most` items.
    """
    # Numbers instead of keys: names may be of any length, and there may be a hundred thousand of them.
    found: set[int] = set()
    counts: set[int] = set()
    got = 0
    url: URL | None = first.with_query(limit=PAGE_SIZE, offset=0)
    while url is not None:
        try:
            page, at = await ask(url)
        except NotFoundError:
            if not got:
                raise
            break
        counts.update([] if page.meta.count is None else [page.meta.count])
        got += len(page.data)
        fresh = _fresh(page.data, key, found)
        if len(found) > most:
            raise ContentError("TooLarge", f"{what} lists more than {most} items")
        await take(fresh)
        url = page.following(at, got)
        if not fresh:
            break  # links in a circle, or a server that gives the same page for every offset
    return counts == {len(found)} if counts else url is None


def _fresh(items: Iterable[T], key: Callable[[T], Hashable], found: set[int]) -> list[T]:
    fresh = []
    for item in items:
        number = hash(key(item))
        if number not in found:
            found.add(number)
            fresh.append(item)
    return fresh


def _digest(kind: str, said: list[object]) -> str:
    """Return a digest of what is said in a list of this kind; of two kinds no digests are the same."""
    return hashlib.sha256(msgspec.json.encode([kind, *said])).hexdigest()


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None
