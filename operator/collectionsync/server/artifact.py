"""The artifact of a version, from the object store to the client: whole or a part of it, in pieces, or by a redirect.

Its first piece is there before anything is said, so that a store that is away is answered as an error. What fails
later breaks the connection: nobody must take half of an artifact for all of it.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web

from collectionsync.artifacts.errors import ArtifactMissingError, ArtifactRangeError, ArtifactStoreError
from collectionsync.artifacts.reading import WHOLE, Download, Span
from collectionsync.artifacts.store import ArtifactStore
from collectionsync.server.ranges import content_range, read_range
from collectionsync.server.refusals import BrokenOffError, Refusal, not_found, unavailable
from collectionsync.store.catalog.details import Artifact

SIGNED_SECONDS = 600
"""How long a client may take to follow a redirect, its clock's and the store's differences included."""

_FIRST_PIECE_SECONDS = 30.0
_FILE_NAME = re.compile(r"[A-Za-z0-9._+-]+", re.ASCII)

log = logging.getLogger(__name__)


class StoreFailedError(BrokenOffError):
    """The object store failed in the middle of an artifact, and the client's connection was broken for it."""


async def respond(
    request: web.BaseRequest,
    artifact: Artifact,
    store: ArtifactStore | None,
    *,
    redirect: bool,
    private: bool,
    sent: Callable[[int], None],
) -> web.StreamResponse:
    """Answer a GET or HEAD of an artifact; `sent` is told of the bytes of each piece that went out.

    With `redirect` a GET is sent on to the store, where that has URLs for it. What is `private` no shared cache keeps.

    Raises:
        Refusal: it is not there, or not now, or not as it was asked for; nothing has been sent.
        StoreFailedError: the store failed when the client had some of it.
        ConnectionError: the client has gone.
    """
    headers = _headers(artifact, private)
    if (unchanged := _conditional(request, artifact, headers)) is not None:
        return unchanged
    if store is None:
        raise not_found("this server was started without an object store, so it has no artifacts")
    if request.method == "HEAD":
        return await _head(request, artifact, store, headers)
    if redirect and (url := await _signed(artifact, store)) is not None:
        return web.Response(
            status=302, headers={"Location": url, "Cache-Control": "no-store", "Server": "collectionsync"}
        )
    return await _send(request, artifact, store, headers, sent)


