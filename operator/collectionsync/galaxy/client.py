"""The Galaxy v3 API as its servers speak it: root discovery, lists, details and docs.

Follows https://docs.ansible.com/projects/galaxy-ng and what a real pulp_ansible answers: path-only links, a redirect
for every legacy path, lists without a stable order, Content-Types that mean nothing.
"""

from typing import TypeVar
from urllib.parse import quote

import msgspec
from yarl import URL

from collectionsync.galaxy.credentials import origin_of
from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    NotFoundError,
    TransientError,
    shown,
)
from collectionsync.galaxy.transport import Sink, Transport, resolve

# A page of 100 versions takes 30 to 60 KB. What is many times larger is no list, and takes ten times that once parsed.
PAGE_LIMIT_BYTES = 2 * 1024 * 1024
PAGE_SIZE = 100
VERSIONS_LIMIT = 20_000
_READS = 3

T = TypeVar("T")


class _Root(msgspec.Struct):
    available_versions: dict[str, object]


class _Meta(msgspec.Struct):
    count: int | None = None


class _Links(msgspec.Struct):
    next: str | None = None


class _Item(msgspec.Struct, gc=False):
    version: str


class _Page(msgspec.Struct):
    data: list[_Item]
    meta: _Meta = msgspec.field(default_factory=_Meta)
    links: _Links | None = None


class Listing(msgspec.Struct, frozen=True):
    """The versions of one collection, each once, and whether they are as many as the server counts."""

    versions: list[str]
    complete: bool


class _Buffer:
    """A sink for bodies that are small by their limit."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def begin(self, size: int | None) -> None:
        self.data = bytearray()

    def write(self, chunk: bytes) -> None:
        self.data += chunk


class GalaxyClient:
    """One Galaxy v3 server. `await connect()` finds its API before anything else is asked."""

    def __init__(self, transport: Transport, url: str) -> None:
        self._transport = transport
        self._url = _folder(URL(url))
        self._collections = self._url

    async def connect(self) -> None:
        """Find the v3 API at the URL, or at `api/` below it as ansible-galaxy does.

        Raises:
            GalaxyError: neither answers, or what answers speaks no v3.
        """
        refusals: list[GalaxyError] = []
        for url in discovery_urls(self._url):
            try:
                root, at = await self._root(url)
            except (ContentError, NotFoundError) as error:
                refusals.append(error)
            except TransientError as error:
                if error.reason != "Forbidden":
                    raise
                refusals.append(error)
            else:
                self._collections = _collections(root, at)
                return
        told = "; ".join(map(str, refusals))
        if any(error.reason == "Forbidden" for error in refusals):
            raise AuthenticationError(f"{told}; check the Secret named in spec.source.secretRef") from refusals[-1]
        raise ContentError("NotGalaxy", f"no Galaxy API at {shown(self._url)}: {told}") from refusals[-1]

    async def exists(self, namespace: str, name: str) -> bool:
        """Say whether the server knows the collection: a real one lists no versions either way."""
        asked, path = self._collections, f"{namespace}/{name}/"
        try:
            at = await self._transport.get("collection", asked.join(URL(path)), _Buffer(), limit=PAGE_LIMIT_BYTES)
        except NotFoundError:
            return False
        self._learn(asked, path, at)
        return True

    async def versions(self, namespace: str, name: str) -> Listing:
        """Return the collection's versions, in no order.

        Offset pages shift while a server's content changes, so what was read is held against the server's own count
        and read again where they differ.

        Raises:
            GalaxyError: the list cannot be had.
        """
        seen: set[str] = set()
        for _ in range(_READS):
            listing = await self._read(namespace, name)
            if listing.complete:
                return listing
            seen.update(listing.versions)
        return Listing(list(seen), complete=False)

    async def _read(self, namespace: str, name: str) -> Listing:
        """Read the list once. It is complete if it kept one count from page to page, and has as many versions."""
        found: set[str] = set()
        counts: set[int] = set()
        got = 0
        asked, path = self._collections, f"{namespace}/{name}/versions/"
        url: URL | None = asked.join(URL(path)).with_query(limit=PAGE_SIZE, offset=0)
        while url is not None:
            try:
                page, at = await self._page(url)
            except NotFoundError:
                if not got:
                    raise
                break
            self._learn(asked, path, at)
            counts.update([] if page.meta.count is None else [page.meta.count])
            got += len(page.data)
            known = len(found)
            found.update(item.version for item in page.data)
            if len(found) > VERSIONS_LIMIT:
                raise ContentError("TooLarge", f"{namespace}.{name} lists more than {VERSIONS_LIMIT} versions")
            url = _following(page, at, got)
            if len(found) == known:
                break  # links in a circle, or a server that gives the same page for every offset
        return Listing(list(found), complete=counts == {len(found)} if counts else url is None)

    def _learn(self, asked: URL, path: str, found: URL) -> None:
        """Take note of where collections really are, when a request below `asked` was answered there.

        Pulp redirects every legacy path, to another prefix of the same host: asking there at once halves the requests.
        """
        if found.raw_path.endswith(f"/{path}") and _same_origin(found, asked) and self._collections == asked:
            self._collections = found.with_path(found.raw_path.removesuffix(path), encoded=True)

    async def detail(self, namespace: str, name: str, version: str, sink: Sink, *, limit: int) -> None:
        """Bring the version's detail document into `sink`, as it comes."""
        await self._transport.get("detail", self._version(namespace, name, version), sink, limit=limit)

    async def docs_blob(self, namespace: str, name: str, version: str, sink: Sink, *, limit: int) -> bool:
        """Bring the version's docs blob into `sink`, as it comes; False where the server has none."""
        url = self._version(namespace, name, version).join(URL("docs-blob/"))
        try:
            await self._transport.get("docs-blob", url, sink, limit=limit)
        except NotFoundError:
            return False
        return True

    def _version(self, namespace: str, name: str, version: str) -> URL:
        path = f"{namespace}/{name}/versions/{quote(version, safe='+')}/"
        return self._collections.join(URL(path, encoded=True))

    async def _root(self, url: URL) -> tuple[_Root, URL]:
        body = _Buffer()
        at = await self._transport.get("root", url, body, limit=PAGE_LIMIT_BYTES)
        return _decode(body, _Root, at), at

    async def _page(self, url: URL) -> tuple[_Page, URL]:
        body = _Buffer()
        at = await self._transport.get("versions", url, body, limit=PAGE_LIMIT_BYTES)
        return _decode(body, _Page, at), at


