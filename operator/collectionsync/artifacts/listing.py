"""FILES.json as a table that stays small: about 100 bytes for each entry, whatever it is named.

Fifty thousand names as objects of Python's would be 15 MB. So an entry is one string of bytes: a digest of its name,
the digest of its content, and where it lies in FILES.json, for when the name is to be told. The text is walked through
and never parsed as a whole; a mapped one is let go of on the way.
"""

import bisect
import hashlib
import mmap
import re
from collections.abc import Generator, Iterator
from typing import NamedTuple

import msgspec

from collectionsync.artifacts.errors import TarballError, shown

MOST_FILES = 50_000
"""How many entries there may be; community.general, of the largest, has about 5,000."""

Text = bytes | mmap.mmap

_KEY_BYTES = 16
_SHA256_BYTES = 32
_FOLDER = bytes(_SHA256_BYTES)  # in place of a digest
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LONGEST_BYTES = 64 * 1024  # of an entry, and of whatever else stands beside them
_LET_GO_BYTES = 1024 * 1024

# ansible-galaxy writes {"files": [{…}, …], "format": 1}, whose entries hold no brackets but in strings. What matches is
# then parsed as the JSON that it should be.
_SPACE = rb"[ \t\r\n]*+"
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_START = re.compile(_SPACE + rb"\{" + _SPACE)
_KEY = re.compile(_SPACE + rb"(" + _STRING + rb")" + _SPACE + rb":" + _SPACE, re.DOTALL)
_LIST = re.compile(rb"\[" + _SPACE + rb"(\]?)")
_ENTRY = re.compile(_SPACE + rb'(\{(?:[^"{}\[\]]++|' + _STRING + rb")*+\})" + _SPACE + rb"([,\]])", re.DOTALL)
_VALUE = re.compile(rb"(?:" + _STRING + rb"|[-+.0-9A-Za-z]++)", re.DOTALL)
_NEXT = re.compile(_SPACE + rb"([,}])")
_END = re.compile(_SPACE + rb"\Z")


class _Entry(msgspec.Struct):
    name: str
    ftype: str
    chksum_sha256: str | None = None


class Listed(NamedTuple):
    """An entry: its number in the table, and the digest of its content, or None for a folder."""

    number: int
    sha256: bytes | None


class Listing:
    """What FILES.json says of each name."""

    def __init__(self, files: Text) -> None:
        """Read a FILES.json.

        Raises:
            TarballError: it is not what ansible-galaxy writes, or has too many entries.
        """
        self._text = files
        self._records = sorted(self._entries())
        self._check_twice()

    def __len__(self) -> int:
        return len(self._records)

    def find(self, name: str) -> Listed | None:
        """Return the entry of this name, which is relative to the collection's folder."""
        key = _digest(name)
        at = bisect.bisect_left(self._records, key)
        if at == len(self._records) or not self._records[at].startswith(key):
            return None
        return Listed(at, self.sha256(at))

    def sha256(self, number: int) -> bytes | None:
        """Return the digest of the content of an entry, or None for a folder."""
        digest = self._records[number][_KEY_BYTES : _KEY_BYTES + _SHA256_BYTES]
        return None if digest == _FOLDER else digest

    def name(self, number: int) -> str:
        """Return the name of an entry, as a message can show it."""
        at = int.from_bytes(self._records[number][_KEY_BYTES + _SHA256_BYTES :], "big")
        return shown(_parsed(self._matched(_ENTRY, at, "an entry")[1]).name)

    def _entries(self) -> Iterator[bytes]:
        at, more, found = self._matched(_START, 0, "an object").end(), b",", False
        while more == b",":
            key = self._matched(_KEY, at, "a key")
            at = key.end()
            if key[1] == b'"files"' and not found:
                found = True
                at = yield from self._list(at)
            else:
                at = self._matched(_VALUE, at, "a text or a number").end()
            following = self._matched(_NEXT, at, "a comma or the end")
            at, more = following.end(), following[1]
        self._matched(_END, at, "nothing more")
        if not found:
            raise _invalid("it has no list `files`")

    def _list(self, at: int) -> Generator[bytes, None, int]:
        """Yield a record of each entry, and return where the list ends."""
        opening = self._matched(_LIST, at, "a list")
        at, more = opening.end(), not opening[1]
        kept = at
        for _ in range(MOST_FILES):
            if not more:
                return at
            match = self._matched(_ENTRY, at, "an entry, flat as they are")
            if record := _record(_parsed(match[1]), at):
                yield record
            at, more = match.end(), match[2] == b","
            if at - kept > _LET_GO_BYTES:
                self._let_go()
                kept = at
        if more:
            raise TarballError("TooManyMembers", f"FILES.json has more than {MOST_FILES} entries")
        return at

    def _matched(self, pattern: re.Pattern[bytes], at: int, what: str) -> re.Match[bytes]:
        match = pattern.match(self._text, at, at + _LONGEST_BYTES)
        if match is None:
            raise _invalid(f"{what} is expected (byte {at})")
        return match

    def _let_go(self) -> None:
        """Drop mapped pages from the resident set; they come back from the page cache when they are read."""
        if isinstance(self._text, mmap.mmap) and hasattr(self._text, "madvise"):
            self._text.madvise(mmap.MADV_DONTNEED)

    def _check_twice(self) -> None:
        self._let_go()
        for number in range(1, len(self._records)):
            if self._records[number][:_KEY_BYTES] == self._records[number - 1][:_KEY_BYTES]:
                raise _invalid(f"{self.name(number)} is there twice")


def _parsed(text: bytes) -> _Entry:
    try:
        return msgspec.json.decode(text, type=_Entry)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid(str(error)) from error


def _record(entry: _Entry, at: int) -> bytes | None:
    if entry.ftype == "dir":
        digest = _FOLDER
    elif entry.ftype == "file" and _SHA256.fullmatch(entry.chksum_sha256 or ""):
        digest = bytes.fromhex(entry.chksum_sha256 or "")
    else:
        raise _invalid(f"{shown(entry.name)} is neither a folder nor a file with a SHA-256")
    if entry.name == "." and digest == _FOLDER:
        return None
    return _digest(entry.name) + digest + at.to_bytes(4, "big")


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:_KEY_BYTES]


def _invalid(what: str) -> TarballError:
    return TarballError("InvalidFiles", f"FILES.json is not what ansible-galaxy writes: {what}")
