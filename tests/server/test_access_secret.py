"""A Secret as files: whole or not at all, read again when it changes, and closing everything where it is not there."""

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from collectionsync.server import access as module
from collectionsync.server.access import Access
from server.access_files import write


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Kubelet:
    """A Secret as kubelet mounts it, and changes it: all files at once, by one symbolic link."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._number = 0
        folder.mkdir()

    def mount(self, files: Mapping[str, str]) -> None:
        self._number += 1
        data = self.folder / f"..2026_11_26_{self._number}"
        write(data, files)
        before = self.folder / "..data"
        old = before.resolve() if before.is_symlink() else None
        (self.folder / "..data_tmp").symlink_to(data.name)
        (self.folder / "..data_tmp").rename(before)
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        for path in self.folder.iterdir():
            if not path.name.startswith("..") and path.name not in files:
                path.unlink()
        if old is not None:
            shutil.rmtree(old)


@pytest.fixture
def kubelet(tmp_path: Path) -> Kubelet:
    return Kubelet(tmp_path / "mounted")


def test_a_secret_that_is_mounted_is_read(kubelet: Kubelet, caplog: pytest.LogCaptureFixture) -> None:
    kubelet.mount({"a": "one", "b.x": "two"})
    access = Access.open(kubelet.folder)
    assert access.allows("a", "x", "Token one")
    assert access.allows("b", "x", "Token two")
    assert not caplog.records


def test_a_secret_that_changes_is_read_again_after_a_second(kubelet: Kubelet, clock: Clock) -> None:
    kubelet.mount({"a": "one"})
    access = Access(kubelet.folder, now=clock)
    kubelet.mount({"a": "two", "b": "three"})
    clock.now += 0.9
    assert access.allows("a", "x", "Token one"), "it is not looked at for every request"
    clock.now += 0.2
    assert not access.allows("a", "x", "Token one")
    assert access.allows("a", "x", "Token two")
    assert access.allows("b", "x", "Token three")
    kubelet.mount({"b": "three"})
    clock.now += 1.1
    assert not access.allows("a", "x", "Token two")


def test_a_secret_that_stays_is_not_read_again(kubelet: Kubelet, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    kubelet.mount({"a": "one"})
    access = Access(kubelet.folder, now=clock)
    monkeypatch.setattr(module, "_contents", lambda _: pytest.fail("it was read"))
    clock.now += 1.1
    assert access.allows("a", "x", "Token one")


def test_a_secret_that_changes_while_it_is_read_is_read_as_one(
    kubelet: Kubelet, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubelet.mount({"a": "one", "b": "one"})
    changes = [lambda: kubelet.mount({"a": "two", "b": "two"})]
    read = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        content = read(path)
        if changes:
            changes.pop()()
        return content

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    access = Access.open(kubelet.folder)
    assert [access.allows(name, "x", "Token two") for name in "ab"] == [True, True]
    assert [access.allows(name, "x", "Token one") for name in "ab"] == [False, False]


def test_a_secret_that_goes_away_closes_everything_until_it_is_back(
    kubelet: Kubelet, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    kubelet.mount({"_all": "*"})
    access = Access(kubelet.folder, now=clock)
    assert access.allows("a", "x", None)
    away = kubelet.folder.rename(kubelet.folder.with_name("away"))
    for _ in range(3):
        clock.now += 1.1
        assert not access.allows("a", "x", None)
        assert not access.is_open("a", "x")
    (record,) = caplog.records
    assert "so that nobody may read anything: mount it there" in record.getMessage()
    away.rename(kubelet.folder)
    clock.now += 1.1
    assert access.allows("a", "x", None)


def test_a_secret_that_is_not_there_yet_is_waited_for(
    kubelet: Kubelet, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    access = Access(kubelet.folder / "later", now=clock)
    assert not access.allows("a", "x", "Token one")
    assert "No such file or directory" in caplog.text
    write(kubelet.folder / "later", {"a": "one"})
    clock.now += 1.1
    assert access.allows("a", "x", "Token one")


def test_a_file_that_cannot_be_read_closes_everything(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write(tmp_path / "access", {"_all": "*", "a": "secret"})

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    access = Access(folder, now=clock)
    assert not access.allows("a", "x", "Token secret")
    assert "Permission denied" in caplog.text


@pytest.mark.parametrize("content", ["twice", "one22"])
def test_a_plain_file_that_changes_is_read_again(tmp_path: Path, clock: Clock, content: str) -> None:
    folder = write(tmp_path / "access", {"a": "one11"})
    access = Access(folder, now=clock)
    assert access.allows("a", "x", "Token one11")
    write(folder, {"a": content})
    clock.now += 1.1
    assert access.allows("a", "x", f"Token {content}")
    assert not access.allows("a", "x", "Token one11")


def test_a_plain_file_that_has_settled_is_not_read_again(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "access", {"a": "one"})
    monkeypatch.setattr(time, "time_ns", lambda: (folder / "a").stat().st_ctime_ns + 10**10)
    access = Access(folder, now=clock)
    monkeypatch.setattr(module, "_contents", lambda _: pytest.fail("it was read"))
    clock.now += 1.1
    assert access.allows("a", "x", "Token one")


def test_a_plain_file_that_has_settled_and_is_replaced_is_read_again(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "access", {"a": "one"})
    told = (folder / "a").stat()
    monkeypatch.setattr(time, "time_ns", lambda: told.st_ctime_ns + 10**10)
    access = Access(folder, now=clock)
    write(tmp_path, {"new": "two"})
    os.utime(tmp_path / "new", ns=(told.st_atime_ns, told.st_mtime_ns))
    (tmp_path / "new").rename(folder / "a")
    clock.now += 1.1
    assert access.allows("a", "x", "Token two")


def test_folders_and_links_that_lead_nowhere_are_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write(tmp_path / "access", {"a": "one"})
    (folder / "b").mkdir()
    (folder / "c").symlink_to("nowhere")
    assert Access.open(folder).allows("a", "x", "Token one")
    assert not caplog.records


def test_a_warning_is_given_once_and_again_when_it_changes(
    kubelet: Kubelet, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    kubelet.mount({"a": ""})
    access = Access(kubelet.folder, now=clock)
    for files in ({"a": "", "b": "one"}, {"a": "", "b": "two"}):
        kubelet.mount(files)
        clock.now += 1.1
        access.is_open("a", "x")
    assert len(caplog.records) == 1
    kubelet.mount({"b": ""})
    clock.now += 1.1
    access.is_open("a", "x")
    assert len(caplog.records) == 2
