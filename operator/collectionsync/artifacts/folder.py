"""A folder as a store. Nothing but the standard library: obstore would add 11 MiB to a worker for what the kernel does.

An object is written to a file without a name and gets one when it is on the disk; so nobody sees half of one, and a
writer that is killed leaves nothing. Where the file system has no such files (NFS, some overlays), it has a name of its
own at first, and a killed writer leaves that behind.
"""

import contextlib
import errno
import functools
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from collectionsync.artifacts.errors import (
    ArtifactMissingError,
    ArtifactRangeError,
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)
from collectionsync.artifacts.reading import PIECE_BYTES, WHOLE, Span
from collectionsync.artifacts.threads import Content, Stop

WORKERS = 4
_MODE = 0o644  # less what the umask takes
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_OURS = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.ENOENT,
    errno.EEXIST,
    errno.ELOOP,
    errno.ENAMETOOLONG,
)
_NO_NAMELESS = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)
PART_PREFIX = ".part-"
"""What the names of files begin with that are not whole yet, where the file system needs such names."""

_Told = Callable[[str], AbstractContextManager[None]]


class Folder:
    """A BlockingStore in a folder, which is made if need be."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, stop: Stop, key: str, sha256: str, content: Content, size: int) -> None:
        """Write an object and have it on the disk."""
        target = self._path / key
        with self._told("written"):
            _make(target.parent)
            with _part(target.parent) as (file, publish):
                written = 0
                for piece in content():
                    stop.check()
                    _write(file, piece)
                    written += len(piece)
                if written != size:
                    raise ArtifactStoreError(f"an artifact of {size} bytes had {written} when it was to be stored")
                os.fdatasync(file.fileno())
                publish(target, size)
            _sync(target.parent)

    def get(self, stop: Stop, key: str) -> Iterator[bytes]:
        """Yield the pieces of an object."""
        with contextlib.closing(self.read(stop, key, WHOLE)) as reading:
            while piece := reading.read(stop):
                yield piece

    def read(self, stop: Stop, key: str, span: Span) -> "_Reading":
        """Open an object, to read a part of it."""
        with self._told("read"):
            try:
                file = (self._path / key).open("rb", buffering=0)
            except FileNotFoundError as error:
                raise ArtifactMissingError(f"the artifact store {self._path} does not have {key}") from error
            size = os.fstat(file.fileno()).st_size
            part = span.within(size)
            if part is None:
                file.close()
                raise ArtifactRangeError(f"{key} in the artifact store {self._path} has {size} bytes, and none there")
            return _Reading(file, size, *part, told=self._told)

    def presigned(self, key: str, filename: str, seconds: int) -> None:
        """Return nothing, for a folder has no URLs that others could use."""

    def size(self, stop: Stop, key: str) -> int | None:
        """Return the size of an object; None where there is none."""
        with self._told("read"):
            try:
                return (self._path / key).stat().st_size
            except FileNotFoundError:
                return None

    def delete(self, stop: Stop, key: str) -> None:
        """Remove an object; harmless where there is none."""
        with self._told("written"):
            (self._path / key).unlink(missing_ok=True)

    def check(self, stop: Stop) -> None:
        """Make the folder, and a file in it that is gone at once."""
        with self._told("written"):
            _make(self._path)
            with _part(self._path) as (file, _):
                file.write(b"x")

    def close(self) -> None:
        """Nothing is kept."""

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = f"the artifact store's folder {self._path}"
            if error.errno in _FULL:
                raise ArtifactStoreError(f"{place} is full; free some space, or give it more") from error
            if error.errno in _NOT_OURS:
                raise ArtifactStoreConfigurationError(
                    f"{place} cannot be {what} ({error.strerror}); mount a volume there that this process may write to"
                ) from error
            raise ArtifactStoreError(f"{place} cannot be {what} ({error.strerror})") from error


class _Reading:
    def __init__(self, file: BinaryIO, size: int, offset: int, length: int, *, told: _Told) -> None:
        self.size = size
        self.offset = offset
        self.length = length
        self._file = file
        self._at, self._end = offset, offset + length
        self._told = told

    def read(self, stop: Stop) -> bytes:
        stop.check()
        with self._told("read"):
            piece = os.pread(self._file.fileno(), min(PIECE_BYTES, self._end - self._at), self._at)
        self._at += len(piece)
        return piece

    def close(self) -> None:
        self._file.close()


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


@contextlib.contextmanager
def _part(folder: Path) -> Iterator[tuple[BinaryIO, Callable[[Path, int], None]]]:
    """Open a file in the folder that nobody sees as an object, and yield it with what makes it one of so many bytes."""
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, _MODE)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_NAMELESS:
            raise
    else:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            yield file, functools.partial(_name, Path(f"/proc/self/fd/{descriptor}"))
        return
    part = _part_name(folder)
    with part.open("xb", buffering=0) as file:
        try:
            yield file, functools.partial(_rename, part)
        finally:
            part.unlink(missing_ok=True)


def _part_name(folder: Path) -> Path:
    return folder / f"{PART_PREFIX}{secrets.token_hex(8)}"


def _write(file: BinaryIO, piece: bytes) -> None:
    view = memoryview(piece)
    while view:  # a raw file may take less than it is given
        view = view[file.write(view) :]


def _name(nameless: Path, target: Path, size: int) -> None:
    """Give a file its name. Whoever else has stored the object meanwhile has stored the same."""
    try:
        _link(nameless, target)
    except FileExistsError:
        if target.stat().st_size == size:
            return
        # Another hand than this left half an object there: it is replaced, and at no time is there none.
        part = _part_name(target.parent)
        _link(nameless, part)
        part.replace(target)


def _rename(part: Path, target: Path, size: int) -> None:
    part.replace(target)


def _link(source: Path, target: Path) -> None:
    # Only with a folder's descriptor does Python have links followed, as /proc's are to be (open(2), O_TMPFILE).
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.link(source, target.name, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
