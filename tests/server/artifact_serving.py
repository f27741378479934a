"""An artifact's answers alone, over real sockets: no database, no routes, no access."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from artifacts.content import Blob
from collectionsync.artifacts.reading import Download, Span
from collectionsync.artifacts.store import ArtifactStore
from collectionsync.server.artifact import respond
from collectionsync.server.refusals import Refusal
from collectionsync.store.catalog.details import Artifact
from server.wire import Reply, ask

PUBLISHED = datetime(2026, 11, 25, 12, 34, 56, 789000, tzinfo=UTC)
LAST_MODIFIED = "Wed, 25 Nov 2026 12:34:56 GMT"
FILENAME = "community-crypto-1.0.0+build.5.tar.gz"


def artifact_of(content: Blob, filename: str = FILENAME) -> Artifact:
    return Artifact(content.sha256, filename, PUBLISHED)


@dataclass
class Served:
    """A server that answers every request with one artifact. `failures` are what ended an answer."""

    port: int = 0
    sent: list[int] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    async def get(self, *headers: str, method: str = "GET") -> Reply:
        return await ask(self.port, "/artifact", *headers, method=method)


@contextlib.asynccontextmanager
async def serving(
    artifact: Artifact, store: ArtifactStore | None, *, redirect: bool = False, private: bool = False
) -> AsyncIterator[Served]:
    served = Served()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await respond(request, artifact, store, redirect=redirect, private=private, sent=served.sent.append)
        except Refusal as refusal:
            return web.Response(status=refusal.status, body=refusal.body, headers=refusal.headers)
        except BaseException as error:
            served.failures.append(error)
            raise

    runner = web.ServerRunner(web.Server(handle, handler_cancellation=True, access_log=None))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        served.port = runner.addresses[0][1]
        yield served
    finally:
        await runner.cleanup()


class FakeBackend:
    """A store that gives what it is told to: pieces of bytes, and errors, which are raised."""

    def __init__(self, *steps: bytes | Exception, size: int = 0, url: str | None = None) -> None:
        self.steps = list(steps)
        self.size_ = size or sum(len(step) for step in steps if isinstance(step, bytes))
        self.url = url
        self.opened = self.closed = 0

    def store(self) -> ArtifactStore:
        return ArtifactStore("memory:", self)  # type: ignore[arg-type]

    @contextlib.asynccontextmanager
    async def read(self, key: str, span: Span) -> AsyncIterator[Download]:
        self.opened += 1
        try:
            if self.steps and isinstance(self.steps[0], Exception):
                raise self.steps[0]
            part = span.within(self.size_)
            assert part is not None
            yield Download(key, self.size_, *part, self.next)
        finally:
            self.closed += 1

    async def next(self) -> bytes:
        step = self.steps.pop(0) if self.steps else b""
        if isinstance(step, Exception):
            raise step
        return step

    async def size(self, key: str) -> int | None:
        if self.steps and isinstance(self.steps[0], Exception):
            raise self.steps[0]
        return self.size_

    async def signed_url(self, key: str, *, filename: str, seconds: int) -> str | None:
        if self.steps and isinstance(self.steps[0], Exception):
            raise self.steps[0]
        return self.url

    async def close(self) -> None:
        pass
