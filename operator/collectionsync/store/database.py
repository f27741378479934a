"""Sessions with PostgreSQL, and its errors classed by what to do next.

asyncpg's exceptions stay inside this package: a worker reacts to what failed, not to how a driver names it. What is no
state of the database's, such as a constraint that does not hold, is a bug and keeps its own name.

Sessions have a memory: prepared statements, settings and advisory locks. A pooler such as PgBouncer may stand in
between if it pools sessions, and not if it pools transactions.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

MINIMUM_VERSION = 14  # COMPRESSION lz4 per column came with PostgreSQL 14
STATEMENT_SECONDS = 30
"""How long a statement of a session for reading may take; those of a sync wait for others as long as it takes."""
_CONNECT_SECONDS = 15.0
_CLOSE_SECONDS = 5.0
_SAID_LENGTH = 300
_UNREADABLE_URI = (
    "the database URI cannot be read; it has the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
    "with what is special in a URL percent-encoded in the password"
)
# While the database is away a pool tries to replace lost sessions by itself, and logs a traceback each time.
logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)


class StoreError(Exception):
    """The database did not do what was asked. `reason` is CamelCase and stable; the text is for people."""

    reason = "DatabaseUnavailable"


class DatabaseUnavailableError(StoreError):
    """The database cannot be reached or cannot write now; a later run can go on from here."""


class DatabaseAuthenticationError(StoreError):
    """The database refuses the user or the password."""

    reason = "AuthenticationFailed"


class DatabaseConfigurationError(StoreError):
    """The database can be reached, but not used as it is: it is too old, not there, or forbids what is needed."""

    reason = "DatabaseMisconfigured"


class UnreadableUriError(DatabaseConfigurationError):
    """No database is meant: what should be its URI is none, and will be none the next time."""

    def __init__(self) -> None:
        super().__init__(_UNREADABLE_URI)


class SchemaMismatchError(StoreError):
    """The schema was made by a newer collectionsync."""

    reason = "SchemaMismatch"


class RejectedDocumentError(StoreError):
    """PostgreSQL's own parser refuses a document: it is no JSON, or no text that can be kept."""

    reason = "InvalidJSON"


_REJECTED = (asyncpg.DataError, asyncpg.ProgramLimitExceededError)
_FORBIDDEN = (asyncpg.InvalidAuthorizationSpecificationError,)
_MISCONFIGURED = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.FeatureNotSupportedError,
    # No privilege, or a schema that is not the one that migrations make.
    asyncpg.SyntaxOrAccessError,
)
_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into this package's; an OSError may be anybody's, and passes.

    Raises:
        StoreError: by its class, what to do next.
    """
    try:
        yield
    except asyncpg.exceptions.ClientConfigurationError:
        # Without its cause: the driver quotes the URI, and so perhaps the password.
        raise UnreadableUriError from None
    except _REJECTED as error:
        raise RejectedDocumentError(_said(error)) from error
    except _FORBIDDEN as error:
        raise DatabaseAuthenticationError(f"PostgreSQL refuses the login: {_said(error)}") from error
    except _MISCONFIGURED as error:
        raise DatabaseConfigurationError(f"PostgreSQL refuses: {_said(error)}") from error
    except _UNAVAILABLE as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> DatabaseUnavailableError:
    return DatabaseUnavailableError(f"PostgreSQL is not available: {_said(error)}")


def _said(error: Exception) -> str:
    """Return what PostgreSQL said, bounded: it quotes documents."""
    detail = getattr(error, "detail", None)
    text = f"{error} ({detail})" if detail else str(error) or type(error).__name__
    return text if len(text) <= _SAID_LENGTH else text[: _SAID_LENGTH - 1] + "…"


class Database:
    """A pool of sessions; see connected()."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """Lend a session. Advisory locks that it takes end with the loan.

        Raises:
            StoreError: what PostgreSQL says to it, or while it is lent.
        """
        with translated():
            try:
                connection = await self._pool.acquire()
            except OSError as error:
                raise _unavailable(error) from error
            try:
                yield connection
            except OSError as error:
                # With the session gone it is the network's; else it is the block's own, say of a disk.
                if _is_lost(connection):
                    raise _unavailable(error) from error
                raise
            finally:
                # What mattered is committed by now. A session that cannot be given back is closed by the pool.
                with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await self._pool.release(connection)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a session inside a transaction that commits when the block ends well.

        Raises:
            StoreError: as for session().
        """
        async with self.session() as connection, connection.transaction():
            yield connection


