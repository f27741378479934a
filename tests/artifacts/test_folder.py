"""A folder as a store: on the disk when it says so, and nothing half there at any time."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from artifacts.content import MIB, Blob, blob
from collectionsync.artifacts.errors import ArtifactStoreConfigurationError, ArtifactStoreError
from collectionsync.artifacts.folder import PART_PREFIX
from collectionsync.artifacts.store import ArtifactStore, key_of
from objectstore import Bucket

as_ordinary_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


@pytest.fixture(params=["files without names", "files with names"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store's folder, on a file system that has files without names, and on one that does not."""
    if request.param == "files with names":
        monkeypatch.setattr(os, "open", without_nameless_files(os.open))
    return tmp_path / "artifacts"


def without_nameless_files(real: Callable[..., int]) -> Callable[..., int]:
    def opened(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real(path, flags, *arguments, **options)

    return opened


async def put(store: ArtifactStore, content: Blob) -> bool:
    return await store.put(content.sha256, content.pieces, content.size)


def path_of(content: Blob, folder: Path) -> Path:
    return folder / key_of(content.sha256)


def files_in(folder: Path) -> list[bytes]:
    return list(Bucket("", {}, folder).objects().values())


async def test_an_artifact_is_stored_whole_on_any_file_system(folder: Path) -> None:
    content = blob(MIB)
    async with ArtifactStore.open(folder.as_uri(), {}) as store:
        assert await put(store, content)
        assert not await put(store, content)
    assert files_in(folder) == [content.data]


async def test_nothing_has_a_name_until_it_is_whole(folder: Path) -> None:
    content = blob(MIB)
    seen: list[str] = []

    def look() -> None:
        seen.extend(path.name for path in folder.rglob("*") if path.is_file())

    async with ArtifactStore.open(folder.as_uri(), {}) as store:
        await store.put(content.sha256, content.interrupted_once(look), content.size)
    assert all(name.startswith(PART_PREFIX) for name in seen)


async def test_half_an_artifact_is_replaced_on_any_file_system(folder: Path) -> None:
    content = blob(1000)
    async with ArtifactStore.open(folder.as_uri(), {}) as store:
        await put(store, content)
        path_of(content, folder).write_bytes(b"half")
        assert await put(store, content)
    assert files_in(folder) == [content.data]


async def test_a_failure_leaves_nothing_on_any_file_system(folder: Path) -> None:
    content = blob(1000)
    async with ArtifactStore.open(folder.as_uri(), {}) as store:
        with pytest.raises(ArtifactStoreError):
            await store.put(content.sha256, content.pieces, content.size + 1)
    assert files_in(folder) == []


async def test_artifacts_may_be_read_by_others(folder: Path) -> None:
    content = blob(10)
    async with ArtifactStore.open(folder.as_uri(), {}) as store:
        await put(store, content)
    assert path_of(content, folder).stat().st_mode & 0o444 == 0o444


async def test_the_folder_is_made_with_what_it_lies_in(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    async with ArtifactStore.open(folder.as_uri(), {}) as store:
        await store.check()
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


async def test_a_file_in_place_of_the_folder_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactStoreConfigurationError, match="cannot be written"):
        async with ArtifactStore.open((tmp_path / "file" / "artifacts").as_uri(), {}) as store:
            await store.check()


@pytest.fixture
def closed_folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o500)
    return tmp_path


@as_ordinary_user
async def test_a_folder_of_somebody_else_is_told_of(closed_folder: Path) -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="Permission denied"):
        async with ArtifactStore.open((closed_folder / "artifacts").as_uri(), {}) as store:
            await store.check()


_KILLED = """
import asyncio, os, signal, sys
from collectionsync.artifacts.store import ArtifactStore
def pieces():
    yield bytes(1000)
    os.kill(os.getpid(), signal.SIGKILL)
async def main():
    store = ArtifactStore.open(sys.argv[1], {})
    await store.put("0" * 64, pieces, 2000)
asyncio.run(main())
"""


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    ended = subprocess.run([sys.executable, "-c", _KILLED, folder.as_uri()], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert files_in(folder) == []
