"""Tarballs made by hand, block by block: good ones, and such as no tool would make."""

import gzip
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from collectionsync.artifacts.errors import TarballError
from collectionsync.artifacts.tarball import read_head, verify_chain, verify_members
from collectionsync.artifacts.unpacking import Bounds
from testgalaxy.tarballs import Chain, chain_of, file_entry

BLOCK = 512
END = bytes(2 * BLOCK)
INFO = {"namespace": "acme", "name": "tools", "version": "1.0.0"}
BOUNDS = Bounds(always=4 * 1024 * 1024, ratio=100, most=64 * 1024 * 1024)
"""Less than what users have, so that tests need not unpack as much."""


def header(
    name: bytes,
    size: int = 0,
    kind: bytes = b"0",
    *,
    link: bytes = b"",
    prefix: bytes = b"",
    size_field: bytes | None = None,
    magic: bytes = b"ustar\x0000",
    checksum: bytes | None = None,
) -> bytes:
    """A header; fields that are given whole are written as they are."""
    sized = b"%011o\0" % size if size_field is None else size_field
    fields = [
        name.ljust(100, b"\0"),
        b"0000644\0",
        b"0000000\0",
        b"0000000\0",
        sized,
        b"14750000000\0",
        b" " * 8,
        kind,
        link.ljust(100, b"\0"),
        magic.ljust(8, b"\0"),
        bytes(80),
        prefix.ljust(155, b"\0"),
        bytes(12),
    ]
    block = b"".join(fields)
    assert len(block) == BLOCK
    said = b"%06o\0 " % sum(block) if checksum is None else checksum
    return block[:148] + said + block[156:]


def padded(data: bytes) -> bytes:
    """Data as an archive has it: up to the end of its last block."""
    return data + bytes(-len(data) % BLOCK)


def member(name: bytes | str, data: bytes = b"", kind: bytes = b"0", **fields: Any) -> bytes:
    """A member: a header and its data."""
    name = name.encode() if isinstance(name, str) else name
    return header(name, len(data), kind, **fields) + padded(data)


def folder(name: str) -> bytes:
    """A folder, as tarfile writes it."""
    return member(name + "/", kind=b"5")


def link(name: str, target: str) -> bytes:
    """A symbolic link."""
    return member(name, kind=b"2", link=target.encode())


def record(key: bytes, value: bytes) -> bytes:
    """A record of an extended header (pax)."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(str(length)) + len(rest):
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def pax(kind: bytes = b"x", **values: bytes) -> bytes:
    """An extended header for the member that follows."""
    return member("PaxHeaders/x", b"".join(record(key.encode(), value) for key, value in values.items()), kind)


def packed(*parts: bytes, end: bytes = END) -> bytes:
    """An artifact of these members."""
    return gzip.compress(b"".join(parts) + end, 1, mtime=0)


def chained(files: Sequence[Mapping[str, Any]], info: Mapping[str, Any] = INFO) -> Chain:
    """A MANIFEST.json for a FILES.json with these entries."""
    return chain_of(info, {"files": [file_entry(".", None), *files], "format": 1})


def listed(name: str, data: bytes | None) -> dict[str, Any]:
    """An entry of FILES.json; without data a folder."""
    return file_entry(name, None if data is None else hashlib.sha256(data).hexdigest())


def head(chain: Chain) -> bytes:
    """The members that come first."""
    return member("MANIFEST.json", chain.manifest_json) + member("FILES.json", chain.files_json)


def collection(*members: bytes, files: Sequence[Mapping[str, Any]], end: bytes = END) -> bytes:
    """An artifact whose FILES.json has these entries."""
    return packed(head(chained(files)), *members, end=end)


README = b"# Tools\n"
MODULE = b"#!/usr/bin/python\n" * 100
GOOD_FILES = [
    listed("README.md", README),
    listed("plugins", None),
    listed("plugins/modules", None),
    listed("plugins/modules/hello.py", MODULE),
    listed("plugins/modules/hi.py", MODULE),
    listed("modules", None),
]
GOOD_MEMBERS = [
    member("README.md", README),
    folder("plugins"),
    folder("plugins/modules"),
    member("plugins/modules/hello.py", MODULE),
    link("plugins/modules/hi.py", "hello.py"),
    link("modules", "plugins/modules"),
]
GOOD = collection(*GOOD_MEMBERS, files=GOOD_FILES)


def read(artifact: bytes, bounds: Bounds = BOUNDS) -> tuple[bytes, bytes]:
    """MANIFEST.json and FILES.json of an artifact."""
    files = io.BytesIO()
    manifest = read_head(io.BytesIO(artifact), size=len(artifact), files=files, bounds=bounds)
    return manifest, files.getvalue()


def check(artifact: bytes, bounds: Bounds = BOUNDS, **version: str) -> None:
    """Check an artifact in every way, as a sync with `verify: Members` does; by default that of INFO."""
    manifest, files = read(artifact, bounds)
    verify_chain(manifest, hashlib.sha256(files).hexdigest(), **(version or INFO))
    verify_members(io.BytesIO(artifact), files, size=len(artifact), bounds=bounds)


def refusal(artifact: bytes, bounds: Bounds = BOUNDS) -> TarballError:
    """The error that a check of an artifact ends with."""
    with pytest.raises(TarballError) as raised:
        check(artifact, bounds)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 600
    return raised.value
