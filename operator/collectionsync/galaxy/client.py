"""The Galaxy v3 API as its servers speak it: root discovery, lists, details and docs.

Follows https://docs.ansible.com/projects/galaxy-ng and what a real pulp_ansible answers: path-only links, a redirect
for every legacy path, lists without a stable order, Content-Types that mean nothing.
"""

from collections.abc import AsyncIterator
from typing import TypeVar
from urllib.parse import quote

import msgspec
from yarl import URL

from collectionsync.galaxy.errors import AuthenticationError, ContentError, NotFoundError, TransientError
from collectionsync.galaxy.transport import Sink, Transport

# A page of 100 versions takes 30 to 60 KB. What is larger by a hundred times is no list.
PAGE_LIMIT_BYTES = 4 * 1024 * 1024
PAGE_SIZE = 100
VERSIONS_LIMIT = 20_000
_READS = 3

T = TypeVar("T")


class _Root(msgspec.Struct):
    available_versions: dict[str, str]


class _Meta(msgspec.Struct):
    count: int | None = None


class _Links(msgspec.Struct):
    next: str | None = None


class _Item(msgspec.Struct):
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
        self._url = URL(url if url.endswith("/") else url + "/")
        self._collections = self._url

    async def connect(self) -> None:
        """Find the v3 API at the URL, or at `api/` below it as ansible-galaxy does.

        Raises:
            GalaxyError: neither answers, or what answers speaks no v3.
        """
        first = self._url
        if first.host == "galaxy.ansible.com" and first.path == "/":
            first = first / "api/"
        try:
            root, at = await self._root(first)
        except (ContentError, NotFoundError) as error:
            try:
                root, at = await self._root(first.join(URL("api/")))
            except (ContentError, NotFoundError):
                raise ContentError("NotGalaxy", f"no Galaxy API at {first} nor at api/ below it: {error}") from error
        except TransientError as error:
            if error.reason == "Forbidden":
                raise AuthenticationError(f"{error}; check the Secret named in spec.source.secretRef") from error
            raise
        path = root.available_versions.get("v3")
        if path is None:
            spoken = ", ".join(sorted(root.available_versions)) or "nothing"
            raise ContentError("NotGalaxy", f"{at} speaks {spoken}; a Galaxy v3 API is needed")
        self._collections = at.join(URL(path)).join(URL("collections/"))

    async def exists(self, namespace: str, name: str) -> bool:
        """Say whether the server knows the collection: its list of versions is empty either way."""
        legacy = self._collections
        suffix = f"{namespace}/{name}/"
        url = legacy.join(URL(suffix))
        try:
            found = await self._transport.get("collection", url, _Buffer(), limit=PAGE_LIMIT_BYTES)
        except NotFoundError:
            return False
        # Pulp redirects every legacy path, to another prefix of the same host: asking there halves the requests.
        if found.path.endswith(f"/{suffix}") and found.origin() == legacy.origin() and self._collections == legacy:
            self._collections = found.with_path(found.raw_path.removesuffix(suffix), encoded=True)
        return True

    async def versions(self, namespace: str, name: str) -> Listing:
        """Return the collection's versions, in no order.

        Offset pages shift while a server's content changes, so what was read is held against the server's own count
        and read again where they differ.

        Raises:
            GalaxyError: the list cannot be had.
        """
        seen: dict[str, None] = {}
        for _ in range(_READS):
            count = None
            unique: set[str] = set()
            async for page in self._pages(namespace, name):
                count = page.meta.count
                unique.update(item.version for item in page.data)
                if len(unique) > VERSIONS_LIMIT:
                    raise ContentError("TooLarge", f"{namespace}.{name} lists more than {VERSIONS_LIMIT} versions")
            seen.update(dict.fromkeys(unique))
            if count is None or len(unique) == count:
                return Listing(list(unique), complete=True)
        return Listing(list(seen), complete=False)

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

    async def _pages(self, namespace: str, name: str) -> AsyncIterator[_Page]:
        base = self._collections.join(URL(f"{namespace}/{name}/versions/"))
        url = base.with_query(limit=PAGE_SIZE, offset=0)
        asked = {url}
        got = 0
        while True:
            body = _Buffer()
            try:
                at = await self._transport.get("versions", url, body, limit=PAGE_LIMIT_BYTES)
            except NotFoundError:
                return
            page = _decode(body, _Page, at)
            yield page
            got += len(page.data)
            following = _following(page, at, base, got)
            if following is None or following in asked or not page.data:
                return
            url = following
            asked.add(url)


def _following(page: _Page, at: URL, base: URL, got: int) -> URL | None:
    """Return the next page. Links are path-only on real servers, absolute on some, and on some are missing."""
    if page.links is not None and page.links.next:
        try:
            link = at.join(URL(page.links.next, encoded=True))
        except ValueError as error:
            raise ContentError("InvalidLink", f"{at} links to {page.links.next!r}, which is no URL") from error
        if link.origin() != at.origin():
            raise ContentError("InvalidLink", f"{at} links to another host for its next page: {link}")
        return link
    if page.meta.count is not None and got < page.meta.count:
        return base.with_query(limit=PAGE_SIZE, offset=got)
    return None


def _decode(body: _Buffer, kind: type[T], url: URL) -> T:
    try:
        return msgspec.json.decode(body.data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContentError("InvalidJSON", f"{url} is not the JSON of a Galaxy v3 API: {error}") from error
