"""What cannot work says what happened, where, and what to do next; and it leaves the data as it was."""

import os
import pwd
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectionsync.store.embedded import (
    Binaries,
    EmbeddedPostgres,
    EmbeddedPostgresError,
    data_folder,
    every_binaries,
    find_binaries,
)
from collectionsync.store.postgres_local import is_worked_in
from postgres import execute, short_folder

pytestmark = pytest.mark.slow

IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="what root may do is seen as root only")

# It imports first and gives up its rights second: the interpreter may lie in root's closed home.
PROGRAM = """
import os, resource, sys
from pathlib import Path
from collectionsync.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
data, uid, gid, file_bytes = Path(sys.argv[1]), *map(int, sys.argv[2:])
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
try:
    with EmbeddedPostgres(data) as server:
        print("started", server.uri)
except EmbeddedPostgresError as error:
    print("failed", error)
"""


@pytest.fixture
def parent() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def try_as_ordinary_user(data: Path, *, file_bytes: int = resource.RLIM_INFINITY) -> str:
    """Use `data` in a process that is not root, whose files may grow to `file_bytes`, and return what it says."""
    nobody = pwd.getpwnam("nobody")
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(data), str(nobody.pw_uid), str(nobody.pw_gid), str(file_bytes)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
        cwd="/",
    ).stdout


def give_to_ordinary_user(folder: Path) -> None:
    if IS_ROOT:
        shutil.chown(folder, "nobody")


def test_an_ordinary_user_has_a_server_of_their_own(parent: Path) -> None:
    give_to_ordinary_user(parent)
    assert try_as_ordinary_user(parent / "data").startswith("started")


def test_an_ordinary_users_folder_is_closed_to_others(parent: Path) -> None:
    give_to_ordinary_user(parent)
    try_as_ordinary_user(parent / "data")
    assert (parent / "data").stat().st_mode & 0o777 == 0o700


def test_a_read_only_folder_is_named(parent: Path) -> None:
    give_to_ordinary_user(parent)
    parent.chmod(0o555)
    said = try_as_ordinary_user(parent / "data")
    parent.chmod(0o711)
    assert said.startswith(f"failed PostgreSQL's data cannot be kept in {parent}/data")
    assert "XDG_DATA_HOME" in said


def test_a_file_in_place_of_the_folder_is_named(parent: Path) -> None:
    (parent / "data").write_text("a file")
    with pytest.raises(EmbeddedPostgresError, match=f"cannot be kept in {parent}/data/below"):
        EmbeddedPostgres(parent / "data/below").__enter__()


@as_root
def test_a_folder_of_another_user_is_refused(parent: Path) -> None:
    (parent / "data").mkdir()
    shutil.chown(parent / "data", "nobody")
    with pytest.raises(EmbeddedPostgresError, match="belongs to the user with uid"):
        EmbeddedPostgres(parent / "data").__enter__()


def test_a_disk_without_room_is_reported_in_initdbs_words(parent: Path) -> None:
    give_to_ordinary_user(parent)
    said = try_as_ordinary_user(parent / "data", file_bytes=100_000)
    assert f"could not make its data folder {parent}/data/postgresql-" in said
    assert "It said:" in said


def test_a_disk_without_room_leaves_no_half_made_cluster(parent: Path) -> None:
    give_to_ordinary_user(parent)
    try_as_ordinary_user(parent / "data", file_bytes=100_000)
    assert not [*(parent / "data").glob("postgresql-*/"), *(parent / "data").glob(".initdb-*")]


def test_a_cluster_whose_version_is_not_installed_is_named(parent: Path) -> None:
    (parent / "data/postgresql-99").mkdir(parents=True)
    with pytest.raises(EmbeddedPostgresError, match="data/postgresql-99 needs PostgreSQL 99; found: "):
        EmbeddedPostgres(parent / "data").__enter__()


def test_a_cluster_in_the_folder_of_another_version_is_named(parent: Path) -> None:
    with EmbeddedPostgres(parent / "data") as server:
        pass
    (server.folder / "PG_VERSION").write_text("13\n")
    with pytest.raises(EmbeddedPostgresError, match="holds a cluster of PostgreSQL 13"):
        EmbeddedPostgres(parent / "data").__enter__()


