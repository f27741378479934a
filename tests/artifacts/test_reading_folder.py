"""A file that is read as an artifact: it is open as long as somebody reads, and what happens to it meanwhile."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from artifacts.content import blob
from collectionsync.artifacts.errors import ArtifactStoreError
from collectionsync.artifacts.reading import PIECE_BYTES
from collectionsync.artifacts.store import ArtifactStore, key_of

CONTENT = blob(3 * PIECE_BYTES + 17)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ArtifactStore]:
    """A folder with CONTENT in it."""
    async with ArtifactStore.open(tmp_path.as_uri(), {}) as opened:
        await opened.put(CONTENT.sha256, CONTENT.pieces, CONTENT.size)
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / key_of(CONTENT.sha256)


def is_open(path: Path) -> bool:
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            found.add(descriptor.readlink())
    return path in found


async def test_a_file_is_open_as_long_as_it_is_read(store: ArtifactStore, path: Path) -> None:
    async with store.read(CONTENT.sha256) as download:
        await anext(download)
        assert is_open(path)
    assert not is_open(path)


async def test_a_file_that_is_cut_while_it_is_read_is_told_of(store: ArtifactStore, path: Path) -> None:
    async with store.read(CONTENT.sha256) as download:
        await anext(download)
        os.truncate(path, PIECE_BYTES + 1)
        with pytest.raises(ArtifactStoreError, match="broke off in the middle of sha256"):
            [piece async for piece in download]


async def test_a_file_that_grows_while_it_is_read_ends_where_it_was_to_end(store: ArtifactStore, path: Path) -> None:
    async with store.read(CONTENT.sha256) as download:
        pieces = [await anext(download)]
        with path.open("ab") as file:
            file.write(b"more")
        pieces += [piece async for piece in download]
    assert b"".join(pieces) == CONTENT.data


async def test_pieces_are_small(store: ArtifactStore) -> None:
    async with store.read(CONTENT.sha256) as download:
        assert [len(piece) async for piece in download] == [PIECE_BYTES] * 3 + [17]
