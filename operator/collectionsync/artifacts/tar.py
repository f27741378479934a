"""Tar archives, read forwards and strictly: ustar, pax (path, linkpath, size) and GNU's long names; POSIX.1-2024, pax.

The standard library's reader takes an extended header into memory whatever its size, and is lenient where two readers
could see two archives. What ansible-galaxy writes passes here; what it could not install, or only by accident, does
not.
"""

import itertools
import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from collectionsync.artifacts.errors import TarballError, shown
from collectionsync.artifacts.unpacking import Unpacked

BLOCK_BYTES = 512
MOST_MEMBERS = 60_000
"""How many members an archive may have; community.general, of the largest, has about 5,000."""
LONGEST_NAME_BYTES = 4096
"""What Linux takes for a path (PATH_MAX)."""
# Real ones have a few hundred bytes: a name, a time with its fractions.
_LARGEST_EXTENDED_HEADER_BYTES = 64 * 1024
_MOST_EXTENDED_HEADERS = 4  # before one member: pax, and GNU's for name and link
_LARGEST_FILE_BYTES = 2**40

_END = bytes(BLOCK_BYTES)
_OCTAL = re.compile(rb" *([0-7]{1,12})[ \0]*", re.ASCII)
# Mode, uid, gid, time, and a device's two: of no use here, but where the standard library cannot read one of these it
# takes that for the archive's end.
_NUMBERS = ((100, 108), (108, 116), (116, 124), (136, 148), (329, 337), (337, 345))
_NUMBER = re.compile(rb" *[0-7]*[ \0]*|[\x80\xff].*", re.DOTALL)
_PAX_LENGTH = re.compile(rb"([1-9][0-9]{0,6}) ", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)


class Kind(Enum):
    """What a member is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"


class Member(NamedTuple):
    """A member: its name without slashes at its end, the bytes of its data, and for a link where it points."""

    name: str
    kind: Kind
    size: int
    target: str


class _Extended(NamedTuple):
    """What extended headers say of the next member."""

    name: str | None = None
    target: str | None = None
    size: int | None = None


_TYPES = {b"0": Kind.FILE, b"\0": Kind.FILE, b"5": Kind.FOLDER, b"2": Kind.LINK}
_REFUSED = {b"1": "a hard link", b"3": "a device", b"4": "a device", b"6": "a FIFO", b"S": "a sparse file"}


class Archive:
    """An archive's members. Every method raises TarballError where it is none, or one that nobody should unpack."""

    def __init__(self, unpacked: Unpacked) -> None:
        self._unpacked = unpacked
        self._data = 0
        self._padding = 0

    def members(self) -> Iterator[Member]:
        """Yield the members in their order. What data() did not give of one is passed over before the next."""
        for count in itertools.count():
            member = self._next()
            if member is None:
                return
            if count == MOST_MEMBERS:
                raise TarballError("TooManyMembers", f"the artifact has more than {MOST_MEMBERS} members")
            yield member

    def data(self) -> Iterator[memoryview]:
        """Yield the data of the member that members() gave last, once."""
        for piece in self._unpacked.pieces(self._data):
            self._data -= len(piece)
            yield piece

    def end(self) -> None:
        """Read on behind the last member, to the end of the artifact: there must be zeros, and no more than that."""
        for piece in self._unpacked.rest():
            if bytes(piece).strip(b"\0"):
                raise TarballError("TrailingData", "the artifact goes on behind the end of its tar archive")

    def _next(self) -> Member | None:
        extended = _Extended()
        for before in range(_MOST_EXTENDED_HEADERS + 1):
            self._pass_over()
            block = self._unpacked.read(BLOCK_BYTES)
            if block == _END:
                if before or self._unpacked.read(BLOCK_BYTES) != _END:
                    raise TarballError("InvalidTar", "the artifact's tar archive does not end as one")
                return None
            _check_header(block)
            kind, size = block[156:157], _number(block[124:136])
            if kind not in b"xgLK":
                return self._member(block, size, extended)
            extended = self._extended(kind, size, extended)
        raise TarballError("InvalidTar", "the artifact has one extended header after the other, and no member to them")

    def _pass_over(self) -> None:
        for _ in self._unpacked.pieces(self._data + self._padding):
            pass
        self._data = self._padding = 0

    def _extended(self, kind: bytes, size: int, before: _Extended) -> _Extended:
        if size > _LARGEST_EXTENDED_HEADER_BYTES:
            raise TarballError(
                "HeaderTooLarge",
                f"the artifact has an extended header of {size} bytes; {_LARGEST_EXTENDED_HEADER_BYTES} are allowed",
            )
        padded = self._unpacked.read(size + -size % BLOCK_BYTES)
        content = padded[:size]
        if any(padded[size:]):  # there are readers that go by the block, and not by the size
            raise TarballError("InvalidTar", "the artifact has an extended header that goes on behind its end")
        if kind == b"L":
            found = _Extended(name=_text(content.split(b"\0", 1)[0]))
        elif kind == b"K":
            found = _Extended(target=_text(content.split(b"\0", 1)[0]))
        else:
            found = _pax(content)
        if kind == b"g" and found != _Extended():
            raise TarballError("InvalidTar", "the artifact has a header that gives all members one name or size")
        if any(one is not None and other is not None for one, other in zip(before, found, strict=True)):
            raise TarballError("InvalidTar", "the artifact gives a member two names, sizes or targets")
        return before._replace(**{key: value for key, value in found._asdict().items() if value is not None})

    def _member(self, block: bytes, size: int, extended: _Extended) -> Member:
        plain = _plain_name(block)
        name = extended.name if extended.name is not None else _text(plain)
        kind = _TYPES.get(block[156:157])
        if kind is None:
            what = _REFUSED.get(block[156:157], "a member of an unknown type")
            raise TarballError("ForbiddenMember", f"{shown(name)} is {what}, which no collection has")
        if block[156:157] == b"\0" and plain.endswith(b"/"):
            kind = Kind.FOLDER  # as before POSIX, and as the standard library has it
        target = ""
        if kind is Kind.LINK:
            target = extended.target if extended.target is not None else _text(block[157:257].split(b"\0", 1)[0])
        size = size if extended.size is None else extended.size
        if kind is not Kind.FILE and size:
            raise TarballError("InvalidTar", f"{shown(name)} is a {kind.value} with data")
        self._data, self._padding = size, -size % BLOCK_BYTES
        return Member(_checked(name, kind), kind, size, target)


