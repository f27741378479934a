"""What these tests share: releases of ansible-core, and one server with one shelf of collections for the session.

A test runs with the newest release and with the oldest, which takes least; those marked `every_release` with all.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import pytest

from clients import shelf
from clients.mirror import NAMESPACE, READERS, Store, served, write_secret
from clients.releases import Another
from objectstore.fixtures import plain_s3, plain_s3_server, pytest_runtestloop, s3_program
from postgres import fresh_database, short_folder
from testansible import NEWEST, OLDEST, Client, Key, Release, made_key, release
from testcluster.choosing import may_skip
from testcluster.errors import UnavailableError

__all__ = ["plain_s3", "plain_s3_server", "pytest_runtestloop", "s3_program"]


@contextlib.contextmanager
def skipped_where_unavailable() -> Iterator[None]:
    """Skip what this machine can not have, but never in continuous integration."""
    try:
        yield
    except UnavailableError as error:
        if may_skip(os.environ):
            pytest.skip(str(error))
        raise


@pytest.fixture(params=[NEWEST, OLDEST])
def ansible(request: pytest.FixtureRequest) -> Release:
    """A release of ansible-core."""
    with skipped_where_unavailable():
        return release(request.param)


@pytest.fixture
def another(ansible: Release, tmp_path: Path) -> Another:
    """Makes people who have never installed anything."""
    numbers = itertools.count(1)
    return lambda: Client(ansible, tmp_path / f"client-{next(numbers)}")


@pytest.fixture
def client(another: Another) -> Client:
    """One of them."""
    return another()


@pytest.fixture(scope="session")
def key() -> Iterator[Key]:
    """The key of who publishes."""
    with skipped_where_unavailable(), made_key() as made:
        yield made


@pytest.fixture(scope="session")
def store(postgres_uri: str, key: Key) -> Iterator[Store]:
    """A database and a folder with the shelf in it, and whatever tests publish besides."""
    with short_folder() as folder, fresh_database(postgres_uri) as database:
        found = Store(database, (folder / "artifacts").as_uri())
        with ThreadPoolExecutor(1) as pool:  # the first test's own loop may be running
            pool.submit(asyncio.run, found.publish(shelf.shelf(key), shelf.REPOSITORY)).result()
        yield found


@pytest.fixture(scope="session")
def origin(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's origin. It serves the repositories of a namespace to everybody, and those of another to some."""
    secrets = tmp_path_factory.mktemp("secrets")
    write_secret(secrets, "readers", READERS)
    with served(store, "--secrets", secrets, "--access-secret", "readers") as found:
        yield found


@pytest.fixture
def server(origin: str) -> str:
    """The URL of the repository with the shelf."""
    return f"{origin}/{NAMESPACE}/{shelf.REPOSITORY}/api/"


@pytest.fixture
def repository() -> str:
    """The name of a repository of this test's own."""
    return f"r{token_hex(6)}"
