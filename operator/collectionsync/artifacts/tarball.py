"""What a collection's artifact holds: its MANIFEST.json and FILES.json byte by byte, and whether they fit.

The chain goes from the artifact's digest over MANIFEST.json to FILES.json, and from there to each file. Its head is
enough for the first two: ansible-galaxy writes them first. Nothing here waits or talks; it takes processor time, so
artifacts of some size are a thread's work. Every function raises TarballError, with a reason, and nothing else for what
an artifact holds.
"""

import re
from collections.abc import Iterable
from typing import Annotated, BinaryIO, Protocol

import msgspec

from collectionsync.artifacts.errors import TarballError, shown
from collectionsync.artifacts.listing import Text
from collectionsync.artifacts.members import check_members
from collectionsync.artifacts.tar import Archive, Kind, Member
from collectionsync.artifacts.unpacking import Bounds, Unpacked

MANIFEST_LIMIT_BYTES = 1024 * 1024
FILES_LIMIT_BYTES = 64 * 1024 * 1024
"""The largest known are 4 MB."""

BOUNDS = Bounds()

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LIMITS = {"MANIFEST.json": MANIFEST_LIMIT_BYTES, "FILES.json": FILES_LIMIT_BYTES}


class Sink(Protocol):
    """Where FILES.json goes, which may be large: a file, or what spools a document."""

    def write(self, chunk: bytes) -> object:
        """Take the next piece."""


class _Info(msgspec.Struct):
    namespace: str
    name: str
    version: str


class _FileManifest(msgspec.Struct):
    chksum_sha256: Annotated[str, msgspec.Meta(max_length=64)]
    name: str = "FILES.json"


class _Manifest(msgspec.Struct):
    collection_info: _Info
    file_manifest_file: _FileManifest


def read_head(file: BinaryIO, *, size: int, files: Sink, bounds: Bounds = BOUNDS) -> bytes:
    """Return MANIFEST.json, and write FILES.json to `files`, both as they are in the first `size` bytes of `file`.

    Nothing behind the second of the two is read, wherever they are. `file` is left anywhere.

    Raises:
        TarballError: one of them is missing or too large, or what comes before them is no archive of a collection.
    """
    manifest: bytes | None = None
    missing = set(_LIMITS)
    archive = Archive(Unpacked(file, size=size, bounds=bounds))
    for member in archive.members():
        if member.name not in missing:
            continue
        _check_size(member)
        missing.remove(member.name)
        if member.name == "MANIFEST.json":
            manifest = b"".join(archive.data())
        else:
            _copy(archive.data(), files)
        if not missing:
            assert manifest is not None, "it is one of the two"
            return manifest
    name = max(missing)
    reason = {"MANIFEST.json": "MissingManifest", "FILES.json": "MissingFiles"}[name]
    raise TarballError(reason, f"the artifact holds no {name}, so it is no collection")


def _check_size(member: Member) -> None:
    if member.kind is not Kind.FILE:
        raise TarballError("ForbiddenMember", f"{member.name} is a {member.kind.value} and not a file")
    if member.size > _LIMITS[member.name]:
        raise TarballError(
            "TooLarge",
            f"{member.name} has {member.size} bytes; {_LIMITS[member.name]} are allowed, a collection has less",
        )


def _copy(pieces: Iterable[memoryview], files: Sink) -> None:
    for piece in pieces:
        files.write(bytes(piece))


def verify_chain(manifest: bytes, files_sha256: str, *, namespace: str, name: str, version: str) -> None:
    """Check that a MANIFEST.json is of this version, and vouches for a FILES.json with this digest.

    Raises:
        TarballError: it does not.
    """
    try:
        read = msgspec.json.decode(manifest, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # of which the last is deep nesting
        raise TarballError("InvalidManifest", f"MANIFEST.json is not what ansible-galaxy writes: {error}") from error
    info, wanted = read.collection_info, (namespace, name, version)
    if (info.namespace, info.name, info.version) != wanted:
        told = shown(f"{info.namespace}.{info.name} {info.version}")
        raise TarballError("WrongVersion", f"the artifact is that of {told}, and not of {namespace}.{name} {version}")
    expected = read.file_manifest_file.chksum_sha256
    if read.file_manifest_file.name != "FILES.json" or not _SHA256.fullmatch(expected):
        raise TarballError("InvalidManifest", "MANIFEST.json names no SHA-256 of FILES.json")
    if expected != files_sha256:
        raise TarballError(
            "FilesDigestMismatch", f"FILES.json has the SHA-256 {files_sha256}, and MANIFEST.json says {expected}"
        )


def verify_members(file: BinaryIO, files: Text, *, size: int, bounds: Bounds = BOUNDS) -> None:
    """Check every member of the first `size` bytes of `file` by FILES.json, given as `files`.

    Each file has its digest; what FILES.json names is there, once, and nothing else is, but for folders, which hold
    nothing then; links stay within the collection and lead to what FILES.json says of them; the artifact ends where its
    archive does. It takes about 0.1 s of processor time per compressed megabyte, and is meant for a thread.

    Raises:
        TarballError: anything is not so.
    """
    check_members(Archive(Unpacked(file, size=size, bounds=bounds)), files)