def _headers(artifact: Artifact, private: bool) -> dict[str, str]:
    name = f'; filename="{artifact.filename}"' if _FILE_NAME.fullmatch(artifact.filename) else ""
    return {
        "Content-Type": "application/gzip",
        "Content-Disposition": f"attachment{name}",
        "ETag": f'"{artifact.sha256}"',
        "Last-Modified": format_datetime(_modified(artifact), usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": f"{'private' if private else 'public'}, max-age=0, must-revalidate",
        "Server": "collectionsync",
    }


def _modified(artifact: Artifact) -> datetime:
    return artifact.published_at.astimezone(UTC).replace(microsecond=0)


def _conditional(request: web.BaseRequest, artifact: Artifact, headers: Mapping[str, str]) -> web.StreamResponse | None:
    """Return the answer to a request whose conditions do not hold (RFC 9110, 13.2.2); None where they do.

    Raises:
        Refusal: the client wants what it has seen before or nothing.
    """
    modified = _modified(artifact)
    if request.if_match is not None:
        stale = not any(tag.value in ("*", artifact.sha256) and not tag.is_weak for tag in request.if_match)
    else:
        stale = request.if_unmodified_since is not None and modified > request.if_unmodified_since
    if stale:
        raise Refusal(412, "the artifact is not the one that the request is about: ask for it without conditions")
    if request.if_none_match is not None:
        unchanged = any(tag.value in ("*", artifact.sha256) for tag in request.if_none_match)
    else:
        unchanged = request.if_modified_since is not None and modified <= request.if_modified_since
    if not unchanged:
        return None
    kept = ("ETag", "Last-Modified", "Cache-Control", "Server")
    return web.StreamResponse(status=304, headers={name: headers[name] for name in kept})


def _wanted(request: web.BaseRequest, artifact: Artifact) -> Span | None:
    """Return the part that is asked for; None for all, as where the client has a part of something else."""
    condition = request.headers.get("If-Range", "").strip()
    holds = condition in ("", f'"{artifact.sha256}"') or request.if_range == _modified(artifact)
    return read_range(request.headers.get("Range")) if holds else None


async def _head(
    request: web.BaseRequest, artifact: Artifact, store: ArtifactStore, headers: Mapping[str, str]
) -> web.StreamResponse:
    with _refused(artifact, store):
        async with asyncio.timeout(_FIRST_PIECE_SECONDS):
            size = await store.size(artifact.sha256)
    if size is None:
        raise _missing(artifact)
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    return response


async def _signed(artifact: Artifact, store: ArtifactStore) -> str | None:
    """Return the URL to redirect to; None where the store has none, or cannot sign it now."""
    try:
        return await store.signed_url(artifact.sha256, filename=artifact.filename, seconds=SIGNED_SECONDS)
    except ArtifactStoreError as error:
        log.warning("%s is sent instead of redirected to: %s", artifact.filename, error)
        return None


async def _send(
    request: web.BaseRequest,
    artifact: Artifact,
    store: ArtifactStore,
    headers: Mapping[str, str],
    sent: Callable[[int], None],
) -> web.StreamResponse:
    wanted = _wanted(request, artifact)
    span = WHOLE if wanted is None else wanted
    async with contextlib.AsyncExitStack() as stack:
        try:
            with _refused(artifact, store):
                async with asyncio.timeout(_FIRST_PIECE_SECONDS):
                    download = await stack.enter_async_context(
                        store.read(artifact.sha256, offset=span.offset, length=span.length)
                    )
                    first = await anext(download, b"")
        except ArtifactRangeError:
            raise await _beyond(artifact, store) from None
        response = _begun(download, wanted, headers)
        await response.prepare(request)
        await _write(request, response, first)
        sent(len(first))
        del first  # who reads slowly would hold it for as long
        await _pour(request, response, download, artifact, sent)
    return response


async def _write(request: web.BaseRequest, response: web.StreamResponse, piece: bytes) -> None:
    """Write a piece, and wait until the kernel has it: what a slow reader does not take is held once."""
    await response.write(piece)
    await request.writer.drain()


def _begun(download: Download, wanted: Span | None, headers: Mapping[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.content_length = download.length
    # A store may answer with all where a part was asked for, and so may this.
    if wanted is not None and (download.offset, download.length) == wanted.within(download.size):
        response.set_status(206)
        response.headers["Content-Range"] = content_range(download.offset, download.length, download.size)
    return response


async def _pour(
    request: web.BaseRequest,
    response: web.StreamResponse,
    download: Download,
    artifact: Artifact,
    sent: Callable[[int], None],
) -> None:
    try:
        async for piece in download:
            await _write(request, response, piece)
            sent(len(piece))
    except ArtifactStoreError as error:
        log.error(
            "a client's connection was broken in the middle of %s: %s. If that happens again, `collectionsync verify"
            " --forget` and another sync bring the artifact again",
            artifact.filename,
            error,
        )
        if request.transport is not None:
            request.transport.abort()
        raise StoreFailedError(f"the object store failed in the middle of {artifact.filename}") from error


@contextlib.contextmanager
def _refused(artifact: Artifact, store: ArtifactStore) -> Iterator[None]:
    """Have what the store cannot do refused."""
    try:
        yield
    except ArtifactMissingError as error:
        log.info("%s was asked for: %s", artifact.filename, error)
        raise _missing(artifact) from error
    except ArtifactStoreError as error:
        log.error("%s cannot be sent: %s", artifact.filename, error)
        raise unavailable(
            "the object store with the artifacts does not answer as it should; try again later"
        ) from error
    except TimeoutError as error:
        log.error("%s cannot be sent: %s gave nothing for %.0f s", artifact.filename, store.url, _FIRST_PIECE_SECONDS)
        raise unavailable("the object store with the artifacts is busy, or does not answer; try again later") from error


def _missing(artifact: Artifact) -> Refusal:
    return not_found(
        f"{artifact.filename} is not in this mirror's object store: a sync with contentPolicy: Full brings it; where it"
        " was lost since, run `collectionsync verify --forget` before"
    )


async def _beyond(artifact: Artifact, store: ArtifactStore) -> Refusal:
    """Return the refusal of a part where there is nothing, which says how much there is."""
    with _refused(artifact, store):
        size = await store.size(artifact.sha256)
    if size is None:
        return _missing(artifact)
    return Refusal(416, f"{artifact.filename} has {size} bytes", {"Content-Range": f"bytes */{size}"})
