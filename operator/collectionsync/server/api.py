"""The Galaxy v3 API of one repository: each function answers one route."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from collectionsync.server.answers import Answer, Array, Body, digest
from collectionsync.server.call import Call
from collectionsync.server.holdings import Holdings
from collectionsync.server.paging import links, namespaces_body, page_body, read_flag, read_window
from collectionsync.server.refusals import invalid, not_found
from collectionsync.server.sessions import EmptyStoreError
from collectionsync.store.catalog import details, everything, lists
from collectionsync.store.catalog import namespaces as spaces
from collectionsync.store.catalog import repositories as stored
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection, DatabaseUnavailableError

BATCH = 50
"""How many items of a list of everything are read at once."""

# How long an answer that has begun waits for a database that went away.
_COMEBACK_SECONDS = 10.0
_AGAIN_SECONDS = 0.2
_ROOT = b'{"available_versions":{"v3":"%s"},"current_version":"v3"}'
_FILENAME = re.compile(r"(?P<namespace>[^-]+)-(?P<name>[^-]+)-(?P<version>.+)\.tar\.gz")


@contextlib.asynccontextmanager
async def _opened(holdings: Holdings, call: Call) -> AsyncIterator[tuple[Connection, Repository]]:
    """Lend a session, and the repository as it is published now.

    Raises:
        Refusal: there is no such repository.
    """
    content = call.values.get("content", call.repository)
    missing = not_found(f"there is no repository {call.namespace}/{call.repository}, or nothing is published in it yet")
    if content != call.repository:
        raise not_found(f"the path names {content!r}, and this is the repository {call.repository!r}")
    try:
        async with holdings.sessions.reading() as connection:
            repository = await stored.find_repository(connection, call.namespace, call.repository)
            if repository is None:
                raise missing
            yield connection, repository
    except EmptyStoreError:
        raise missing from None


def _no_collection(call: Call) -> Exception:
    name = f"{call.values['namespace']}.{call.values['name']}"
    return not_found(f"the repository {call.namespace}/{call.repository} has no collection {name}")


def _no_version(call: Call) -> Exception:
    name = f"{call.values['namespace']}.{call.values['name']} {call.values['version']}"
    return not_found(f"the repository {call.namespace}/{call.repository} has no version {name}")


async def root(holdings: Holdings, call: Call) -> Answer:
    """Say where the API is, as clients ask first: relative to the path that was asked."""
    async with _opened(holdings, call):
        pass
    return Body(_ROOT % b"v3/")


async def repository_root(holdings: Holdings, call: Call) -> Answer:
    """Say so at the path above the API's, too."""
    async with _opened(holdings, call):
        pass
    return Body(_ROOT % b"api/v3/")


async def published(holdings: Holdings, call: Call) -> Answer:
    """Tell when anything changed last: who has seen that needs to ask no more."""
    async with _opened(holdings, call) as (connection, repository):
        moment = await stored.published(connection, repository)
    return Body(b'{"published":"%s"}' % moment.encode())


async def collections(holdings: Holdings, call: Call) -> Answer:
    """List the collections, page by page."""
    try:
        window = read_window(call.query)
        deprecated = read_flag(call.query, "deprecated")
    except ValueError as error:
        raise invalid(str(error)) from error
    async with _opened(holdings, call) as (connection, repository):
        page = await lists.collections(
            connection,
            repository,
            base=call.base,
            limit=window.limit,
            offset=window.offset,
            namespace=call.query.get("namespace"),
            name=call.query.get("name"),
            deprecated=deprecated,
        )
    found = links(call.path, call.query, window, page.count)
    return Body(page_body(page.count, found, page.items))


async def collection(holdings: Holdings, call: Call) -> Answer:
    """Describe a collection."""
    async with _opened(holdings, call) as (connection, repository):
        body = await lists.collection(
            connection, repository, base=call.base, namespace=call.values["namespace"], name=call.values["name"]
        )
    if body is None:
        raise _no_collection(call)
    return Body(body)


async def versions(holdings: Holdings, call: Call) -> Answer:
    """List the versions of a collection, page by page."""
    try:
        window = read_window(call.query)
    except ValueError as error:
        raise invalid(str(error)) from error
    async with _opened(holdings, call) as (connection, repository):
        page = await lists.versions(
            connection,
            repository,
            base=call.base,
            namespace=call.values["namespace"],
            name=call.values["name"],
            limit=window.limit,
            offset=window.offset,
        )
    if page is None:
        raise _no_collection(call)
    found = links(call.path, call.query, window, page.count)
    return Body(page_body(page.count, found, page.items))


async def version(holdings: Holdings, call: Call) -> Answer:
    """Describe a version, with its documents as they came."""
    async with _opened(holdings, call) as (connection, repository):
        answer = await details.detail(
            connection,
            repository,
            base=call.base,
            url=call.origin,
            namespace=call.values["namespace"],
            name=call.values["name"],
            version=call.values["version"],
            inline_bytes=holdings.plan.inline_bytes,
        )
    if answer is None:
        raise _no_version(call)
    return answer


