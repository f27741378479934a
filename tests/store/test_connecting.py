"""What stands between a worker and its database is told apart by what to do about it, and never tells a password."""

import asyncio
import secrets
import traceback
from collections.abc import Iterator
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from collectionsync.store.database import (
    Database,
    DatabaseAuthenticationError,
    DatabaseConfigurationError,
    DatabaseUnavailableError,
    StoreError,
    connected,
    refuse_unfit,
)
from collectionsync.store.embedded import EmbeddedPostgres
from collectionsync.store.migrate import migrate
from postgres import execute, fresh_database, short_folder

PASSWORD = "s3cr3t"


@pytest.fixture(scope="module")
def closed_server() -> Iterator[str]:
    """A server that wants a password of everybody but its owner."""
    with short_folder() as folder, EmbeddedPostgres(folder / "data") as server:
        hba = server.folder / "pg_hba.conf"
        hba.write_text("local all collectionsync trust\nlocal all rejected reject\nlocal all all scram-sha-256\n")
        execute(server.uri, "SELECT pg_reload_conf()")
        execute(server.uri, f"CREATE ROLE worker LOGIN PASSWORD '{PASSWORD}'")
        execute(server.uri, f"CREATE ROLE idle NOLOGIN PASSWORD '{PASSWORD}'")
        execute(server.uri, f"CREATE ROLE rejected LOGIN PASSWORD '{PASSWORD}'")
        yield server.uri


@pytest.fixture
def closed_database(closed_server: str) -> Iterator[str]:
    with fresh_database(closed_server) as uri:
        yield uri


def altered(uri: str, *, user: str = "", password: str = "", database: str = "", settings: str = "") -> str:
    """The same server, by another name."""
    parts = urlsplit(uri)
    who = f"{quote(user)}:{quote(password)}@" if user else parts.netloc
    return urlunsplit(
        parts._replace(netloc=who, path=f"/{database}" if database else parts.path, query=parts.query + settings)
    )


async def refused(uri: str) -> StoreError:
    """Connect and migrate, which must fail; return why, once neither it nor what a traceback shows has the password."""
    with pytest.raises(StoreError) as caught:
        async with connected(uri, sessions=1) as database:
            await migrate(database)
    shown = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in shown.replace(repr(uri), "")
    return caught.value


@pytest.mark.parametrize("major", [14, 15, 18, 99])
def test_a_server_that_is_new_enough_is_taken(major: int) -> None:
    refuse_unfit(major=major, encoding="UTF8")


@pytest.mark.parametrize("major", [9, 13])
def test_a_server_that_is_too_old_is_refused_with_both_versions(major: int) -> None:
    with pytest.raises(DatabaseConfigurationError, match=rf"PostgreSQL {major} is too old; 14 or newer"):
        refuse_unfit(major=major, encoding="UTF8")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_unicode_is_refused(encoding: str) -> None:
    with pytest.raises(DatabaseConfigurationError, match=encoding):
        refuse_unfit(major=15, encoding=encoding)


@pytest.mark.slow
async def test_the_encoding_of_the_real_database_is_looked_at(postgres_uri: str) -> None:
    name = f"test_{secrets.token_hex(8)}"
    execute(postgres_uri, f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
    try:
        error = await refused(altered(postgres_uri, database=name))
    finally:
        execute(postgres_uri, f"DROP DATABASE {name}")
    assert isinstance(error, DatabaseConfigurationError)


@pytest.mark.parametrize(
    "uri",
    [
        "nonsense",
        f"mysql://user:{PASSWORD}@localhost/db",
        f"postgresql://user:{PASSWORD}@localhost:port/db",
        f"postgresql://user:{PASSWORD}/more@localhost:5432/db",
        f"postgresql://user:{PASSWORD}@127.0.0.1:99999/db",
        f"postgresql://user:{PASSWORD}@[::1/db",
        f"postgresql://user:{PASSWORD}@local\0host/db",
        f"postgresql://user:{PASSWORD}@{'a' * 300}/db",
        f"postgresql://user:{PASSWORD}@localhost/db?sslmode=perhaps",
    ],
)
async def test_a_uri_that_is_none_is_a_configuration_error(uri: str) -> None:
    assert isinstance(await refused(uri), DatabaseConfigurationError)


@pytest.mark.parametrize(
    "uri",
    [
        f"postgresql://user:{PASSWORD}@no-such-host.invalid/db",
        f"postgresql://user:{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://user:{PASSWORD}@/db?host=/no/such/folder",
    ],
)
async def test_a_server_that_is_not_there_is_unavailable(uri: str) -> None:
    assert isinstance(await refused(uri), DatabaseUnavailableError)


@pytest.mark.slow
async def test_the_right_password_opens(closed_database: str) -> None:
    async with connected(altered(closed_database, user="worker", password=PASSWORD), sessions=1) as database:
        assert isinstance(database, Database)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("user", "password"),
    [("worker", f"wrong-{PASSWORD}"), ("idle", PASSWORD), ("rejected", PASSWORD), ("nobody-s", PASSWORD)],
)
async def test_a_login_that_is_refused_is_an_authentication_error(
    closed_database: str, user: str, password: str
) -> None:
    error = await refused(altered(closed_database, user=user, password=password))
    assert isinstance(error, DatabaseAuthenticationError)