def _plain_name(block: bytes) -> bytes:
    name, prefix = block[:100].split(b"\0", 1)[0], block[345:500].split(b"\0", 1)[0]
    return prefix + b"/" + name if prefix else name


def _check_header(block: bytes) -> None:
    if not all(_NUMBER.fullmatch(block[start:end]) for start, end in _NUMBERS):
        raise TarballError("InvalidTar", "the artifact holds a tar header with letters in place of a number")
    said = _OCTAL.fullmatch(block[148:156])
    if said is None or int(said[1], 8) != sum(block[:148]) + 8 * ord(" ") + sum(block[156:]):
        raise TarballError("InvalidTar", "the artifact holds a tar header whose checksum is wrong: it is damaged")


def _number(field: bytes) -> int:
    """Return a size: octal digits, or from 8 GiB on base 256 with the top bit set (GNU)."""
    if field[0] & 0x80:
        size = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")  # of a negative one, most bits are set
    elif match := _OCTAL.fullmatch(field):
        size = int(match[1], 8)
    else:
        raise TarballError("InvalidTar", "the artifact holds a tar header whose size is no number")
    return _possible(size)


def _possible(size: int) -> int:
    if size > _LARGEST_FILE_BYTES:
        raise TarballError("TooLarge", "the artifact says of a member that it has more than a tebibyte, or less than 0")
    return size


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise TarballError("InvalidName", f"{shown(ascii(name))} is the name of a member, and not UTF-8") from None


def _pax(content: bytes) -> _Extended:
    """Read records of the form `LENGTH KEY=VALUE LF`; of a key that comes twice, the last."""
    found = _Extended()
    at = 0
    while at < len(content):
        match = _PAX_LENGTH.match(content, at)
        end = at + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(content) or content[end - 1] != ord("\n"):
            raise TarballError("InvalidTar", "the artifact holds an extended header that is cut off or overlong")
        key, _, value = content[match.end() : end - 1].partition(b"=")
        if key.startswith(b"GNU.sparse."):
            raise TarballError("ForbiddenMember", "the artifact holds a sparse file, which no collection has")
        if key == b"path":
            found = found._replace(name=_text(value))
        elif key == b"linkpath":
            found = found._replace(target=_text(value))
        elif key == b"size":
            found = found._replace(size=_pax_size(value))
        at = end
    return found


def _pax_size(value: bytes) -> int:
    text = value.decode("ascii", "replace")
    if not _DIGITS.fullmatch(text):
        raise TarballError("InvalidTar", f"the artifact says of a member that its size is {shown(text)!r}")
    return _possible(int(text))


def _checked(name: str, kind: Kind) -> str:
    """Return the name of a member as it lies below the collection's folder."""
    if name == "." or name.startswith("./"):
        raise TarballError(
            "DotSlashNames",
            f"the artifact's members are named {shown(name)} and the like; ansible-galaxy looks for MANIFEST.json"
            " without the ./ before it, and installs no such artifact",
        )
    stripped = name.rstrip("/") if kind is Kind.FOLDER else name
    parts = stripped.split("/")
    if "\0" in name or len(name.encode()) > LONGEST_NAME_BYTES or {"", ".", ".."} & {*parts}:
        raise TarballError("InvalidName", f"{shown(name)!r} is no name of a file below the collection's folder")
    return stripped
