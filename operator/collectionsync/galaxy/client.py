"""The Galaxy v3 API as its servers speak it: root discovery, lists, details, docs, namespaces and artifacts.

Follows https://docs.ansible.com/projects/galaxy-ng and what a real pulp_ansible answers: path-only links, a redirect
for every legacy path, lists without a stable order, Content-Types that mean nothing.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from yarl import URL

from collectionsync.galaxy.discovery import Root, find_api
from collectionsync.galaxy.errors import ContentError, GalaxyError, NotFoundError, TransientError, shown
from collectionsync.galaxy.excludes import read_excludes
from collectionsync.galaxy.links import Place, folder, path_of
from collectionsync.galaxy.listing import (
    COLLECTIONS_LIMIT,
    READS,
    VERSIONS_LIMIT,
    Ask,
    Collection,
    CollectionItem,
    ListedVersion,
    Listing,
    Page,
    SourceVersion,
    VersionItem,
    read_pages,
)
from collectionsync.galaxy.transport import Buffer, Sink, Transport, resolve

__all__ = ["Collection", "GalaxyClient", "ListedVersion", "Listing", "SourceVersion"]

log = logging.getLogger(__name__)

# A page of 100 versions takes 30 to 60 KB. What is many times larger is no list, and takes ten times that once parsed.
PAGE_LIMIT_BYTES = 2 * 1024 * 1024
NAMESPACE_LIMIT_BYTES = 1024 * 1024
SIGNATURE_LIMIT_BYTES = 64 * 1024
_ANYTHING = "*/*"
_ARMOUR = "-----BEGIN PGP SIGNATURE-----"

T = TypeVar("T")


class _Published(msgspec.Struct):
    published: object = None


class _Known(msgspec.Struct):
    deprecated: object = False


class GalaxyClient:
    """One Galaxy v3 server. `await connect()` finds its API before anything else is asked."""

    def __init__(self, transport: Transport, url: str) -> None:
        self._transport = transport
        self._url = folder(URL(url))
        self._settle(self._url)

    def _settle(self, api: URL) -> None:
        self._api = api
        self._collections = Place(api.join(URL("collections/")))
        self._namespaces = Place(api.join(URL("namespaces/")))

    async def connect(self) -> None:
        """Find the v3 API at the URL, or at `api/` below it as ansible-galaxy does.

        Raises:
            GalaxyError: neither answers, or what answers speaks no v3.
        """

        async def ask(url: URL) -> tuple[Root, URL]:
            return await self._small("root", url, Root)

        self._settle(await find_api(ask, self._url))

    async def published(self) -> str | None:
        """Return what the server says when it last changed, in its own words; None where it does not say.

        Raises:
            GalaxyError: it does not answer.
        """
        try:
            answer, _ = await self._small("published", self._api, _Published)
        except NotFoundError:
            return None
        except ContentError as error:
            log.info("the source does not say when it last changed: %s", error)
            return None
        return answer.published if isinstance(answer.published, str) else None

    async def excludes(self) -> list[tuple[str, str]]:
        """Return the names (`namespace.name`) and the text of the version ranges that nobody is to mirror.

        An answer that is of no use, and a refusal, are logged and exclude nothing.

        Raises:
            GalaxyError: the server does not answer.
        """
        body = Buffer()
        try:
            await self._transport.get("excludes", self._api.join(URL("excludes/")), body, limit=PAGE_LIMIT_BYTES)
            found, nameless = read_excludes(body.data)
        except NotFoundError:
            return []
        except GalaxyError as error:
            if not _is_refusal(error):
                raise
            log.warning("the source's list of excludes is not applied: %s", error)
            return []
        if nameless:
            log.warning("%d entries of the source's list of excludes name no collection", nameless)
        return found

    async def collection(self, namespace: str, name: str) -> Collection | None:
        """Return what the server says of a collection; None where it does not know it.

        Its list of versions does not tell: a real server's is empty either way.

        Raises:
            GalaxyError: the server does not say.
        """
        asked, path = self._collections.url, path_of(namespace, name)
        try:
            known, at = await self._small("collection", self._collections.at(path), _Known)
        except NotFoundError:
            return None
        self._collections.learn(asked, path, at)
        return Collection(namespace, name, known.deprecated is True)

    async def versions(self, namespace: str, name: str) -> Listing:
        """Return the collection's versions, in no order.

        Offset pages shift while a server's content changes, so what was read is held against the server's own count
        and read again where they differ.

        Raises:
            GalaxyError: the list cannot be had.
        """
        seen: dict[str, ListedVersion] = {}
        for _ in range(READS):
            read: dict[str, ListedVersion] = {}
            if await self._read_versions(namespace, name, read):
                return Listing(list(read.values()), complete=True)
            seen.update(read)
        return Listing(list(seen.values()), complete=False)

    async def _read_versions(self, namespace: str, name: str, found: dict[str, ListedVersion]) -> bool:
        path = path_of(namespace, name, "versions")

        async def take(items: list[VersionItem]) -> None:
            found.update((item.version, item.listed()) for item in items)

        return await read_pages(
            self._pages("versions", path, Page[VersionItem]),
            self._collections.at(path),
            key=lambda item: item.version,
            take=take,
            most=VERSIONS_LIMIT,
            what=f"{namespace}.{name}",
        )

    async def collections(self, take: Callable[[list[Collection]], Awaitable[None]]) -> bool:
        """Hand out all collections of the server, page by page; say whether they are as many as it counts.

        A list that differs from its count is read again, and `take` is then given its collections again.

        Raises:
            GalaxyError: the list cannot be had.
        """

        async def kept(items: list[CollectionItem]) -> None:
            await take([item.collection() for item in items])

        for _ in range(READS):
            complete = await read_pages(
                self._pages("collections", "", Page[CollectionItem]),
                self._collections.url,
                key=lambda item: (item.namespace, item.name),
                take=kept,
                most=COLLECTIONS_LIMIT,
                what="the source",
            )
            if complete:
                return True
        return False

    async def all_collections(self, sink: Sink, *, limit: int) -> bool:
        """Bring the list of all collections into `sink`, whole; False where the server has no such list.

        Raises:
            GalaxyError: it cannot be had.
        """
        return await self._whole("all-collections", "collections/all/", sink, limit)

    async def all_versions(self, sink: Sink, *, limit: int) -> bool:
        """Bring the list of all versions into `sink`, whole; False where the server has no such list.

        A real Pulp says that it is HTML.

        Raises:
            GalaxyError: it cannot be had.
        """
        return await self._whole("all-versions", "collection_versions/all/", sink, limit)

    async def _whole(self, endpoint: str, path: str, sink: Sink, limit: int) -> bool:
        try:
            await self._transport.get(endpoint, self._api.join(URL(path)), sink, limit=limit)
        except NotFoundError:
            return False
        except GalaxyError as error:
            if not _is_refusal(error):
                raise
            log.warning("the source's list %s is not used: %s", path, error)
            return False
        return True

    async def namespace(self, name: str) -> bytes | None:
        """Return the metadata of a namespace as JSON, as it came; None where the server has none.

        Raises:
            GalaxyError: the server does not say.
        """
        asked, path, body = self._namespaces.url, path_of(name), Buffer()
        try:
            got = await self._transport.get("namespace", self._namespaces.at(path), body, limit=NAMESPACE_LIMIT_BYTES)
        except NotFoundError:
            return None
        self._namespaces.learn(asked, path, got.url)
        return bytes(body.data)

    async def avatar(self, url: str, sink: Sink, *, limit: int) -> str:
        """Bring a namespace's avatar into `sink`, from the URL in its metadata; return the Content-Type, "" if none.

        Raises:
            GalaxyError: it cannot be had.
        """
        at = resolve(self._api, url, reason="InvalidLink")
        return (await self._transport.get("avatar", at, sink, limit=limit, accept=_ANYTHING)).content_type

    async def artifact(self, url: str, sink: Sink, *, limit: int) -> None:
        """Bring an artifact into `sink`, from the URL in its version's detail, from whatever host that leads to.

        Raises:
            GalaxyError: it cannot be had.
        """
        at = resolve(self._api, url, reason="InvalidLink")
        await self._transport.get("artifact", at, sink, limit=limit, accept=_ANYTHING)

    async def signature(self, url: str) -> str:
        """Return the text of a detached signature (RFC 9580, section 10.4) that a requirement names by its URL.

        Raises:
            GalaxyError: it cannot be had, or is no signature in ASCII armour.
        """
        at, body = resolve(self._api, url, reason="InvalidLink"), Buffer()
        await self._transport.get("signature", at, body, limit=SIGNATURE_LIMIT_BYTES, accept=_ANYTHING)
        text = body.data.decode("utf-8", "replace")
        if _ARMOUR not in text or "\ufffd" in text or "\0" in text:
            raise ContentError("InvalidSignature", f"{shown(at)} is no OpenPGP signature in ASCII armour")
        return text

    async def detail(self, namespace: str, name: str, version: str, sink: Sink, *, limit: int) -> None:
        """Bring the version's detail document into `sink`, as it comes.

        Raises:
            GalaxyError: it cannot be had.
        """
        path = path_of(namespace, name, "versions", version)
        await self._transport.get("detail", self._collections.at(path), sink, limit=limit)

    async def docs_blob(self, namespace: str, name: str, version: str, sink: Sink, *, limit: int) -> bool:
        """Bring the version's docs blob into `sink`, as it comes; False where the server has none.

        Raises:
            GalaxyError: it cannot be had.
        """
        path = path_of(namespace, name, "versions", version, "docs-blob")
        try:
            await self._transport.get("docs-blob", self._collections.at(path), sink, limit=limit)
        except NotFoundError:
            return False
        return True

    def _pages(self, endpoint: str, path: str, kind: type[Page[T]]) -> Ask[T]:
        """Return what brings a page of the list at `path` below the collections."""
        asked = self._collections.url

        async def ask(url: URL) -> tuple[Page[T], URL]:
            page, at = await self._small(endpoint, url, kind)
            self._collections.learn(asked, path, at)
            return page, at

        return ask

    async def _small(self, endpoint: str, url: URL, kind: type[T]) -> tuple[T, URL]:
        """Return what is at a URL, and where it really was."""
        body = Buffer()
        got = await self._transport.get(endpoint, url, body, limit=PAGE_LIMIT_BYTES)
        try:
            return msgspec.json.decode(body.data, type=kind), got.url
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ContentError(
                "InvalidJSON", f"{shown(got.url)} is not the JSON of a Galaxy v3 API: {error}"
            ) from error


def _is_refusal(error: GalaxyError) -> bool:
    """Say whether the server answered that it will not, for a reason that is not our credentials or its own state."""
    if isinstance(error, TransientError):
        return error.reason == "Forbidden"
    return isinstance(error, ContentError)
