"""Real tarballs of restamped versions: all of one original share nearly every compressed byte.

A tarball is one gzip stream of full-flushed deflate blocks (see `documents`): MANIFEST.json with the new number, the
original's FILES.json with one more entry, the original's files, and one more file. What is the original's is compressed
once and kept as compressed bytes alone, so that hundreds of tarballs cost kilobytes each. The chain of digests holds in
every one, and no two are the same.
"""

import copy
import gzip
import hashlib
import io
import json
import tarfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from testgalaxy.documents import Document, Part
from testgalaxy.tarballs import file_entry, pretty

_FRONT = ["MANIFEST.json", "FILES.json"]
# Two blocks of zeros end an archive (pax(1), "ustar Interchange Format").
_END = bytes(2 * tarfile.BLOCKSIZE)


class RestampedTarball(NamedTuple):
    """A tarball with its digest, its MANIFEST.json as a value, and the entry that its FILES.json has besides."""

    tarball: Document
    sha256: str
    manifest: dict[str, Any]
    entry: dict[str, Any]


class TarballStamp:
    """The tarball of one original, cut open where its stamps go."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(path.read_bytes()))) as tar:
            members = tar.getmembers()
            if [member.name for member in members[:2]] != _FRONT:
                raise LookupError(f"{path.name} does not begin with {' and '.join(_FRONT)}")
            manifest, listed = (_read(tar, member) for member in members[:2])
        self._manifest: dict[str, Any] = json.loads(manifest)
        self._pattern = members[1]
        cut = len(listed[: listed.rindex(b"]")].rstrip())
        self._listed, self._list_end = Part(listed[:cut]), listed[cut:]
        self._listed_digest = hashlib.sha256(listed[:cut])
        self._members = _Members(path, _end(members[1]), _end(members[-1]))
        self._members.deflated()

    def tarball(self, info: Mapping[str, Any]) -> RestampedTarball:
        """The tarball with another `collection_info`, whose version must be none that was stamped before."""
        said = f"{info['namespace']}.{info['name']} {info['version']}\n".encode()
        entry = file_entry(f"changelogs/{info['version']}.txt", hashlib.sha256(said).hexdigest())
        entry_and_end = b",\n" + textwrap.indent(pretty(entry).decode(), "  ").encode() + self._list_end
        digest = self._listed_digest.copy()
        digest.update(entry_and_end)
        files = {**self._manifest["file_manifest_file"], "chksum_sha256": digest.hexdigest()}
        manifest = {**self._manifest, "collection_info": dict(info), "file_manifest_file": files}
        manifest_json, files_size = pretty(manifest), self._listed.size + len(entry_and_end)
        archive = Document(
            self._header("MANIFEST.json", len(manifest_json)) + manifest_json + _padding(len(manifest_json)),
            self._header("FILES.json", files_size),
            self._listed,
            entry_and_end + _padding(files_size),
            self._members,
            self._header(entry["name"], len(said)) + said + _padding(len(said)) + _END,
        )
        packed = Document(*archive.gzip_parts())
        return RestampedTarball(packed, _sha256(packed), manifest, entry)

    def _header(self, name: str, size: int) -> bytes:
        header = copy.copy(self._pattern)
        header.name, header.size = name, size
        return header.tobuf(tarfile.PAX_FORMAT)


class _Members(Part):
    """A stretch of a tarball's archive: unpacked again when its bytes are asked for, which is once to compress them."""

    __slots__ = ("_path", "_start")

    def __init__(self, path: Path, start: int, end: int) -> None:
        super().__init__(b"")
        self._path = path
        self._start = start
        self.size = end - start

    @property
    def data(self) -> bytes:
        """The headers and files of the stretch."""
        return gzip.decompress(self._path.read_bytes())[self._start : self._start + self.size]


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None, f"{member.name} is no file"
    return file.read()


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def _end(member: tarfile.TarInfo) -> int:
    return member.offset_data + member.size + -member.size % tarfile.BLOCKSIZE


def _sha256(packed: Document) -> str:
    digest = hashlib.sha256()
    for part in packed.parts():
        digest.update(part)
    return digest.hexdigest()