async def docs_blob(holdings: Holdings, call: Call) -> Answer:
    """Hand out the documentation of a version; an empty one where there is none, since clients fail of a 404."""
    async with _opened(holdings, call) as (connection, repository):
        answer = await details.docs_blob(
            connection,
            repository,
            namespace=call.values["namespace"],
            name=call.values["name"],
            version=call.values["version"],
            inline_bytes=holdings.plan.inline_bytes,
        )
    if answer is None:
        raise _no_version(call)
    return answer


async def all_collections(holdings: Holdings, call: Call) -> Answer:
    """List every collection, in one array."""

    async def after(connection: Connection, repository: Repository, cursor: Any) -> tuple[list[bytes], Any]:
        return await everything.collections_after(connection, repository, base=call.base, after=cursor, limit=BATCH)

    return await _everything(holdings, call, after)


async def all_versions(holdings: Holdings, call: Call) -> Answer:
    """Describe every version, in one array, without their large documents."""

    async def after(connection: Connection, repository: Repository, cursor: Any) -> tuple[list[bytes], Any]:
        return await everything.versions_after(
            connection, repository, base=call.base, url=call.origin, after=cursor, limit=BATCH
        )

    return await _everything(holdings, call, after)


_After = Callable[[Connection, Repository, Any], Awaitable[tuple[list[bytes], Any]]]


async def _everything(holdings: Holdings, call: Call, after: _After) -> Answer:
    async with _opened(holdings, call) as (connection, repository):
        moment = await stored.published(connection, repository)
    # Its URLs are as the client reached this server: by another host, or prefix, it is another list.
    etag = digest(f"{moment} {call.origin} {call.base}".encode())
    return Array(etag, _batches(holdings, repository, after))


async def _batches(holdings: Holdings, repository: Repository, after: _After) -> AsyncIterator[list[bytes]]:
    """Yield a list in batches, each in a session of its own: none is held while a slow reader takes the last one.

    Raises:
        StoreError: the database has gone and, where a part of the list was read, did not come back in time.
    """
    loop = asyncio.get_running_loop()
    cursor: Any = None
    begun = False
    while not begun or cursor is not None:
        deadline = loop.time() + _COMEBACK_SECONDS
        while True:
            try:
                async with holdings.sessions.reading() as connection:
                    items, cursor = await after(connection, repository, cursor)
                break
            except DatabaseUnavailableError:
                if not begun or loop.time() >= deadline:
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)
                await holdings.sessions.usable(deadline - loop.time())
        begun = True
        yield items


async def namespaces(holdings: Holdings, call: Call) -> Answer:
    """List the namespaces that have metadata, page by page."""
    try:
        window = read_window(call.query)
    except ValueError as error:
        raise invalid(str(error)) from error
    async with _opened(holdings, call) as (connection, repository):
        page = await spaces.namespaces(
            connection, repository, base=call.base, url=call.origin, limit=window.limit, offset=window.offset
        )
    found = links(call.path, call.query, window, page.count)
    return Body(namespaces_body(page.count, found, page.items))


async def namespace(holdings: Holdings, call: Call) -> Answer:
    """Describe a namespace."""
    name = call.values["namespace"]
    async with _opened(holdings, call) as (connection, repository):
        body = await spaces.namespace(connection, repository, base=call.base, url=call.origin, name=name)
    if body is None:
        raise not_found(f"the repository {call.namespace}/{call.repository} knows nothing of a namespace {name}")
    return Body(body)


async def avatar(holdings: Holdings, call: Call) -> Answer:
    """Hand out the picture of a namespace."""
    name = call.values["namespace"]
    async with _opened(holdings, call) as (connection, repository):
        found = await spaces.avatar(connection, repository, name)
    if found is None:
        raise not_found(f"the repository {call.namespace}/{call.repository} has no avatar of a namespace {name}")
    return Body(found.body, content_type=found.content_type, etag=found.sha256)


async def artifact(holdings: Holdings, call: Call) -> Answer:
    """Hand out the tarball of a version."""
    filename = call.values["filename"]
    parts = _FILENAME.fullmatch(filename)
    if parts is None:
        raise not_found(f"{filename} is not the name of an artifact: those are NAMESPACE-NAME-VERSION.tar.gz")
    async with _opened(holdings, call) as (connection, repository):
        found = await details.artifact(connection, repository, parts["namespace"], parts["name"], parts["version"])
    if found is None:
        raise not_found(f"the repository {call.namespace}/{call.repository} has no artifact {filename}")
    # Imported here: a server without artifacts never needs it.
    from collectionsync.server.artifact import respond

    redirect = holdings.redirect_artifacts
    return await respond(
        call.request, found, holdings.artifacts, redirect=redirect, private=call.private, sent=lambda _: None
    )
