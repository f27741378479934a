"""Sessions with PostgreSQL, and its errors classed by what to do next.

asyncpg's exceptions stay inside this package: a worker reacts to what failed, not to how a driver names it.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

MINIMUM_VERSION = 14  # COMPRESSION lz4 per column came with PostgreSQL 14
_CONNECT_SECONDS = 15.0


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


class SchemaMismatchError(StoreError):
    """The schema was made by a newer collectionsync."""

    reason = "SchemaMismatch"


class RejectedDocumentError(StoreError):
    """PostgreSQL's own parser refuses a document: it is no JSON, or no text that can be kept."""

    reason = "InvalidJSON"


_REJECTED = (asyncpg.DataError, asyncpg.StatementTooComplexError, asyncpg.ProgramLimitExceededError)
_FORBIDDEN = (asyncpg.InvalidAuthorizationSpecificationError,)
_MISCONFIGURED = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.FeatureNotSupportedError,
)
_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into this package's.

    Raises:
        StoreError: by its class, what to do next.
    """
    try:
        yield
    except _REJECTED as error:
        raise RejectedDocumentError(_said(error)) from error
    except _FORBIDDEN as error:
        raise DatabaseAuthenticationError(f"PostgreSQL refuses the login: {error}") from error
    except _MISCONFIGURED as error:
        raise DatabaseConfigurationError(f"PostgreSQL refuses: {_said(error)}") from error
    except _UNAVAILABLE as error:
        raise DatabaseUnavailableError(f"PostgreSQL is not available: {_said(error)}") from error


def _said(error: Exception) -> str:
    detail = getattr(error, "detail", None)
    return f"{error} ({detail})" if detail else str(error) or type(error).__name__


class Database:
    """A pool of at most `sessions` sessions."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """Lend a session.

        Raises:
            StoreError: what PostgreSQL says to it, or while it is lent.
        """
        with translated():
            async with self._pool.acquire() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a session inside a transaction that commits when the block ends well.

        Raises:
            StoreError: as for session().
        """
        async with self.session() as connection, connection.transaction():
            yield connection


@contextlib.asynccontextmanager
async def connected(uri: str, *, sessions: int) -> AsyncIterator[Database]:
    """Open a pool on `uri` (https://www.postgresql.org/docs/current/libpq-connect.html, section 32.1.1.2).

    Raises:
        StoreError: the database cannot be reached, is too old, or the URI is none.
    """
    try:
        with translated():
            pool = await asyncpg.create_pool(
                uri,
                min_size=1,
                max_size=sessions,
                timeout=_CONNECT_SECONDS,
                max_inactive_connection_lifetime=0,
                statement_cache_size=32,
                server_settings={"application_name": "collectionsync"},
            )
    except (asyncpg.exceptions.ClientConfigurationError, ValueError) as error:
        raise DatabaseConfigurationError(
            "the database URI cannot be read; it has the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from error
    try:
        async with Database(pool).session() as connection:
            major = connection.get_server_version().major
        if major < MINIMUM_VERSION:
            raise DatabaseConfigurationError(f"PostgreSQL {major} is too old; {MINIMUM_VERSION} or newer is needed")
        yield Database(pool)
    finally:
        # close() would wait for sessions that a cancelled task still has to give back.
        pool.terminate()