def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken it back already
        return True


@contextlib.asynccontextmanager
async def connected(uri: str, *, sessions: int, reading: bool = False) -> AsyncIterator[Database]:
    """Open a pool of at most `sessions` sessions on `uri`.

    Sessions for `reading` write nothing, take no locks, and give up a statement after STATEMENT_SECONDS.

    https://www.postgresql.org/docs/current/libpq-connect.html, section 32.1.1.2, says what a URI can hold.

    Raises:
        StoreError: the database cannot be reached, is unfit, or the URI is none.
    """
    pool = await _open(uri, sessions, reading)
    try:
        async with Database(pool).session() as connection:
            encoding = await connection.fetchval("SHOW server_encoding")
            refuse_unfit(major=connection.get_server_version().major, encoding=encoding)
        yield Database(pool)
        # Every session was given back, so that closing waits for nobody; a server that hangs is left to itself.
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await asyncio.wait_for(pool.close(), _CLOSE_SECONDS)
    finally:
        # After an error close() would wait for sessions that a cancelled task still has to give back.
        pool.terminate()


def refuse_unfit(*, major: int, encoding: str) -> None:
    """Check what a server says of itself.

    Raises:
        DatabaseConfigurationError: collectionsync cannot work with it.
    """
    if major < MINIMUM_VERSION:
        raise DatabaseConfigurationError(f"PostgreSQL {major} is too old; {MINIMUM_VERSION} or newer is needed")
    if encoding != "UTF8":
        raise DatabaseConfigurationError(f"the database's encoding is {encoding}; make one with ENCODING 'UTF8'")


async def _open(uri: str, sessions: int, reading: bool) -> "asyncpg.Pool[asyncpg.Record]":
    try:
        with translated():
            return await asyncpg.create_pool(
                uri,
                min_size=1,
                max_size=sessions,
                timeout=_CONNECT_SECONDS,
                max_inactive_connection_lifetime=0,
                statement_cache_size=32,
                server_settings={"application_name": "collectionsync"},
                init=_prepare_to_read if reading else _prepare,
                reset=_leave if reading else _unlock,
            )
    except TimeoutError as error:
        raise DatabaseUnavailableError(f"PostgreSQL did not answer within {_CONNECT_SECONDS:.0f} s") from error
    except OSError as error:
        raise _unavailable(error) from error
    except (ValueError, OverflowError):
        raise UnreadableUriError from None
    except (RejectedDocumentError, asyncpg.PostgresError) as error:
        # Before there is a session, it can only be the URI's settings that PostgreSQL does not take.
        raise DatabaseConfigurationError(f"PostgreSQL refuses the connection: {error}") from error


# Set in each session, and not in its startup message: poolers refuse what they do not know there.
# Timeouts that a role or a database has are for people; this waits for a winner's commit, or an hour for downloads.
# Keepalives end the session of a worker whose node is gone, and with it its locks; without, that takes two hours.
_SETTINGS = """
    SELECT set_config(name, value, false)
    FROM (VALUES ('default_transaction_isolation', 'read committed'), ('jit', 'off'),
                 ('statement_timeout', '0'), ('lock_timeout', '0'), ('transaction_timeout', '0'),
                 ('idle_session_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
                 ('tcp_keepalives_idle', '60'), ('tcp_keepalives_interval', '15'), ('tcp_keepalives_count', '4')
         ) AS setting (name, value)
    WHERE current_setting(name, true) IS NOT NULL
"""


async def _prepare(connection: Connection) -> None:
    await connection.execute(_SETTINGS)


# The statements of a reader are few, the same for every request, and take longer to plan than to execute.
_READING = f"""
    SET default_transaction_read_only = on;
    SET plan_cache_mode = force_generic_plan;
    SET statement_timeout = '{STATEMENT_SECONDS}s';
"""


async def _prepare_to_read(connection: Connection) -> None:
    await _prepare(connection)
    await connection.execute(_READING)


async def _unlock(connection: Connection) -> None:
    """Reset a session that comes back: locks are all that it can have taken. RESET ALL would undo _prepare()."""
    await connection.execute("SELECT pg_advisory_unlock_all()")


async def _leave(_: Connection) -> None:
    """Leave a session that comes back as it is: it took nothing, and a reset costs as much as a query."""