def test_a_start_that_fails_shows_the_servers_log(parent: Path) -> None:
    with EmbeddedPostgres(parent / "data") as server:
        pass
    with (server.folder / "postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = nonsense\n")
    with pytest.raises(EmbeddedPostgresError, match=r'(?s)server\.log.*invalid value for parameter "shared_buffers"'):
        EmbeddedPostgres(parent / "data").__enter__()


def test_data_survives_a_start_that_failed(parent: Path) -> None:
    with EmbeddedPostgres(parent / "data") as server:
        execute(server.uri, "CREATE TABLE kept AS SELECT 7 AS seven")
    configuration = server.folder / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text(good + "shared_buffers = nonsense\n")
    with pytest.raises(EmbeddedPostgresError):
        EmbeddedPostgres(parent / "data").__enter__()
    configuration.write_text(good)
    with EmbeddedPostgres(parent / "data") as server:
        assert execute(server.uri, "SELECT seven FROM kept") == 7


def test_an_interrupt_in_mid_start_leaves_no_server(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = EmbeddedPostgres._start

    def start_then_interrupt(self: EmbeddedPostgres) -> None:
        start(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(EmbeddedPostgres, "_start", start_then_interrupt)
    server = EmbeddedPostgres(parent / "data")
    with pytest.raises(KeyboardInterrupt):
        server.__enter__()
    assert not is_worked_in(server.folder)


@as_root
def test_root_leaves_postgresql_to_an_account_without_privileges(parent: Path) -> None:
    with EmbeddedPostgres(parent / "data") as server:
        assert server.folder.stat().st_uid != 0


@as_root
def test_root_keeps_to_the_account_that_owns_the_cluster(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    getpwnam = pwd.getpwnam
    with monkeypatch.context() as patch:
        patch.setattr(pwd, "getpwnam", lambda name: getpwnam("nobody"))  # as where no account `postgres` exists yet
        with EmbeddedPostgres(parent / "data") as server:
            execute(server.uri, "CREATE TABLE kept AS SELECT 7 AS seven")
    with EmbeddedPostgres(parent / "data") as server:
        assert execute(server.uri, "SELECT seven FROM kept") == 7


@as_root
def test_roots_closed_folders_stay_closed(parent: Path) -> None:
    (parent / "home").mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match="Permission denied"):
        EmbeddedPostgres(parent / "home/data").__enter__()
    assert (parent / "home").stat().st_mode & 0o777 == 0o700


@as_root
@pytest.mark.parametrize(
    "wheel",
    [each for each in every_binaries() if "pginstall" in str(each.folder)],
    ids=lambda each: f"postgresql-{each.version}",
)
def test_binaries_that_the_account_cannot_reach_are_copied_once(parent: Path, wheel: Binaries) -> None:
    package = wheel.folder.parents[1]
    home = parent / "home"
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, home / part.name, symlinks=True)
    home.chmod(0o700)
    closed = Binaries(home / wheel.folder.relative_to(package.parent), wheel.version)
    for _ in range(2):
        with EmbeddedPostgres(parent / "data", binaries=closed) as server:
            assert execute(server.uri, "SELECT 1") == 1
    assert [each.name for each in (parent / "data").glob("*binaries*")] == [f"binaries-{wheel.version}"]


@as_root
def test_binaries_out_of_reach_that_are_no_installation_are_not_copied(parent: Path) -> None:
    home = parent / "home/bin"
    home.mkdir(parents=True)
    for tool in ("initdb", "pg_ctl", "postgres"):
        (home / tool).symlink_to(find_binaries().folder / tool)
    (parent / "home").chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match="no installation that could be copied"):
        EmbeddedPostgres(parent / "data", binaries=Binaries(home, find_binaries().version)).__enter__()


@as_root
def test_roots_data_is_kept_outside_of_its_closed_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert data_folder() == Path("/var/lib/collectionsync")
