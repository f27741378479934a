"""Real PostgreSQL for tests: `pytest_plugins = ["postgres"]` in a conftest.py gives every test these fixtures.

A server is started once per test session, in a temporary folder of its own; each test gets a database of its own in it.
"""

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from collectionsync.store.embedded import Binaries, EmbeddedPostgres, every_binaries

EVERY_BINARIES: list[Binaries | None] = [*every_binaries()] or [None]


@contextmanager
def short_folder() -> Iterator[Path]:
    """Make a folder whose path leaves room for a socket's, and that PostgreSQL's account may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="cs-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Make an empty database on this server, yield its URI, and drop it with whoever is still connected."""
    name = f"test_{secrets.token_hex(8)}"
    execute(server, f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    """The URI of a server: $COLLECTIONSYNC_TEST_DATABASE where it is set, else one of our own for this session."""
    given = os.environ.get("COLLECTIONSYNC_TEST_DATABASE")
    if given:
        yield given
        return
    with short_folder() as folder, EmbeddedPostgres(folder / "data") as server:
        yield server.uri


@pytest.fixture
def database(postgres_uri: str) -> Iterator[str]:
    """The URI of an empty database of this test's own."""
    with fresh_database(postgres_uri) as uri:
        yield uri


@pytest.fixture(scope="session", params=EVERY_BINARIES, ids=lambda each: f"postgresql-{each and each.version}")
def every_postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URI of a server of each PostgreSQL that this machine has; a machine without any fails, and skips nothing."""
    binaries: Binaries | None = request.param
    assert binaries is not None, "no PostgreSQL on this machine: these tests would prove nothing"
    with short_folder() as folder, EmbeddedPostgres(folder / "data", binaries=binaries) as server:
        yield server.uri


@pytest.fixture
def every_database(every_postgres: str) -> Iterator[str]:
    """The URI of an empty database of this test's own, on a server of each PostgreSQL that this machine has."""
    with fresh_database(every_postgres) as uri:
        yield uri


def stop_at_once(server: EmbeddedPostgres) -> None:
    """Stop a server as `pg_ctl stop -m immediate` does, and see it gone."""
    pid_file = server.folder / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
    while pid_file.exists():
        pass


def execute(uri: str, statement: str) -> object:
    """Run one statement and return its first value; in a thread, since the test's own loop may be running."""

    async def run() -> object:
        connection = await asyncpg.connect(uri)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, run()).result()
