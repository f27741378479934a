"""Sessions with PostgreSQL for requests: who waits for one, and what is said while there are none.

A server outlives its database. So the pool is opened again whenever it is lost, requests are told at once meanwhile,
and whoever meets an error has the database looked at before anybody else does.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from collectionsync.store.catalog.repositories import Schema, schema
from collectionsync.store.database import (
    Connection,
    Database,
    DatabaseConfigurationError,
    DatabaseUnavailableError,
    SchemaMismatchError,
    StoreError,
    UnreadableUriError,
    connected,
)

log = logging.getLogger(__name__)

_WAIT_SECONDS = 30.0
_LOOK_SECONDS = 2.0
_AGAIN_SECONDS = 1.0
# A database that is only busy answers within these.
_ANSWER_SECONDS = 10.0
_CUT_OFF_AT_MOST = 2
_NOT_YET = "the database has not been reached yet"
_NEWER = "the database's schema is newer than this server, which cannot read it: run a newer collectionsync"


class EmptyStoreError(Exception):
    """The database has no schema of ours: no sync has ever run, and there is no repository."""


class OldSchemaError(DatabaseConfigurationError):
    """The database has to be migrated before this release can read it."""

    def __init__(self) -> None:
        super().__init__("the database's schema is older than this server: run `collectionsync migrate`, or a sync")


class Sessions:
    """At most `count` sessions for requests, as long as keep() runs.

    `current` returns the URI as it is by now, where it can change, as a Secret does; it may raise a StoreError.
    """

    def __init__(
        self, uri: str, count: int, *, wait_seconds: float = _WAIT_SECONDS, current: Callable[[], str] | None = None
    ) -> None:
        self._current = current or (lambda: uri)
        self._count = count
        self._wait_seconds = wait_seconds
        self._free = asyncio.Semaphore(count)
        self._database: Database | None = None
        self._schema: Schema | None = None
        self._problem: StoreError = DatabaseUnavailableError(_NOT_YET)
        self._doubt = asyncio.Event()
        self._usable = asyncio.Event()
        self._renewing = False
        self.generation = 0
        """Counts the databases that were connected to: of another one, nothing is known by what the last one said."""

    @property
    def problem(self) -> StoreError | None:
        """Why requests cannot be answered now; None while they can."""
        return None if self._usable.is_set() else self._problem

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend a session, waiting for one where all are lent.

        Raises:
            EmptyStoreError: there is nothing to read.
            StoreError: the database is not there or not usable, fails while it is lent, or none came free in time.
        """
        await self._take()
        try:
            if self._renewing:
                await self.usable(_ANSWER_SECONDS)
            if not self._usable.is_set() or self._database is None:
                raise self._problem
            if self._schema is Schema.MISSING:
                raise EmptyStoreError
            try:
                async with self._database.session() as connection:
                    yield connection
            except StoreError:
                self._doubt.set()
                raise
        finally:
            self._free.release()

    async def _take(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailableError(
                f"all {self._count} sessions with the database were busy for {self._wait_seconds:.0f} s"
            ) from error

    async def usable(self, seconds: float) -> bool:
        """Wait until the database is there again; False where that takes longer."""
        try:
            async with asyncio.timeout(seconds):
                await self._usable.wait()
        except TimeoutError:
            return False
        return True

    async def keep(self) -> None:
        """Connect, and connect again whenever the database is lost, until cancelled.

        Raises:
            SchemaMismatchError: the first database that answers has a schema that this release does not know.
            UnreadableUriError: there will never be one.
        """
        while True:
            try:
                uri = self._current()
                # One more than requests may have: whether the database is there must not depend on them.
                async with connected(uri, sessions=self._count + 1, reading=True) as database:
                    self.generation += 1
                    await self._watch(database, uri)
                    self._renew()
            except (SchemaMismatchError, UnreadableUriError):
                raise
            except StoreError as error:
                self._lose(error)
            finally:
                self._database = None
                self._usable.clear()
            if not self._renewing:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _watch(self, database: Database, uri: str) -> None:
        """Look at the database again and again, sooner where a request had an error, until it has another URI.

        Raises:
            StoreError: it is lost.
        """
        while True:
            self._doubt.clear()
            found = await _looked_at(database)
            if found is Schema.NEWER and self._schema is None:
                raise SchemaMismatchError(_NEWER)
            self._schema = found
            if found is Schema.OLD:
                self._lose(OldSchemaError())
            else:
                self._find(database)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._doubt.wait()
            # A Secret that cannot be read for now is no reason to leave a database that answers.
            with contextlib.suppress(StoreError):
                if self._current() != uri:
                    return

    def _renew(self) -> None:
        """Have requests wait for sessions by another URI, and let those end that are lent."""
        log.info("the database has another URI by now: connecting anew")
        self._renewing = True
        self._database = None
        self._usable.clear()

    def _find(self, database: Database) -> None:
        self._database = database
        self._renewing = False
        if not self._usable.is_set():
            self._usable.set()
            log.info("the database is there%s", ", and empty" if self._schema is Schema.MISSING else "")

    def _lose(self, error: StoreError) -> None:
        if self._usable.is_set() or str(error) != str(self._problem):
            log.error("%s; requests are answered with 503 meanwhile", error)
        self._usable.clear()
        self._renewing = False
        self._problem = error


async def _looked_at(database: Database) -> Schema:
    """Return which schema a database has.

    Raises:
        StoreError: it does not say so, or not in time.
    """
    asking = asyncio.create_task(_ask(database))
    # Not asyncio.timeout(): that would wait for a session that a silent server does not let go of.
    asking.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        await asyncio.wait({asking}, timeout=_ANSWER_SECONDS)
    finally:
        asking.cancel()
    if not asking.done():
        raise DatabaseUnavailableError(f"PostgreSQL did not answer within {_ANSWER_SECONDS:.0f} s")
    return asking.result()


async def _ask(database: Database) -> Schema:
    for _ in range(_CUT_OFF_AT_MOST):
        # A session that was cut off is no loss of the database yet.
        with contextlib.suppress(DatabaseUnavailableError):
            async with database.session() as connection:
                return await schema(connection)
    async with database.session() as connection:
        return await schema(connection)
