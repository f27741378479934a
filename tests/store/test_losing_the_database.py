"""The database goes away in the middle: a later run can go on, and this one does not hang."""

# ruff: noqa: PT012 - it is at the end of a block that a loss has to show at the latest

import asyncio
from collections.abc import Iterator

import pytest

from collectionsync.store.database import Connection, Database, DatabaseUnavailableError, _is_lost, connected
from collectionsync.store.embedded import EmbeddedPostgres
from collectionsync.store.migrate import migrate
from postgres import execute, short_folder, stop_at_once
from store.helpers import Onlooker, Text, bring, opened, until, version, waiting_for_a_lock

pytestmark = pytest.mark.slow

CUT_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1"


class Ending(Text):
    """A document in whose middle something happens."""

    def __init__(self, body: bytes, uri: str, statement: str) -> None:
        super().__init__(body, chunk=65536)
        self._uri = uri
        self._statement = statement

    def chunks(self) -> Iterator[bytes]:
        for number, chunk in enumerate(super().chunks()):
            if number == 1:
                execute(self._uri, self._statement)
            yield chunk


async def test_a_session_that_is_cut_off_between_statements_is_unavailable(store: Database, onlooker: Onlooker) -> None:
    with pytest.raises(DatabaseUnavailableError):
        async with store.transaction() as connection:
            await onlooker.execute(CUT_OFF, await connection.fetchval("SELECT pg_backend_pid()"))
            await connection.execute("SELECT 1")


async def test_a_session_that_is_cut_off_before_the_commit_is_unavailable(store: Database, onlooker: Onlooker) -> None:
    with pytest.raises(DatabaseUnavailableError):
        async with store.transaction() as connection:
            await connection.execute("INSERT INTO source (url) VALUES ('x')")
            await onlooker.execute(CUT_OFF, await connection.fetchval("SELECT pg_backend_pid()"))
    assert await onlooker.fetchval("SELECT count(*) FROM source") == 0


async def test_a_session_that_is_cut_off_in_a_statement_is_unavailable(store: Database, onlooker: Onlooker) -> None:
    async def work() -> None:
        async with store.transaction() as connection:
            await connection.execute("SELECT pg_sleep(3600)")

    working = asyncio.create_task(work())
    sleeping = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    await until(lambda: onlooker.fetchval(sleeping))
    with pytest.raises(DatabaseUnavailableError):
        await working


async def test_the_pool_goes_on_with_a_new_session_after_one_was_cut_off(database: str, onlooker: Onlooker) -> None:
    async with connected(database, sessions=1) as single:
        with pytest.raises(DatabaseUnavailableError):
            async with single.session() as connection:
                await onlooker.execute(CUT_OFF, await connection.fetchval("SELECT pg_backend_pid()"))
                await connection.execute("SELECT 1")
        async with single.session() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_an_error_of_the_network_s_in_a_session_that_is_lost_is_the_database_s(
    store: Database, onlooker: Onlooker
) -> None:
    with pytest.raises(DatabaseUnavailableError, match="reset by peer"):
        async with store.session() as connection:
            await onlooker.execute(CUT_OFF, await connection.fetchval("SELECT pg_backend_pid()"))
            while not _is_lost(connection):
                await asyncio.sleep(0)
            raise ConnectionResetError(104, "Connection reset by peer")


async def test_a_session_that_is_cut_off_in_a_copy_is_unavailable_and_leaves_nothing(
    database: str, store: Database, session: Connection
) -> None:
    run = await opened(session)
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND pid <> pg_backend_pid()"
    )
    document = Ending(b'"' + b"x" * 10_000_000 + b'"', database, others)
    with pytest.raises(DatabaseUnavailableError):
        await bring(store, run, version(), [document])
    assert await session.fetchval("SELECT count(*) FROM collection_version") == 0


async def test_a_session_that_is_cut_off_while_it_takes_no_more_of_a_copy_does_not_hang(
    store: Database, session: Connection
) -> None:
    run = await opened(session)
    await session.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN new; END $$"
    )
    await session.execute(
        "CREATE TRIGGER wait BEFORE INSERT ON collection_document FOR EACH ROW EXECUTE FUNCTION wait()"
    )
    await session.execute("SELECT pg_advisory_lock(1)")
    documents = [Text(b"{}", "files"), Text(b'"' + b"x" * 30_000_000 + b'"')]
    storing = asyncio.create_task(bring(store, run, version(), documents))
    await until(lambda: waiting_for_a_lock(session))
    await session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with pytest.raises(DatabaseUnavailableError):
        await storing
    assert await session.fetchval("SELECT count(*) FROM collection_version") == 0


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, to be stopped."""
    with short_folder() as folder, EmbeddedPostgres(folder / "data") as own:
        yield own


async def test_a_server_that_is_stopped_in_a_transaction_is_unavailable(server: EmbeddedPostgres) -> None:
    with pytest.raises(DatabaseUnavailableError):
        async with connected(server.uri, sessions=1) as database, database.transaction() as connection:
            await connection.execute("SELECT 1")
            stop_at_once(server)
            await connection.execute("SELECT 1")


async def test_a_server_that_is_stopped_before_the_next_session_is_unavailable(server: EmbeddedPostgres) -> None:
    with pytest.raises(DatabaseUnavailableError):
        async with connected(server.uri, sessions=1) as database:
            stop_at_once(server)
            for _ in range(2):  # the first may not know yet
                async with database.session() as connection:
                    await connection.execute("SELECT 1")


async def test_a_run_that_is_done_ends_well_though_the_server_is_stopped_by_then(server: EmbeddedPostgres) -> None:
    async with connected(server.uri, sessions=2):
        stop_at_once(server)


async def test_a_server_that_is_stopped_in_a_copy_leaves_nothing(server: EmbeddedPostgres) -> None:
    class Stopping(Text):
        def chunks(self) -> Iterator[bytes]:
            for number, chunk in enumerate(super().chunks()):
                if number == 3:
                    stop_at_once(server)
                yield chunk

    with pytest.raises(DatabaseUnavailableError):
        async with connected(server.uri, sessions=2) as database:
            await migrate(database)
            async with database.session() as lease:
                run = await opened(lease)
                document = Stopping(b'"' + b"x" * 30_000_000 + b'"')
                await bring(database, run, version(), [document])
    with EmbeddedPostgres(server.data) as again:
        assert execute(again.uri, "SELECT count(*) FROM collection_version") == 0