@pytest.mark.slow
async def test_a_database_that_does_not_exist_is_a_configuration_error(database: str) -> None:
    error = await refused(altered(database, database="no_such_database"))
    assert isinstance(error, DatabaseConfigurationError)
    assert "no_such_database" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("settings", ["&no_such_setting=1", "&work_mem=plenty"])
async def test_a_setting_in_the_uri_that_the_server_does_not_take_is_a_configuration_error(
    database: str, settings: str
) -> None:
    assert isinstance(await refused(altered(database, settings=settings)), DatabaseConfigurationError)


@pytest.mark.slow
async def test_a_role_that_may_create_nothing_is_a_configuration_error(closed_database: str) -> None:
    execute(closed_database, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    error = await refused(altered(closed_database, user="worker", password=PASSWORD))
    assert isinstance(error, DatabaseConfigurationError)
    assert "permission denied for schema public" in str(error)


@pytest.mark.slow
async def test_a_role_that_may_only_write_can_work_once_the_schema_is_there(closed_database: str) -> None:
    execute(closed_database, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    async with connected(closed_database, sessions=1) as database:
        await migrate(database)
    execute(closed_database, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO worker")
    async with connected(altered(closed_database, user="worker", password=PASSWORD), sessions=1) as database:
        assert await migrate(database) == []


@pytest.mark.slow
async def test_a_database_that_is_read_only_is_unavailable_as_after_a_failover(database: str) -> None:
    name = execute(database, "SELECT current_database()")
    execute(database, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    assert isinstance(await refused(database), DatabaseUnavailableError)


@pytest.mark.slow
async def test_a_server_without_a_free_session_is_unavailable(closed_database: str) -> None:
    execute(closed_database, "ALTER ROLE worker CONNECTION LIMIT 0")
    try:
        error = await refused(altered(closed_database, user="worker", password=PASSWORD))
    finally:
        execute(closed_database, "ALTER ROLE worker CONNECTION LIMIT -1")
    assert isinstance(error, DatabaseUnavailableError)


@pytest.mark.slow
async def test_timeouts_that_a_database_has_for_people_do_not_hold_for_a_worker_even_later(database: str) -> None:
    name = execute(database, "SELECT current_database()")
    timeouts = ("statement_timeout", "lock_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout")
    for timeout in timeouts:
        execute(database, f"ALTER DATABASE \"{name}\" SET {timeout} = '60s'")
    async with connected(database, sessions=1) as opened:
        for _ in range(2):  # given back and lent again
            async with opened.session() as session:
                assert {await session.fetchval(f"SHOW {timeout}") for timeout in timeouts} == {"0"}


@pytest.mark.slow
async def test_a_lock_that_a_session_took_ends_with_the_loan(database: str) -> None:
    async with connected(database, sessions=1) as opened:
        async with opened.session() as session:
            await session.execute("SELECT pg_advisory_lock(1)")
        assert execute(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


@pytest.mark.slow
async def test_an_error_of_the_block_s_own_disk_is_not_called_the_database_s(database: str) -> None:
    async with connected(database, sessions=1) as opened:
        with pytest.raises(OSError, match="No space left") as caught:
            async with opened.transaction():
                raise OSError(28, "No space left on device")
    assert type(caught.value) is OSError


@pytest.mark.slow
async def test_a_deadline_of_the_block_s_own_is_not_called_the_database_s(database: str) -> None:
    async with connected(database, sessions=1) as opened:
        with pytest.raises(TimeoutError):
            async with opened.session() as session, asyncio.timeout(0.01):
                await session.execute("SELECT pg_sleep(60)")
        async with opened.session() as session:
            assert await session.fetchval("SELECT 1") == 1


@pytest.mark.slow
async def test_an_error_in_the_block_closes_the_pool_though_a_session_is_still_lent(database: str) -> None:
    lent = asyncio.Event()

    async def borrow(opened: Database) -> None:
        async with opened.session():
            lent.set()
            await asyncio.Event().wait()

    with pytest.raises(KeyError):  # noqa: PT012
        async with connected(database, sessions=1) as opened:
            borrower = asyncio.create_task(borrow(opened))
            await lent.wait()
            raise KeyError
    borrower.cancel()
    await asyncio.wait([borrower])


@pytest.mark.slow
async def test_no_session_outlives_the_pool(database: str) -> None:
    async with connected(database, sessions=3) as opened, opened.session(), opened.session():
        pass
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while execute(database, ours):
        pass
