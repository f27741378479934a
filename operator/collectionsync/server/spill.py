"""An unlinked file for what one client does not take yet."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self


class SpoolFullError(Exception):
    """There is no room on disk now, for a document or for what a client is slow to take."""


class Spill:
    """Bytes on disk, to be read once from their beginning."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = open_unlinked(folder)
        self._size = 0

    def write(self, piece: bytes) -> None:
        """Append a piece.

        Raises:
            SpoolFullError: the disk does not take it.
        """
        write_all(self._file, piece, self._folder)
        self._size += len(piece)

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield what was written, in pieces of this size."""
        for offset in range(0, self._size, size):
            yield os.pread(self._file.fileno(), min(size, self._size - offset), offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def open_unlinked(folder: Path) -> BinaryIO:
    """Return a new file without a name: nothing is left behind by any kind of death.

    Raises:
        SpoolFullError: the folder takes none.
    """
    try:
        return tempfile.TemporaryFile(dir=folder, buffering=0)
    except OSError as error:
        raise _full(folder, error) from error


def write_all(file: BinaryIO, piece: bytes, folder: Path) -> None:
    """Append a piece to a file.

    Raises:
        SpoolFullError: the disk does not take it.
    """
    try:
        written = file.write(piece)
        while written < len(piece):  # a raw file may write less than it was given
            written += file.write(piece[written:])
    except OSError as error:
        raise _full(folder, error) from error


def _full(folder: Path, error: OSError) -> SpoolFullError:
    return SpoolFullError(
        f"the folder for spool files cannot be written ({error.strerror}): {folder}; free some space, or name another"
        " with --spool"
    )
