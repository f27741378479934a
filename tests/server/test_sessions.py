"""Sessions with a real PostgreSQL: what a role has to be allowed, what a schema has to be, and what silence means."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Iterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from collectionsync.server import sessions as module
from collectionsync.server.sessions import EmptyStoreError, OldSchemaError, Sessions
from collectionsync.store.database import DatabaseUnavailableError, SchemaMismatchError, UnreadableUriError, connected
from collectionsync.store.embedded import EmbeddedPostgres
from collectionsync.store.migrate import migrate, migrations
from postgres import execute, short_folder, stop_at_once
from servingmirror import Reply, filled, mirror
from syncing import until
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

API = "/default/default/api"
PATHS = (f"{API}/", f"{API}/v3/", f"{API}/v3/collections/", f"{API}/v3/collection_versions/all/")
DETAIL = f"{API}/v3/collections/acme/alpha/versions/1.0.0/"
CONTENT = small_catalog({"acme.alpha": ["1.0.0"]})


@contextlib.asynccontextmanager
async def kept(uri: str, **options: float) -> AsyncIterator[tuple[Sessions, "asyncio.Task[None]"]]:
    """Sessions that are kept as long as the block lasts."""
    sessions = Sessions(uri, 2, **options)  # type: ignore[arg-type]
    keeping = asyncio.create_task(sessions.keep())
    try:
        yield sessions, keeping
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def looked_at(sessions: Sessions) -> None:
    """Wait until the database is there."""
    await until(lambda: sessions.problem is None, "the database")


@pytest.fixture
def reader(postgres_uri: str, database: str) -> Iterator[str]:
    """The URI of a role that may select and nothing else."""
    role = f"reader_{urlsplit(database).path[1:]}"
    execute(postgres_uri, f"CREATE ROLE {role} LOGIN")
    execute(database, f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}")
    execute(database, f"GRANT USAGE ON SCHEMA public TO {role}")
    split = urlsplit(database)
    yield urlunsplit(split._replace(netloc=split.netloc.replace("collectionsync", role, 1)))
    execute(database, f"DROP OWNED BY {role} CASCADE")
    execute(postgres_uri, f"DROP ROLE {role}")


async def test_a_role_that_may_only_select_is_enough(database: str, reader: str) -> None:
    await filled(database, CONTENT)
    async with mirror(reader) as server:
        for path in (*PATHS, DETAIL, f"{DETAIL}docs-blob/", f"{API}/v3/namespaces/"):
            assert (await server.get(path)).status == 200, path


async def test_no_session_could_write_or_take_for_ever(database: str) -> None:
    async with connected(database, sessions=1) as writing:
        await migrate(writing)
    async with kept(database) as (sessions, _):
        await looked_at(sessions)
        async with sessions.reading() as connection:
            assert await connection.fetchval("SHOW statement_timeout") == "30s"
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute("INSERT INTO repository (namespace, name) VALUES ('a', 'b')")


async def test_a_database_that_no_sync_has_seen_is_an_empty_mirror(database: str) -> None:
    async with kept(database) as (sessions, _):
        await looked_at(sessions)
        with pytest.raises(EmptyStoreError):
            async with sessions.reading():
                pass
    async with mirror(database) as server:
        assert (await server.get("/readyz")).status == 200
        assert "nothing is published in it yet" in (await server.get(f"{API}/")).detail
        await filled(database, CONTENT)
        await until(lambda: is_served(server.get(DETAIL)), "the first publication")


async def is_served(asking: Awaitable[Reply]) -> bool:
    return (await asking).status == 200


async def test_a_schema_that_is_too_old_is_told_of_until_it_is_migrated(database: str) -> None:
    newest = max(migrations())
    async with connected(database, sessions=1) as writing:
        await migrate(writing)
    execute(database, f"DELETE FROM schema_migration WHERE number = {newest}")
    async with mirror(database, ready=False) as server:
        assert server.server is not None
        await until(lambda: isinstance(server.server.sessions.problem, OldSchemaError))  # type: ignore[union-attr]
        ready, asked = await server.get("/readyz"), await server.get(f"{API}/")
        assert (ready.status, asked.status) == (503, 503)
        assert "collectionsync migrate" in ready.json["reason"]
        assert "collectionsync migrate" in asked.detail
        execute(database, f"INSERT INTO schema_migration (number, name) VALUES ({newest}, 'again')")
        await looked_at(server.server.sessions)


async def test_a_schema_from_the_future_ends_a_server_at_its_start_alone(database: str) -> None:
    async with connected(database, sessions=1) as writing:
        await migrate(writing)
    async with kept(database) as (sessions, keeping):
        await looked_at(sessions)
        execute(database, "INSERT INTO schema_migration (number, name) VALUES (9999, 'future')")
        sessions._doubt.set()
        await until(lambda: not sessions._doubt.is_set(), "another look")
        async with sessions.reading() as connection:
            assert await connection.fetchval("SELECT 1") == 1
        assert not keeping.done()
    async with kept(database) as (_, keeping):
        with pytest.raises(SchemaMismatchError, match="newer"):
            await keeping


async def test_what_is_no_uri_ends_a_server() -> None:
    async with kept("postgresql://host:port/name") as (_, keeping):
        with pytest.raises(UnreadableUriError):
            await keeping


async def test_a_server_that_is_stopped_and_started_again_is_served_from_again() -> None:
    with short_folder() as folder:
        data = folder / "data"
        with EmbeddedPostgres(data) as first:
            uri = first.uri
            await filled(uri, CONTENT)
            async with mirror(uri) as server:
                assert (await server.get(DETAIL)).status == 200
                stop_at_once(first)
                for _ in range(3):
                    reply = await server.get(DETAIL)
                    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
                assert (await server.get("/healthz")).status == 200
                assert (await server.get("/readyz")).status == 503
                with EmbeddedPostgres(data) as again:
                    assert again.uri == uri
                    await until(lambda: is_served(server.get("/readyz")), "readiness")
                    assert (await server.get(DETAIL)).status == 200


class Relay:
    """A way to PostgreSQL's socket that can fall silent, as a network does that drops what it is given."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.open = asyncio.Event()
        self.open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_unix_connection(self._path)
        for source, sink in ((reader, ours), (theirs, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self.open.wait()
                sink.write(data)
        finally:
            sink.close()


async def test_a_database_that_falls_silent_is_lost_and_found_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ANSWER_SECONDS", 0.5)
    async with connected(database, sessions=1) as writing:
        await migrate(writing)
    split = urlsplit(database)
    socket = dict(pair.split("=") for pair in split.query.split("&"))
    path = f"{socket['host'].replace('%2F', '/')}/.s.PGSQL.{socket['port']}"
    relay = Relay(path)
    async with relay as port:
        uri = urlunsplit(split._replace(netloc=f"collectionsync@127.0.0.1:{port}", query=""))
        async with kept(uri) as (sessions, _):
            await looked_at(sessions)
            relay.open.clear()
            with pytest.raises(DatabaseUnavailableError):
                async with sessions.reading() as connection:
                    await connection.fetchval("SELECT 1")
            assert sessions.problem is not None
            relay.open.set()
            await looked_at(sessions)
