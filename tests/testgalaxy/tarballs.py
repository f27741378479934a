"""Collection tarballs: the chain of checksums from MANIFEST.json over FILES.json to each file, and the archive."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

# Built twice, a tarball must have the same digest: nothing in it may depend on the clock or the user.
_MTIME = 1735689600


@dataclass(frozen=True)
class Chain:
    """MANIFEST.json and FILES.json, as values and as the very bytes in the tarball."""

    manifest: dict[str, Any]
    files: dict[str, Any]
    manifest_json: bytes
    files_json: bytes


def make_chain(info: Mapping[str, Any], members: Mapping[str, bytes]) -> Chain:
    """A chain that holds for these files."""
    files = files_value({name: hashlib.sha256(data).hexdigest() for name, data in members.items()})
    return chain_of(info, files)


def chain_of(info: Mapping[str, Any], files: dict[str, Any]) -> Chain:
    """A MANIFEST for a FILES that is there already."""
    files_json = pretty(files)
    manifest = {
        "collection_info": dict(info),
        "file_manifest_file": {
            "name": "FILES.json",
            "ftype": "file",
            "chksum_type": "sha256",
            "chksum_sha256": hashlib.sha256(files_json).hexdigest(),
            "format": 1,
        },
        "format": 1,
    }
    return Chain(manifest, files, pretty(manifest), files_json)


def files_value(digests: Mapping[str, str]) -> dict[str, Any]:
    """FILES.json for files with these digests: the root, then folders and files by name."""
    folders = {str(parent) for name in digests for parent in PurePosixPath(name).parents} - {"."}
    entries = [file_entry(name, digests.get(name)) for name in sorted({*folders, *digests})]
    return {"files": [file_entry(".", None), *entries], "format": 1}


def file_entry(name: str, digest: str | None) -> dict[str, Any]:
    """One entry of FILES.json; without a digest a folder."""
    return {
        "name": name,
        "ftype": "file" if digest else "dir",
        "chksum_type": "sha256" if digest else None,
        "chksum_sha256": digest,
        "format": 1,
    }


def pretty(value: object) -> bytes:
    """JSON as ansible-galaxy writes it into tarballs."""
    return json.dumps(value, indent=True).encode()


def make_tarball(chain: Chain, members: Mapping[str, bytes], *, level: int = 6) -> bytes:
    """The archive: MANIFEST.json and FILES.json first, then every folder and file that FILES.json names."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=level, mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for info, data in _members(chain, members):
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _members(chain: Chain, members: Mapping[str, bytes]) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    yield _info("MANIFEST.json", chain.manifest_json), chain.manifest_json
    yield _info("FILES.json", chain.files_json), chain.files_json
    for entry in chain.files["files"]:
        if entry["name"] == ".":
            continue
        data = members[entry["name"]] if entry["ftype"] == "file" else None
        yield _info(entry["name"], data), data or b""


def _info(name: str, data: bytes | None) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime = _MTIME
    if data is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    else:
        info.size, info.mode = len(data), 0o644
    return info