def discovery_urls(url: URL) -> tuple[URL, ...]:
    """Return where to look for the API, one after the other; `url` ends in a slash. As ansible-galaxy does."""
    below = url.join(URL("api/"))
    return (below,) if url.host == "galaxy.ansible.com" and url.path == "/" else (url, below)


def _collections(root: _Root, at: URL) -> URL:
    """Return where the v3 API has its collections. Its path is below the root, as ansible-galaxy reads it."""
    path = root.available_versions.get("v3")
    if not isinstance(path, str) or not path.strip("/"):
        spoken = ", ".join(sorted(root.available_versions)) or "nothing"
        raise ContentError("NotGalaxy", f"{shown(at)} speaks {shown(spoken)}; a Galaxy v3 API is needed")
    found = resolve(_folder(at), path.strip("/") + "/", reason="InvalidLink")
    if not _same_origin(found, at):
        raise ContentError("InvalidLink", f"{shown(at)} names another host for its v3 API: {shown(found)}")
    return found.join(URL("collections/"))


def _following(page: _Page, at: URL, got: int) -> URL | None:
    """Return the next page. Links are path-only on real servers, absolute on some, and on some are missing."""
    if page.links is not None and page.links.next:
        link = resolve(at, page.links.next, reason="InvalidLink")
        if not _same_origin(link, at):
            raise ContentError("InvalidLink", f"{shown(at)} links to another host for its next page: {shown(link)}")
        return link
    if page.meta.count is not None and got < page.meta.count:
        return at.with_query(limit=PAGE_SIZE, offset=got)
    return None


def _folder(url: URL) -> URL:
    """Return the URL as one that others can be below."""
    return url.with_path(url.raw_path.rstrip("/") + "/", encoded=True)


def _same_origin(one: URL, other: URL) -> bool:
    return origin_of(one) == origin_of(other)


def _decode(body: _Buffer, kind: type[T], url: URL) -> T:
    try:
        return msgspec.json.decode(body.data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ContentError("InvalidJSON", f"{shown(url)} is not the JSON of a Galaxy v3 API: {error}") from error
