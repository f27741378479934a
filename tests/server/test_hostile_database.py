"""A database that goes away, comes back, or lets everybody wait: told to clients as it is, and survived."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import urlsplit

import asyncpg
import pytest

from collectionsync.server import whole_lists
from collectionsync.server.app import Server
from postgres import execute
from server.wire import Reply, Wire, ask, connected, request
from servingmirror import enlarge, filled, mirror
from syncing import until
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

API = "/default/default/api"
COLLECTION = f"{API}/v3/collections/acme/alpha/"
DETAIL = f"{COLLECTION}versions/1.0.0/"
DOCS = f"{DETAIL}docs-blob/"
EVERYTHING = f"{API}/v3/collection_versions/all/"
VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"]
METADATA_BYTES = 600_000
"""With this much of each, the list of all versions is read in three batches at least."""


@contextlib.asynccontextmanager
async def serving(database: str, versions: Sequence[str] = ("1.0.0",)) -> AsyncIterator[tuple[int, Server]]:
    """Serve a collection in this loop; yields the port, and the server's parts."""
    await filled(database, small_catalog({"acme.alpha": versions}))
    async with mirror(database) as found:
        assert found.server is not None
        yield found.port, found.server


class Outage:
    """Takes a database away from everybody, and gives it back."""

    def __init__(self, server_uri: str, database: str) -> None:
        self._server_uri = server_uri
        self._name = urlsplit(database).path[1:]

    def begin(self) -> None:
        execute(self._server_uri, f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
        cut_off = "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE datname"
        execute(self._server_uri, f"{cut_off} = '{self._name}'")

    def end(self) -> None:
        execute(self._server_uri, f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')


@pytest.fixture
def outage(postgres_uri: str, database: str) -> Iterator[Outage]:
    found = Outage(postgres_uri, database)
    yield found
    found.end()


async def asked(port: int, *targets: str) -> list[Reply]:
    """Ask for all of them at once."""
    return list(await asyncio.gather(*(ask(port, target) for target in targets)))


async def test_while_the_database_is_away_clients_are_told_when_to_come_again(database: str, outage: Outage) -> None:
    async with serving(database) as (port, _):
        outage.begin()
        for reply in await asked(port, *[API, DETAIL, EVERYTHING, DOCS] * 10):
            assert reply.status == 503
            assert reply.headers["retry-after"] == "5"
            assert "try again" in reply.detail
        assert (await ask(port, "/healthz")).status == 200

        async def is_unready() -> bool:
            return (await ask(port, "/readyz")).status == 503

        await until(is_unready)


async def test_clients_are_not_told_which_database_it_is(database: str, outage: Outage) -> None:
    async with serving(database) as (port, _):
        outage.begin()
        assert urlsplit(database).path[1:] not in (await ask(port, DETAIL)).body.decode()


async def test_when_the_database_is_back_everything_is_as_before(database: str, outage: Outage) -> None:
    async with serving(database) as (port, _):
        before = await asked(port, DETAIL, EVERYTHING, DOCS)
        outage.begin()
        assert (await ask(port, DETAIL)).status == 503
        outage.end()

        async def is_ready() -> bool:
            return (await ask(port, "/readyz")).status == 200

        await until(is_ready, "readiness")
        assert [reply.body for reply in await asked(port, DETAIL, EVERYTHING, DOCS)] == [reply.body for reply in before]


async def test_under_load_every_answer_is_whole_or_an_error_while_the_database_comes_and_goes(
    database: str, outage: Outage
) -> None:
    async with serving(database) as (port, server):
        right = {target: (await ask(port, target)).body for target in (DETAIL, DOCS, COLLECTION)}
        ended = asyncio.Event()
        seen: set[int] = set()

        async def load(target: str) -> None:
            while not ended.is_set():
                reply = await ask(port, target)
                seen.add(reply.status)
                assert reply.whole
                assert reply.status == 503 or reply.body == right[target]

        async with asyncio.TaskGroup() as tasks:
            for target in [*right] * 4:
                tasks.create_task(load(target))
            for _ in range(2):
                await until(lambda: 200 in seen)
                await asyncio.to_thread(outage.begin)
                await until(lambda: 503 in seen)
                await asyncio.to_thread(outage.end)
                await until(lambda: server.sessions.problem is None, "the database")
                seen.clear()
            await until(lambda: 200 in seen)
            ended.set()


@contextlib.asynccontextmanager
async def half_read(database: str, port: int) -> AsyncIterator[Wire]:
    """Ask for the list of everything, and take none of its body yet."""
    await enlarge(database, "metadata", METADATA_BYTES)
    async with connected(port) as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send(request(EVERYTHING))
        yield wire


async def test_of_a_list_whose_rest_never_comes_the_connection_is_broken(
    database: str, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_lists, "_COMEBACK_SECONDS", 0.1)
    async with serving(database, VERSIONS) as (port, server), half_read(database, port) as wire:
        await until(lambda: has_begun(server), "the first bytes of an answer")
        outage.begin()
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        reply = await wire.reply()
        assert reply is None or not reply.whole
        await until(lambda: server.tally.inflight_requests == 0)


async def test_a_list_goes_on_where_it_was_when_the_database_is_back_soon(database: str, outage: Outage) -> None:
    async with serving(database, VERSIONS) as (port, server), half_read(database, port) as wire:
        await until(lambda: has_begun(server), "the first bytes of an answer")
        outage.begin()
        await until(lambda: server.sessions.problem is not None)
        outage.end()
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        reply = await wire.reply()
        assert reply is not None
        assert reply.whole
        assert sorted(each["version"] for each in reply.json) == VERSIONS


def has_begun(server: Server) -> bool:
    """Whether a client leaves something of its answer where it is."""
    return any(each.writing_paused for each in server.clients._all)


@contextlib.asynccontextmanager
async def locked(database: str, table: str) -> AsyncIterator[None]:
    """Let everybody wait who wants anything of a table."""
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def test_when_no_session_comes_free_requests_wait_and_are_then_told_to_come_again(database: str) -> None:
    async with serving(database) as (port, server):
        server.sessions._wait_seconds = 0.3
        async with locked(database, "repository"):
            waiting = [asyncio.create_task(ask(port, DETAIL)) for _ in range(server.plan.sessions)]
            await until(lambda: server.sessions._free.locked())
            reply = await ask(port, DETAIL)
            assert reply.status == 503
            assert reply.headers["retry-after"] == "5"
            for target in ("/healthz", "/readyz"):
                assert (await ask(port, target)).status == 200
            assert not any(task.done() for task in waiting)
        assert [(await task).status for task in waiting] == [200] * len(waiting)


async def test_a_request_waits_for_a_session_and_is_answered_when_one_is_free(database: str) -> None:
    async with serving(database) as (port, server):
        async with locked(database, "repository"):
            waiting = [asyncio.create_task(ask(port, DETAIL)) for _ in range(3 * server.plan.sessions)]
            await until(lambda: server.tally.inflight_requests == len(waiting))
        assert {(await task).status for task in waiting} == {200}


async def test_a_client_that_leaves_while_it_waits_holds_no_session(database: str) -> None:
    async with serving(database) as (port, server):
        async with locked(database, "repository"):
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(3 * server.plan.sessions):
                    wire = await stack.enter_async_context(connected(port))
                    await wire.send(request(DETAIL))
                await until(lambda: server.tally.inflight_requests == 3 * server.plan.sessions)
            await until(lambda: server.tally.inflight_requests == 0)
        assert (await ask(port, DETAIL)).status == 200
        assert not server.sessions._free.locked()
