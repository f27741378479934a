"""Stores that obstore speaks to: Google's, Azure's, and S3 where the credentials are a role's and not a Secret's keys.

obstore takes 11 MiB before it sends anything (CPython 3.11, x86-64: 4.8 to import, 2.3 for a store, 3.6 for its first
request), and what it sends must be in memory: up to a part, or the whole of a smaller artifact, for each upload.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from collectionsync.artifacts.answers import Answer
from collectionsync.artifacts.errors import (
    ArtifactMissingError,
    ArtifactRangeError,
    ArtifactStoreAuthenticationError,
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)
from collectionsync.artifacts.location import Location
from collectionsync.artifacts.probe import PROBE, PROBE_CONTENT
from collectionsync.artifacts.reading import PIECE_BYTES, WHOLE, Download, Span
from collectionsync.artifacts.settings import Settings
from collectionsync.artifacts.threads import Content

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import AzureStore, GCSStore, S3Store

_T = TypeVar("_T")

UPLOADS = 2
READERS = 32
"""How many objects are read at once. Each takes 0.3 MiB over TLS, and 1.4 MiB without it."""
PART_BYTES = 5 * 1024 * 1024
"""The least that S3 takes as a part of an upload."""
ATTEMPTS = 6

_WRITE_BYTES = 256 * 1024
_RETRY_SECONDS = 60
_LAST_STEP_SECONDS = 10.0
_LETTING_GO_SECONDS = 0.2
_CLIENT = {"connect_timeout": "10s", "read_timeout": "60s", "timeout": "15m"}
_STATUS = re.compile(r"status code: (\d{3})\b", re.ASCII)
# Where machines and pods of a cloud ask who they are.
_IDENTITY = re.compile(
    r"https?://(?:169\.254\.|\[fd00:ec2|metadata\.google\.internal|sts\.|oauth2\.googleapis|login\.microsoftonline)"
    r"|/latest/(?:api/token|meta-data)",
    re.ASCII,
)


class Cloud:
    """A store of obstore's."""

    def __init__(self, location: Location, settings: Settings, url: str) -> None:
        """Make the client; nothing is asked yet.

        Raises:
            ArtifactStoreConfigurationError: obstore cannot use the settings.
        """
        self._url = url
        self._uploads = asyncio.Semaphore(UPLOADS)
        self._readers = asyncio.Semaphore(READERS)
        self._anonymous = settings.on("skip_signature")
        self._store = _opened(location, settings, url)

    async def put(self, key: str, sha256: str, content: Content, size: int) -> None:
        """Send an object: in one request, or where it is larger than PART_BYTES in parts, one at a time."""
        import obstore

        pieces = _measured(content, size)
        async with self._uploads:
            with self._told():
                if size <= PART_BYTES:
                    await obstore.put_async(self._store, key, list(pieces), use_multipart=False)
                else:
                    await self._put_in_parts(key, pieces)

    async def _put_in_parts(self, key: str, pieces: Iterable[bytes]) -> None:
        import obstore

        writer = obstore.open_writer_async(self._store, key, buffer_size=PART_BYTES, max_concurrency=1)
        try:
            for piece in _gathered(pieces):
                await _whole(writer.write(piece))
            await _whole(writer.close())
        except BaseException as error:
            await _aborted(writer, error)
            raise

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """Yield the pieces of an object."""
        import obstore

        with self._told(missing=key):
            found = await obstore.get_async(self._store, key)
            async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)

    @contextlib.asynccontextmanager
    async def read(self, key: str, span: Span) -> AsyncIterator[Download]:
        """Read a part of an object; one at the end takes a second request, since Azure cannot count from there."""
        import obstore

        async with self._readers:
            with self._told(missing=key):
                if span.offset < 0:
                    span = await self._from_the_beginning(key, span)
                found = await obstore.get_async(self._store, key, options=_options(span))
                (offset, end), size = found.range, found.meta["size"]
                streams = [found.stream(min_chunk_size=PIECE_BYTES)]

            async def piece() -> bytes:
                with self._told(missing=key):
                    return bytes(await anext(streams[0], b""))

            try:
                yield Download(key, size, offset, end - offset, piece)
            finally:
                streams.clear()  # which closes the connection, whoever still holds the download

    async def _from_the_beginning(self, key: str, span: Span) -> Span:
        import obstore

        size = (await obstore.head_async(self._store, key))["size"]
        if (part := span.within(size)) is None:
            raise ArtifactRangeError(f"{key} in the artifact store {self._url} has {size} bytes, and none there")
        return Span(*part)

    async def signed_url(self, key: str, *, filename: str, seconds: int) -> str | None:
        """Return a URL that anybody can read an object by for a while; None where nothing can sign it."""
        import obstore
        from obstore.exceptions import BaseError

        if self._anonymous:
            return None
        try:
            return await obstore.sign_async(self._store, "GET", key, timedelta(seconds=seconds))
        except BaseError as error:
            if "is not supported" in str(error):  # by Azure, where the credentials are such a URL's themselves
                return None
            raise self._meant(error, None) from None

    async def size(self, key: str) -> int | None:
        """Return the size of an object; None where there is none."""
        import obstore

        try:
            with self._told(missing=key):
                return (await obstore.head_async(self._store, key))["size"]
        except ArtifactMissingError:
            return None

    async def delete(self, key: str) -> None:
        """Remove an object; harmless where there is none."""
        import obstore

        with contextlib.suppress(ArtifactMissingError), self._told(missing=key):
            await obstore.delete_async(self._store, key)

    async def check(self) -> None:
        """Write a small object, and look for one that is not there; a refusal of the first says why."""
        await self.put(PROBE, "", lambda: iter((PROBE_CONTENT,)), len(PROBE_CONTENT))
        await self.size(f"{PROBE}-missing")

    async def close(self) -> None:
        """Wait until obstore's threads have let go of what they held for Python.

        They do so a moment after a call has returned, and the interpreter aborts where it ends in that moment
        (PyO3, before Python 3.13).
        """
        await asyncio.sleep(_LETTING_GO_SECONDS)

    @contextlib.contextmanager
    def _told(self, missing: str | None = None) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            raise self._meant(error, missing) from None  # its text holds what a store says, and URLs with queries

    def _meant(self, error: Exception, missing: str | None) -> ArtifactStoreError | ArtifactRangeError:
        text = str(error)
        found = _STATUS.search(text)
        answer = Answer.read(int(found[1]), text) if found else None
        if _IDENTITY.search(text):
            return ArtifactStoreAuthenticationError(
                f"the artifact store {self._url} needs credentials: its Secret has none, and nobody says who this"
                " machine is"
            )
        if "InvalidCertificate(" in text:
            return ArtifactStoreConfigurationError(
                f"the artifact store {self._url} shows a certificate that does not verify; root_certificate in its"
                " Secret names another authority to trust"
            )
        if "URL scheme is not allowed" in text or "Received redirect without LOCATION" in text:
            return ArtifactStoreConfigurationError(
                f"the artifact store {self._url} is not where its settings say: check region, endpoint and allow_http"
            )
        if missing and isinstance(error, FileNotFoundError) and (answer is None or answer.missing):
            return ArtifactMissingError(f"the artifact store {self._url} does not have {missing}")
        if answer is not None and answer.status == 416:
            return ArtifactRangeError(f"the artifact store {self._url} has nothing in that part of {missing}")
        if answer is not None:
            return answer.error(self._url)
        return ArtifactStoreError(f"the artifact store {self._url} cannot be reached, in {ATTEMPTS} attempts")


