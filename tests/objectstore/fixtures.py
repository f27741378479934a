"""Object stores for tests: a conftest.py that has "objectstore.fixtures" in `pytest_plugins` gives every test these.

A server is started once per test session; each test gets a bucket of its own in it.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from objectstore.program import program
from objectstore.server import Bucket, ObjectServer
from testcluster.choosing import may_skip
from testcluster.errors import UnavailableError

StartServer = Callable[[], ObjectServer]

_OF_A_SERVER = {"s3_server", "plain_s3_server", "start_s3"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build the program before any test's time runs, if it is not in the cache; what fails here, the fixture tells."""
    wanted = any(_OF_A_SERVER & {*getattr(item, "fixturenames", ())} for item in session.items)
    if not wanted or session.config.option.collectonly:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), contextlib.suppress(Exception):
        program()


@pytest.fixture(scope="session")
def s3_program() -> Path:
    """The program of a server; a machine that cannot build it skips, but never in continuous integration."""
    try:
        return program()
    except UnavailableError as error:
        if may_skip(os.environ):
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="session")
def s3_server(s3_program: Path) -> Iterator[ObjectServer]:
    """A server over TLS, whose authority the settings of its buckets name."""
    with _folder() as folder, ObjectServer(s3_program, folder, tls=True) as server:
        yield server


@pytest.fixture(scope="session")
def plain_s3_server(s3_program: Path) -> Iterator[ObjectServer]:
    """A server over plain HTTP."""
    with _folder() as folder, ObjectServer(s3_program, folder) as server:
        yield server


@pytest.fixture
def s3(s3_server: ObjectServer) -> Bucket:
    """A bucket of this test's own, over TLS."""
    return s3_server.bucket()


@pytest.fixture
def plain_s3(plain_s3_server: ObjectServer) -> Bucket:
    """A bucket of this test's own, over plain HTTP."""
    return plain_s3_server.bucket()


@pytest.fixture
def start_s3(s3_program: Path) -> Iterator[StartServer]:
    """Starts a server that is the test's alone, which it may kill."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(ObjectServer(s3_program, stack.enter_context(_folder())))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cs-s3-") as folder:
        yield Path(folder)
