"""What one user sees of a server of the user's own: its start, its data, its settings, and what may lie in its way."""

import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectionsync.store.embedded import SETTINGS, EmbeddedPostgres, every_binaries
from collectionsync.store.postgres_local import is_worked_in, read_postmaster
from postgres import execute, short_folder

pytestmark = pytest.mark.slow


@pytest.fixture
def data() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder / "data"
        left = [cluster for cluster in folder.rglob("postgresql-*") if is_worked_in(cluster)]
        for cluster in left:
            with EmbeddedPostgres(cluster.parent):
                pass
        assert not left, "a server was left running"


def test_the_first_start_makes_a_cluster(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        assert execute(server.uri, "SHOW data_directory") == str(server.folder)


def test_the_server_has_stopped_after_the_block(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        pass
    assert not is_worked_in(server.folder)


def test_the_server_has_stopped_after_a_block_that_failed(data: Path) -> None:
    with pytest.raises(ZeroDivisionError), EmbeddedPostgres(data) as server:
        raise ZeroDivisionError
    assert not is_worked_in(server.folder)


def test_the_second_start_finds_the_data_of_the_first(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        execute(server.uri, "CREATE TABLE kept AS SELECT 7 AS seven")
    with EmbeddedPostgres(data) as server:
        assert execute(server.uri, "SELECT seven FROM kept") == 7


def test_every_postgresql_of_this_machine_serves(every_postgres: str) -> None:
    assert execute(every_postgres, "SELECT 1") == 1


def test_a_test_database_is_empty(every_database: str) -> None:
    assert execute(every_database, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0


def test_a_test_database_is_not_the_servers_own(postgres_uri: str, database: str) -> None:
    own = execute(postgres_uri, "SELECT current_database()")
    assert execute(database, "SELECT current_database()") != own


@pytest.mark.parametrize(("name", "value"), [*SETTINGS.items(), ("fsync", "on"), ("synchronous_commit", "on")])
def test_a_setting_is_in_force(postgres_uri: str, name: str, value: str) -> None:
    if "COLLECTIONSYNC_TEST_DATABASE" in os.environ:
        pytest.skip("the given server has settings of its own")
    assert execute(postgres_uri, f"SHOW {name}") == value


def test_text_is_utf_8_and_sorted_by_bytes(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        found = execute(server.uri, "SELECT getdatabaseencoding() || ' ' || datcollate FROM pg_database LIMIT 1")
    assert found == "UTF8 C"


def test_nobody_else_may_enter_the_folder_of_the_socket(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        postmaster = read_postmaster(server.folder)
        assert postmaster is not None
        assert stat.S_IMODE(postmaster.socket_folder.stat().st_mode) == 0o700


def test_the_callers_variables_lead_to_no_other_server(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "elsewhere", "PGDATA": "/nowhere", "PGDATABASE": "none"}.items():
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres(data) as server:
        assert execute(server.uri, "SHOW data_directory") == str(server.folder)


def test_a_path_too_long_for_a_socket_serves_all_the_same(data: Path) -> None:
    with EmbeddedPostgres(data / ("long" * 30)) as server:
        assert execute(server.uri, "SELECT 1") == 1


def test_the_socket_folder_of_a_long_path_is_private(data: Path) -> None:
    with EmbeddedPostgres(data / ("long" * 30)) as server:
        postmaster = read_postmaster(server.folder)
        assert postmaster is not None
        assert stat.S_IMODE(postmaster.socket_folder.stat().st_mode) == 0o700


def test_the_socket_folder_of_a_long_path_goes_with_the_server(data: Path) -> None:
    with EmbeddedPostgres(data / ("long" * 30)) as server:
        postmaster = read_postmaster(server.folder)
    assert postmaster is not None
    assert not postmaster.socket_folder.exists()


def test_a_path_with_the_shells_signs_in_it_is_only_a_path(data: Path) -> None:
    with EmbeddedPostgres(data / "a $HOME `b` 'c' \"d\", e") as server:
        assert execute(server.uri, "SHOW data_directory") == str(server.folder)


def killed_server(data: Path) -> Path:
    """Kill a server as a power loss would, and return its cluster with the postmaster.pid that it left."""
    with EmbeddedPostgres(data) as server:
        execute(server.uri, "CREATE TABLE kept AS SELECT 7 AS seven")
        postmaster = read_postmaster(server.folder)
        assert postmaster is not None
        os.kill(postmaster.pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while is_worked_in(server.folder):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert (server.folder / "postmaster.pid").exists()
    return server.folder


def test_a_server_that_was_killed_starts_again_with_its_data(data: Path) -> None:
    killed_server(data)
    with EmbeddedPostgres(data) as server:
        assert execute(server.uri, "SELECT seven FROM kept") == 7


def test_a_server_starts_again_at_once_after_it_was_killed(data: Path) -> None:
    with EmbeddedPostgres(data) as first:
        postmaster = read_postmaster(first.folder)
        assert postmaster is not None
        os.kill(postmaster.pid, signal.SIGKILL)
        with EmbeddedPostgres(data) as second:
            assert execute(second.uri, "SELECT 1") == 1


def test_a_pid_file_that_names_a_stranger_does_not_prevent_the_start(data: Path) -> None:
    cluster = killed_server(data)
    owner = cluster.stat()
    stranger = subprocess.Popen(["sleep", "600"], user=owner.st_uid if os.geteuid() == 0 else None)
    try:
        pid_file = cluster / "postmaster.pid"
        pid_file.write_text("\n".join([str(stranger.pid), *pid_file.read_text().splitlines()[1:]]) + "\n")
        with EmbeddedPostgres(data) as server:
            assert execute(server.uri, "SELECT seven FROM kept") == 7
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_empty_pid_file_does_not_prevent_the_start(data: Path) -> None:
    (killed_server(data) / "postmaster.pid").write_text("")
    with EmbeddedPostgres(data) as server:
        assert execute(server.uri, "SELECT seven FROM kept") == 7


def test_the_cluster_of_an_older_version_is_kept_in_use(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = sorted(every_binaries(), key=lambda each: each.version)
    older, newest = every[0], every[-1]
    if older.version == newest.version:
        pytest.skip("this machine has one major version of PostgreSQL only")
    with EmbeddedPostgres(data, binaries=older) as server:
        execute(server.uri, "CREATE TABLE kept AS SELECT 7 AS seven")
    monkeypatch.setattr("collectionsync.store.postgres_local.every_binaries", lambda: [newest, older])
    with EmbeddedPostgres(data) as server:
        assert execute(server.uri, "SELECT seven FROM kept") == 7
