"""Several processes use one server, and any of them may be killed at any moment."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from collectionsync.store.embedded import EmbeddedPostgres, find_binaries
from collectionsync.store.postgres_local import is_worked_in, read_postmaster
from postgres import execute, short_folder

pytestmark = pytest.mark.slow

PROGRAM = """
import signal, sys
from pathlib import Path
from collectionsync.store.embedded import EmbeddedPostgres
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.uri, flush=True)
    sys.stdin.readline()
"""


class User:
    """A process that uses the server in `data` until it is told to leave, or killed."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | environment,
        )

    def __enter__(self) -> "User":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def data() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder / "data"
        left = [cluster for cluster in (folder / "data").glob("postgresql-*") if is_worked_in(cluster)]
        if left:
            with EmbeddedPostgres(folder / "data"):
                pass
        assert not left, "a server was left running"


def cluster_of(data: Path) -> Path:
    return data / f"postgresql-{find_binaries().version}"


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_a_second_user_gets_the_server_of_the_first(data: Path) -> None:
    with User(data) as first, EmbeddedPostgres(data) as second:
        assert first.says() == second.uri
        first.leave()


def test_a_user_who_leaves_does_not_stop_the_server_of_another(data: Path) -> None:
    with User(data) as first, EmbeddedPostgres(data) as second:
        first.says()
        first.leave()
        assert execute(second.uri, "SELECT 1") == 1


def test_the_last_user_to_leave_stops_the_server(data: Path) -> None:
    with User(data) as first, User(data) as second:
        first.says()
        second.says()
        first.leave()
        second.leave()
    assert not is_worked_in(cluster_of(data))


def test_users_who_come_at_once_to_an_empty_folder_share_one_cluster(data: Path) -> None:
    with ExitStack() as stack:
        users = [stack.enter_context(User(data)) for _ in range(4)]
        assert len({user.says() for user in users} - {""}) == 1
        for user in users:
            user.leave()
    assert not is_worked_in(cluster_of(data))


def test_users_who_come_and_go_without_pause_always_have_a_server(data: Path) -> None:
    with ExitStack() as stack:
        users = [stack.enter_context(User(data)) for _ in range(3)]
        for _ in range(6):
            leaver = users.pop(0)
            assert execute(leaver.says(), "SELECT 1") == 1
            users.append(stack.enter_context(User(data)))
            leaver.leave()
        for user in users:
            user.says()
            user.leave()


def test_the_server_of_a_killed_user_is_adopted_by_the_next(data: Path) -> None:
    with User(data) as killed:
        killed.says()
        before = read_postmaster(cluster_of(data))
        killed.kill()
    with EmbeddedPostgres(data) as server:
        assert before == read_postmaster(server.folder)
        assert execute(server.uri, "SELECT 1") == 1


def test_the_server_of_a_killed_user_is_stopped_at_the_end_of_the_next(data: Path) -> None:
    with User(data) as killed:
        killed.says()
        killed.kill()
    with EmbeddedPostgres(data) as server:
        pass
    assert not is_worked_in(server.folder)


def test_a_killed_user_does_not_keep_the_others_from_stopping_the_server(data: Path) -> None:
    with User(data) as killed, User(data) as survivor:
        killed.says()
        survivor.says()
        killed.kill()
        survivor.leave()
    assert not is_worked_in(cluster_of(data))


def test_ctrl_c_reaches_the_user_and_not_the_server(data: Path) -> None:
    with User(data) as user:
        uri = user.says()
        os.killpg(user.process.pid, signal.SIGINT)
        assert user.says() == "interrupted"
        assert execute(uri, "SELECT 1") == 1
        user.leave()


@pytest.fixture
def slow_binaries(data: Path) -> Path:
    """Binaries whose initdb leaves its process id and half a cluster, then waits for a file named `go`."""
    real = find_binaries().folder
    folder = data.parent / "bin"
    folder.mkdir()
    for tool in ("postgres", "pg_ctl"):
        (folder / tool).symlink_to(real / tool)
    script = f"""#!/bin/sh
if [ "$1" = --version ]; then exec {real}/initdb --version; fi
mkdir "$2/global"; echo $$ > "$2/new"; mv "$2/new" "$2/pid"
while [ ! -e "$2/go" ]; do [ -d "$2" ] || exit 1; sleep 0.02; done
rm -r "$2/global" "$2/pid" "$2/go"
exec {real}/initdb "$@"
"""
    (folder / "initdb").write_text(script)
    (folder / "initdb").chmod(0o755)
    folder.chmod(0o755)
    return folder


def half_made(data: Path) -> Path:
    """Wait until initdb is at work, and return its folder."""
    eventually(lambda: list(data.glob(".initdb-*/pid")))
    return next(data.glob(".initdb-*/pid")).parent


def test_a_kill_of_everything_in_mid_initdb_leaves_a_folder_that_starts(data: Path, slow_binaries: Path) -> None:
    with User(data, COLLECTIONSYNC_POSTGRES_BIN=str(slow_binaries)) as killed:
        folder = half_made(data)
        killed.kill()
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    with EmbeddedPostgres(data) as server:
        assert execute(server.uri, "SELECT 1") == 1


def test_what_a_killed_initdb_left_is_swept_away(data: Path, slow_binaries: Path) -> None:
    with User(data, COLLECTIONSYNC_POSTGRES_BIN=str(slow_binaries)) as killed:
        folder = half_made(data)
        killed.kill()
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    with EmbeddedPostgres(data):
        assert not list(data.glob(".initdb-*"))


def test_an_initdb_that_outlives_its_user_keeps_the_next_one_waiting(data: Path, slow_binaries: Path) -> None:
    with User(data, COLLECTIONSYNC_POSTGRES_BIN=str(slow_binaries)) as killed:
        folder = half_made(data)
        killed.kill()
    with (data / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)


def test_the_next_user_starts_when_such_an_initdb_is_done(data: Path, slow_binaries: Path) -> None:
    with User(data, COLLECTIONSYNC_POSTGRES_BIN=str(slow_binaries)) as killed:
        folder = half_made(data)
        killed.kill()
    with User(data) as following:
        (folder / "go").touch()
        shutil.chown(folder / "go", folder.stat().st_uid)
        assert execute(following.says(), "SELECT 1") == 1
        following.leave()
