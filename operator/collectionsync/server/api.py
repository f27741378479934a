"""The Galaxy v3 API of one repository: each function answers one route."""

import re

from collectionsync.server.answers import Answer, Body
from collectionsync.server.call import Call
from collectionsync.server.holdings import Holdings
from collectionsync.server.opening import Opened, opened, remembered
from collectionsync.server.paging import Window, links, namespaces_body, page_body, read_flag, read_window
from collectionsync.server.refusals import Refusal, invalid, not_found
from collectionsync.store.catalog import details, lists
from collectionsync.store.catalog import namespaces as spaces
from collectionsync.store.catalog import repositories as stored
from collectionsync.store.catalog.details import Answer as Parts

_ROOT = b'{"available_versions":{"v3":"%s"},"current_version":"v3"}'
_FILENAME = re.compile(r"(?P<namespace>[^-]+)-(?P<name>[^-]+)-(?P<version>.+)\.tar\.gz")


def _asked(call: Call) -> tuple[Window, bool | None]:
    """Return which page is asked for, and whether of deprecated collections or of others.

    Raises:
        Refusal: the query does not say so.
    """
    try:
        return read_window(call.query), read_flag(call.query, "deprecated")
    except ValueError as error:
        raise invalid(str(error)) from error


def _lacks(call: Call, what: str) -> Refusal:
    return not_found(f"the repository {call.namespace}/{call.repository} has no {what}")


def _collection(call: Call) -> str:
    return f"collection {call.values['namespace']}.{call.values['name']}"


def _version(call: Call) -> str:
    return f"version {call.values['namespace']}.{call.values['name']} {call.values['version']}"


@remembered
async def root(_: Opened, __: Call) -> Body:
    """Say where the API is, as clients ask first: relative to the path that was asked."""
    return Body(_ROOT % b"v3/")


@remembered
async def repository_root(_: Opened, __: Call) -> Body:
    """Say so at the path above the API's, too."""
    return Body(_ROOT % b"api/v3/")


@remembered
async def published(found: Opened, _: Call) -> Body:
    """Tell when anything changed last: who has seen that needs to ask no more."""
    moment = await stored.published(found.connection, found.repository)
    return Body(b'{"published":"%s"}' % moment.encode())


@remembered
async def collections(found: Opened, call: Call) -> Body:
    """List the collections, page by page."""
    window, deprecated = _asked(call)
    page = await lists.collections(
        found.connection,
        found.repository,
        base=call.base,
        limit=window.limit,
        offset=window.offset,
        namespace=call.query.get("namespace"),
        name=call.query.get("name"),
        deprecated=deprecated,
    )
    return Body(page_body(page.count, links(call.path, call.query, window, page.count), page.items))


@remembered
async def collection(found: Opened, call: Call) -> Body:
    """Describe a collection."""
    body = await lists.collection(
        found.connection,
        found.repository,
        base=call.base,
        namespace=call.values["namespace"],
        name=call.values["name"],
    )
    if body is None:
        raise _lacks(call, _collection(call))
    return Body(body)


@remembered
async def versions(found: Opened, call: Call) -> Body:
    """List the versions of a collection, page by page."""
    window, _ = _asked(call)
    page = await lists.versions(
        found.connection,
        found.repository,
        base=call.base,
        namespace=call.values["namespace"],
        name=call.values["name"],
        limit=window.limit,
        offset=window.offset,
    )
    if page is None:
        raise _lacks(call, _collection(call))
    return Body(page_body(page.count, links(call.path, call.query, window, page.count), page.items))


@remembered
async def version(found: Opened, call: Call) -> Parts:
    """Describe a version, with its documents as they came."""
    answer = await details.detail(
        found.connection,
        found.repository,
        base=call.base,
        url=call.origin,
        namespace=call.values["namespace"],
        name=call.values["name"],
        version=call.values["version"],
        inline_bytes=found.inline_bytes,
    )
    if answer is None:
        raise _lacks(call, _version(call))
    return answer


@remembered
async def docs_blob(found: Opened, call: Call) -> Parts:
    """Hand out the documentation of a version; an empty one where there is none, since clients fail of a 404."""
    answer = await details.docs_blob(
        found.connection,
        found.repository,
        namespace=call.values["namespace"],
        name=call.values["name"],
        version=call.values["version"],
        inline_bytes=found.inline_bytes,
    )
    if answer is None:
        raise _lacks(call, _version(call))
    return answer


@remembered
async def namespaces(found: Opened, call: Call) -> Body:
    """List the namespaces that have metadata, page by page."""
    window, _ = _asked(call)
    page = await spaces.namespaces(
        found.connection,
        found.repository,
        base=call.base,
        url=call.origin,
        limit=window.limit,
        offset=window.offset,
    )
    return Body(namespaces_body(page.count, links(call.path, call.query, window, page.count), page.items))


@remembered
async def namespace(found: Opened, call: Call) -> Body:
    """Describe a namespace."""
    name = call.values["namespace"]
    body = await spaces.namespace(found.connection, found.repository, base=call.base, url=call.origin, name=name)
    if body is None:
        raise _lacks(call, f"namespace {name}")
    return Body(body)


@remembered
async def avatar(found: Opened, call: Call) -> Body:
    """Hand out the picture of a namespace."""
    name = call.values["namespace"]
    picture = await spaces.avatar(found.connection, found.repository, name)
    if picture is None:
        raise _lacks(call, f"avatar of a namespace {name}")
    return Body(picture.body, content_type=picture.content_type, etag=picture.sha256)


async def artifact(holdings: Holdings, call: Call) -> Answer:
    """Hand out the tarball of a version."""
    filename = call.values["filename"]
    parts = _FILENAME.fullmatch(filename)
    if parts is None:
        raise not_found(f"{filename} is not the name of an artifact: those are NAMESPACE-NAME-VERSION.tar.gz")
    async with opened(holdings, call) as found:
        stored_artifact = await details.artifact(
            found.connection, found.repository, parts["namespace"], parts["name"], parts["version"]
        )
    if stored_artifact is None:
        raise _lacks(call, f"artifact {filename}")
    # Imported here: a server without artifacts never needs it.
    from collectionsync.server.artifact import respond

    redirect = holdings.redirect_artifacts
    return await respond(
        call.request, stored_artifact, holdings.artifacts, redirect=redirect, private=call.private, sent=lambda _: None
    )
