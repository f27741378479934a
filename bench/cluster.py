"""A PostgreSQL of the benchmark's own: a fresh database for every row, and none pays for the one before."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench.proc import family_cpu_seconds
from collectionsync.store.embedded import EmbeddedPostgres
from collectionsync.store.postgres_local import read_postmaster

_LEAVE_SECONDS = 10.0
_T = TypeVar("_T")


class Cluster:
    """A running server in `folder`, for `with`; it is stopped at the end, and its data are the caller's to remove."""

    version: str
    lz4: bool
    postmaster: int
    """The process id of the server, whose other processes are children of it."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._server)
            postmaster = read_postmaster(self._server.folder)
            assert postmaster is not None, "it was just started"
            self.postmaster = postmaster.pid
            self._runner = stack.enter_context(asyncio.Runner())
            self._admin = self.run(asyncpg.connect(self._server.uri))
            stack.callback(self._admin.terminate)
            self.version = str(self._ask("SHOW server_version")).split()[0]
            self.lz4 = bool(
                self._ask("SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run something asynchronous to its end."""
        return self._runner.run(coroutine)

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Make an empty database, yield its URI, and drop it."""
        name = f"bench_{secrets.token_hex(6)}"
        self._ask(f'CREATE DATABASE "{name}"')
        try:
            self.settle()
            yield urlunsplit(urlsplit(self._server.uri)._replace(path=f"/{name}"))
        finally:
            self._ask(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def settle(self) -> None:
        """Write out what earlier work left, so that what comes next does not pay for it."""
        self._ask("CHECKPOINT")
        os.sync()

    @contextlib.contextmanager
    def own_folder(self, parent: Path) -> Iterator[Path]:
        """Make a folder that the server may write files in, and remove it with them."""
        folder = parent / "export"
        folder.mkdir()
        owner = self._server.folder.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        try:
            yield folder
        finally:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    def cpu_seconds(self) -> float:
        """Return the CPU time of all of the server's processes so far; waits until those of clients have ended."""
        clients = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        until = time.monotonic() + _LEAVE_SECONDS
        while self._ask(clients) != 1 and time.monotonic() < until:
            time.sleep(0.02)
        return family_cpu_seconds(self.postmaster)

    def _ask(self, statement: str) -> object:
        return self.run(self._admin.fetchval(statement))
