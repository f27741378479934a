"""Our own server for tests: in the test's loop, so that its parts are at hand, or as the real command."""

import contextlib
import json
import re
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from yarl import URL

from collectionsync.artifacts.store import ArtifactStore
from collectionsync.server.app import Server
from collectionsync.server.assembly import assembled
from collectionsync.server.connections import Bounds
from collectionsync.server.listening import Listener, bound
from collectionsync.server.options import Options
from commandline import Commands, Running
from syncing import manifest, sync, until
from testgalaxy import Catalog, TestGalaxy

_AT = re.compile(r"serving at (http://\S+)")
_METRICS_AT = re.compile(r"metrics are at (http://\S+)/metrics")


@dataclass
class Mirror:
    """A server that answers. `api` is the root of the repository `default/default`, which sync() fills."""

    url: str
    client: aiohttp.ClientSession
    server: Server | None = None
    process: Running | None = None
    prefix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def api(self) -> str:
        """The path of the API of the repository that a manifest fills unless it names another."""
        return f"{self.prefix}/default/default/api"

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self.url.rpartition(":")[2])

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> "Reply":
        """Ask for a path as it is, without an encoding unless `Accept_Encoding` names one."""
        sent = {"Accept-Encoding": "identity", **self.headers}
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        url = URL(f"{self.url}{path}", encoded=True)
        async with self.client.request(method, url, headers=sent, allow_redirects=False) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def json(self, path: str, **headers: str) -> Any:
        """The JSON of a path that answers with 200."""
        reply = await self.get(path, **headers)
        assert reply.status == 200, (reply.status, reply.body[:500])
        return reply.json


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """What the error says."""
        (error,) = self.json["errors"]
        assert error["status"] == str(self.status), error
        return str(error["detail"])


async def filled(database: str, catalog: Catalog, *, artifacts: ArtifactStore | None = None, **spec: Any) -> None:
    """Mirror a whole catalog into the repository `default/default`, unless `spec` says otherwise."""
    collections = sorted({version.collection for version in catalog})
    async with TestGalaxy(catalog) as galaxy:
        document = manifest(galaxy.url, *(() if "mirror" in spec or "source" in spec else collections), **spec)
        ended = await sync(document, database, artifacts=artifacts)
        assert ended.code == 0, ended.outcome


@contextlib.asynccontextmanager
async def mirror(
    database: str,
    *,
    artifacts: ArtifactStore | None = None,
    bounds: Bounds | None = None,
    ready: bool = True,
    **options: Any,
) -> AsyncIterator[Mirror]:
    """Serve a database in the test's own loop, with the options of the command (server.options.Options)."""
    chosen = Options(**{"database_uri": database, "spool": Path(tempfile.gettempdir()), **options})
    with bound("127.0.0.1", 0) as sockets:
        async with assembled(chosen, database, artifacts, bounds) as parts, aiohttp.ClientSession() as client:
            listener = Listener(sockets, parts.http, parts.server.clients)
            listener.start()
            port = sockets[0].getsockname()[1]
            if ready:
                await until(lambda: parts.server.sessions.problem is None, "the database")
            try:
                yield Mirror(f"http://127.0.0.1:{port}", client, parts.server, prefix=parts.server.holdings.prefix)
            finally:
                await client.close()
                listener.stop()
                parts.http.pre_shutdown()
                await parts.http.shutdown(0.1)


@contextlib.asynccontextmanager
async def mirror_process(
    commands: Commands,
    database: str | None,
    *arguments: str | Path,
    environment: Mapping[str, str | Path] | None = None,
    before: Sequence[str] = (),
    ready: bool = True,
) -> AsyncIterator[Mirror]:
    """Start the real `collectionsync serve` on a free port, wait until /readyz is 200, and kill it at the end."""
    named: list[str | Path] = ["--database", database] if database is not None else []
    process = commands.start(
        *("serve", "--listen", "127.0.0.1:0", *named, *arguments), environment=environment, before=before
    )

    def listening() -> bool:
        assert process.process.poll() is None, process.err
        return _AT.search(process.err) is not None

    await until(listening, "the server's address")
    found = _AT.search(process.err)
    assert found is not None
    async with aiohttp.ClientSession() as client:
        started = Mirror(found[1], client, process=process)

        async def is_ready() -> bool:
            assert process.process.poll() is None, process.err
            return (await started.get("/readyz")).status == 200

        if ready:
            await until(is_ready, "readiness")
        try:
            yield started
        finally:
            if process.process.poll() is None:
                process.process.kill()
            process.process.wait()


def metrics_url(process: Running) -> str:
    """Where /metrics of a process is that was given --metrics-address 127.0.0.1:0."""
    found = _METRICS_AT.search(process.err)
    assert found is not None, process.err
    return f"{found[1]}/metrics"


async def enlarge(database: str, kind: str, size: int) -> None:
    """Make the documents of one kind of every stored version at least so many bytes large."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            """
            UPDATE collection_document d SET body = b.body::json, bytes = octet_length(b.body),
                   sha256 = encode(sha256(convert_to(b.body, 'UTF8')), 'hex')
            FROM (SELECT version_id,
                         format('{"docs_blob":{"id":%s,"text":"%s"}}', version_id,
                                (SELECT string_agg(md5((n + version_id * 1000000)::text), '')
                                 FROM generate_series(1, $2 / 32) n)) AS body
                  FROM collection_document WHERE kind = $1) b
            WHERE d.kind = $1 AND d.version_id = b.version_id
            """,
            kind,
            size,
        )
    finally:
        await connection.close()
