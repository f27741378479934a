"""A document on disk between source and database: digested on the way, never whole in memory.

A spool file lets a broken download start again without a rollback, frees the database from the source's pace, and gives
the length that binary COPY needs. It is unlinked from the start, so nothing is left behind by any kind of death.
"""

import errno
import hashlib
import mmap
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from collectionsync.byte_budget import ByteBudget

# Small enough for the heap's free lists, large enough that the calls do not show.
CHUNK_BYTES = 64 * 1024
# A compressed or chunked body does not say how large it is.
_UNKNOWN_SIZE_BYTES = 2 * 1024 * 1024
_NUL = b"\\u0000"
# An even number of backslashes before it are characters of their own, and it is then no escape.
_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class NulSearch:
    """Looks for the escape of NUL in a JSON text that comes in pieces: no text of PostgreSQL can hold it."""

    def __init__(self) -> None:
        self.found = False
        self._open = b""

    def feed(self, chunk: bytes) -> None:
        """Look at the next piece."""
        if self.found:
            return
        text = self._open + chunk if self._open else chunk
        # From the right: CPython 3.11 looks three times as fast in that direction.
        self.found = text.rfind(_NUL) >= 0 and _NUL_ESCAPE.search(text) is not None
        self._open = _begun_escape(text)


def _begun_escape(text: bytes) -> bytes:
    """Return the escape that `text` ends in the middle of, if that could become a NUL."""
    at = text.rfind(b"\\", max(0, len(text) - len(_NUL) + 1))
    if at < 0 or not _NUL.startswith(text[at:]):
        return b""
    backslashes = at + 1 - len(text[: at + 1].rstrip(b"\\"))
    return text[at:] if backslashes % 2 else b""


class SpoolError(Exception):
    """The spool folder cannot take a document."""

    reason = "SpoolUnavailable"

    def __init__(self, folder: Path, error: OSError) -> None:
        what = "is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"cannot be written ({error.strerror})"
        super().__init__(f"the folder for spool files {what}: {folder}; free some space, or name another with --spool")


class Spool:
    """A document as it comes; a Sink for the Galaxy client and, once whole, a Document for the store.

    Its bytes are taken from `budget` when its size is announced and given back by close(). `digested` and `searched`
    say whether anybody will ask for its digest, and for an escape of NUL in it: both take time by the byte.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        budget: ByteBudget | None = None,
        *,
        digested: bool = True,
        searched: bool = True,
    ) -> None:
        self.kind = kind
        self._digested = digested
        self._searched = searched
        self._folder = folder
        self._budget = budget
        self._held = 0
        try:
            self._file: BinaryIO = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - close() closes it
        except OSError as error:
            raise SpoolError(folder, error) from error
        self._forget()

    def _forget(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()
        self._nul = NulSearch()

    @property
    def has_nul(self) -> bool:
        """Whether an escape of NUL was written."""
        assert self._searched, "nobody has looked"
        return self._nul.found

    @property
    def sha256(self) -> str:
        """The digest of what was written, as hexadecimal digits."""
        assert self._digested, "nobody has computed it"
        return self._digest.hexdigest()

    async def begin(self, size: int | None) -> None:
        """Start over, and wait until the budget has room for `size` bytes.

        Raises:
            SpoolError: the disk does not let go of what came before.
        """
        self._give_back()
        if self.size:
            self._empty()
        if self._budget is not None:
            self._held = await self._budget.acquire(_UNKNOWN_SIZE_BYTES if size is None else size)

    def _empty(self) -> None:
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as error:
            raise SpoolError(self._folder, error) from error
        self._forget()

    def write(self, chunk: bytes) -> None:
        """Append to the document.

        Raises:
            SpoolError: the disk does not take it.
        """
        try:
            written = self._file.write(chunk)
            while written < len(chunk):  # a raw file may write less than it was given
                written += self._file.write(chunk[written:])
        except OSError as error:
            raise SpoolError(self._folder, error) from error
        self.size += len(chunk)
        if self._digested:
            self._digest.update(chunk)
        if self._searched:
            self._nul.feed(chunk)

    def chunks(self) -> Iterator[bytes]:
        """Yield the document.

        Raises:
            SpoolError: the disk does not give it back.
        """
        for offset in range(0, self.size, CHUNK_BYTES):
            try:
                chunk = os.pread(self._file.fileno(), min(CHUNK_BYTES, self.size - offset), offset)
            except OSError as error:
                raise SpoolError(self._folder, error) from error
            yield chunk

    def reader(self) -> BinaryIO:
        """Return the document as a file at its start. It is the spool's own: close() ends it, and one reads at a time.

        Raises:
            SpoolError: the disk does not let it be read.
        """
        try:
            self._file.seek(0)
        except OSError as error:
            raise SpoolError(self._folder, error) from error
        return self._file

    def mapped(self) -> mmap.mmap:
        """Return the document as memory that the kernel fills from the file, and takes back, as it likes.

        Raises:
            ValueError: the document is empty.
            SpoolError: the file system of the folder, or the process, takes no more mappings.
        """
        try:
            return mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise SpoolError(self._folder, error) from error

    def close(self) -> None:
        """Forget the document and give its bytes back to the budget; harmless twice."""
        self._file.close()
        self._give_back()

    def _give_back(self) -> None:
        if self._budget is not None and self._held:
            self._budget.release(self._held)
            self._held = 0
