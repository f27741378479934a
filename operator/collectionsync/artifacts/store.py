"""The object store of artifacts, whichever it is: each under the digest of its content, whole or not there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol, Self

from collectionsync.artifacts.errors import ArtifactRangeError, ArtifactStoreError
from collectionsync.artifacts.location import Location, read_location, spelled
from collectionsync.artifacts.reading import Download, Span
from collectionsync.artifacts.settings import Settings, read_settings
from collectionsync.artifacts.threads import Content


class Backend(Protocol):
    """What keeps objects under keys, for an event loop. Every method raises ArtifactStoreError where it cannot."""

    async def put(self, key: str, sha256: str, content: Content, size: int) -> None:
        """Store an object, whole or not at all; `content` is not used any more when this has returned or raised."""

    def get(self, key: str) -> AsyncIterator[bytes]:
        """Yield the pieces of an object."""

    def read(self, key: str, span: Span) -> AbstractAsyncContextManager[Download]:
        """Read a part of an object."""

    async def signed_url(self, key: str, *, filename: str, seconds: int) -> str | None:
        """Return a URL that anybody can read an object by for a while; None where there are none."""

    async def size(self, key: str) -> int | None:
        """Return the size of an object; None where there is none."""

    async def delete(self, key: str) -> None:
        """Remove an object; harmless where there is none."""

    async def check(self) -> None:
        """Raise the error that work would end with."""

    async def close(self) -> None:
        """Let go of what is kept for later calls."""


def key_of(sha256: str) -> str:
    """Return where an artifact lies in a store; folders of a few hundred suit every kind of store."""
    return f"sha256/{sha256[:2]}/{sha256}.tar.gz"


class ArtifactStore:
    """A store of artifacts. `url` is the one spelling of where it is, to know it by, and has no credentials in it.

    Every method raises ArtifactStoreError, or one of its classes that says what to do; what may pass was tried again
    for some seconds then. So many artifacts are sent at once as is good for the store and the memory, and others wait.
    """

    def __init__(self, url: str, backend: Backend) -> None:
        self.url = url
        self._backend = backend

    @classmethod
    def open(cls, url: str, settings: Mapping[str, str]) -> Self:
        """Return the store at this URL, with the settings of its Secret. Nothing is asked yet: that is check()'s.

        Raises:
            ArtifactStoreConfigurationError: the URL or the settings cannot be used.
        """
        location = read_location(url)
        read = read_settings(location.scheme, settings)
        name = spelled(location, read)
        return cls(name, _backend(location, read, name))

    async def check(self) -> None:
        """See whether the store can be reached and written to; a folder is made if need be.

        A bucket is left with a small object, `collectionsync-check`.
        """
        await self._backend.check()

    async def put(self, sha256: str, content: Content, size: int) -> bool:
        """Store an artifact of `size` bytes; False where it was there, whole, already.

        `content` gives its bytes from their beginning, each time that it is called: a store may have to be sent them
        again. It is called from another thread, and not used any more when this has returned, raised or been cancelled.
        """
        key = key_of(sha256)
        if await self._backend.size(key) == size:
            return False
        await self._backend.put(key, sha256, content, size)
        return True

    def get(self, sha256: str) -> AsyncIterator[bytes]:
        """Yield an artifact in pieces; whether they are what their name says, the caller checks.

        Raises:
            ArtifactMissingError: there is none.
        """
        return self._backend.get(key_of(sha256))

    @asynccontextmanager
    async def read(self, sha256: str, *, offset: int = 0, length: int | None = None) -> AsyncIterator[Download]:
        """Read a part of an artifact: up to `length` bytes from `offset` on, which counts from the end if negative.

        It takes one request, and a connection that is let go of at the end, however far it was read. So many are read
        at once as is good for the store and the memory, and others wait. What breaks off is not asked for again.

        Raises:
            ArtifactMissingError: there is none.
            ArtifactRangeError: there is nothing in that part of it.
        """
        if length == 0:
            raise ArtifactRangeError(f"nothing of {key_of(sha256)} was asked for")
        span = Span(offset, length)
        async with self._backend.read(key_of(sha256), span) as download:
            if (download.offset, download.length) not in (span.within(download.size), (0, download.size)):
                raise ArtifactStoreError(f"the artifact store {self.url} gave another part than it was asked for")
            yield download

    async def signed_url(self, sha256: str, *, filename: str, seconds: int) -> str | None:
        """Return a URL that anybody can GET an artifact by, whether it is there or not, for up to a week.

        It says that it is a download with this name, where the store can. It is as good as a credential: it must not
        be logged. None where the store has no such URLs, as a folder.
        """
        return await self._backend.signed_url(key_of(sha256), filename=filename, seconds=seconds)

    async def size(self, sha256: str) -> int | None:
        """Return the size of an artifact in bytes; None where there is none."""
        return await self._backend.size(key_of(sha256))

    async def delete(self, sha256: str) -> None:
        """Remove an artifact; harmless where there is none."""
        await self._backend.delete(key_of(sha256))

    async def close(self) -> None:
        """Let go of connections and threads; harmless twice."""
        await self._backend.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _backend(location: Location, settings: Settings, url: str) -> Backend:
    # Imported here: each is of use to one kind of store, and obstore is large.
    from collectionsync.artifacts.threads import Threaded

    if location.scheme == "file":
        from collectionsync.artifacts import folder

        return Threaded(folder.Folder(Path(location.prefix)), workers=folder.WORKERS)
    from collectionsync.artifacts import s3

    if location.scheme == "s3" and s3.knows(settings):
        return Threaded(s3.S3(location, settings, url), workers=s3.WORKERS)
    from collectionsync.artifacts.cloud import Cloud

    return Cloud(location, settings, url)