def _opened(location: Location, settings: Settings, url: str) -> "S3Store | GCSStore | AzureStore":
    # One thread for each processor would be a good deal on a large node. Whoever sets it knows better.
    os.environ.setdefault("TOKIO_WORKER_THREADS", "2")
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, GCSStore, S3Store

    options: dict[str, Any] = {
        "prefix": location.prefix or None,
        "config": dict(settings.options),
        "client_options": {**_CLIENT, **settings.client},
        "retry_config": {
            "max_retries": ATTEMPTS - 1,
            "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
            "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=5), "base": 2},
        },
    }
    try:
        if location.scheme == "gs":
            return GCSStore(location.bucket, **options)
        if location.scheme == "az":
            return AzureStore(location.bucket, **options)
        options["config"] |= {"disable_bulk_delete": "true"}  # not every server of S3's API can
        if url.startswith("s3://") or "+https:" in url:  # what TLS protects needs no digest to sign
            options["config"].setdefault("unsigned_payload", "true")
        return S3Store(location.bucket, **options)
    except (BaseError, ValueError, TypeError, OSError) as error:
        raise ArtifactStoreConfigurationError(
            f"the artifact store {url} cannot be used with these settings of its Secret: "
            f"{', '.join(sorted({*settings.options, *settings.client})) or 'none'} ({type(error).__name__})"
        ) from None  # its text may hold their values


def _options(span: Span) -> "GetOptions":
    if span == WHOLE:
        return {}
    if span.length is None:
        return {"range": {"offset": span.offset}}
    return {"range": (span.offset, span.offset + span.length)}


def _measured(content: Content, size: int) -> Iterator[bytes]:
    taken = 0
    for piece in content():
        taken += len(piece)
        if taken > size:
            break
        yield piece
    if taken != size:
        raise ArtifactStoreError(f"an artifact of {size} bytes had {taken} or more when it was to be stored")


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces that are large enough for what handing one over costs."""
    held: list[bytes] = []
    for piece in pieces:
        held.append(piece)
        if sum(map(len, held)) >= _WRITE_BYTES:
            yield b"".join(held)
            held = []
    yield b"".join(held)


async def _whole(step: Awaitable[_T]) -> _T:
    """Await a step of an upload; one that is cancelled may have begun something at the store, so it is let finish."""
    running = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running], timeout=_LAST_STEP_SECONDS)
        running.cancel()
        raise


async def _aborted(writer: Any, error: BaseException) -> None:
    """Have the store forget the parts. Where it cannot be asked, they stay, unseen, until its own rules remove them."""
    running = asyncio.ensure_future(writer.__aexit__(type(error), error, None))
    await asyncio.wait([running], timeout=_LAST_STEP_SECONDS)
    if not running.cancel() and not running.cancelled():
        running.exception()  # it closed itself, or the store is gone: the first error says more
