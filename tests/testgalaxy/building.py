"""Real collections out of the sdist: one pass over its 58,000 files, one collection in memory at a time.

Can be run by several processes at once, each doing its share. What one has made appears whole, by a rename.
"""

import hashlib
import json
import os
import shutil
import signal
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from testgalaxy import sources
from testgalaxy.documents import as_stored, dumps
from testgalaxy.fragments import FOLDER as FRAGMENTS_FOLDER
from testgalaxy.fragments import Fragments
from testgalaxy.importing import contents_of, docs_blob
from testgalaxy.tarballs import Chain, chain_of, make_tarball
from testgalaxy.yamldocs import load_yaml

_ROOT = "ansible_collections"
# Faster than the usual 6, and nobody waits for these downloads.
_LEVEL = 4


@dataclass(frozen=True)
class Share:
    """What one process is to build: of the collections still wanted, every `of`-th from `index` on."""

    sdist: Path
    folder: Path
    wanted: frozenset[str] | None
    built: frozenset[str]
    index: int = 0
    of: int = 1


def work(share: Share, seen: "SimpleQueue[list[str]]") -> None:
    """Build a share in a process of its own. Ctrl-C ends it without a word, for its parent has that word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    seen.put(build_share(share))


def build_share(share: Share) -> list[str]:
    """Build this process's collections; gives the names of all that the sdist holds, as far as it was read."""
    fragments = Fragments()
    names: list[str] = []
    turn = 0
    for name, members in _collections(share, fragments):
        names.append(name)
        if members is not None:
            if turn % share.of == share.index:
                _build(share.folder, name, members, fragments)
            turn += 1
    return names


def _is_wanted(share: Share, name: str) -> bool:
    return name not in share.built and (share.wanted is None or name in share.wanted)


def _collections(share: Share, fragments: Fragments) -> Iterator[tuple[str, dict[str, bytes] | None]]:
    """Each collection with its files, or with None when it is not wanted; ends early when nothing more is."""
    current = ""
    members: dict[str, bytes] | None = None
    left = None if share.wanted is None else set(share.wanted) - share.built
    with tarfile.open(share.sdist, "r|gz") as tar:
        for member in tar:
            parts = member.name.split("/", 4)
            if len(parts) < 5 or parts[1] != _ROOT:
                continue
            name, path = f"{parts[2]}.{parts[3]}", parts[4]
            if name != current:
                if current:
                    yield current, members
                if left is not None:
                    left.discard(current)
                    if not left:
                        return
                current, members = name, {} if _is_wanted(share, name) else None
            _keep(tar, member, path, name, members, fragments)
    if current:
        yield current, members


def _keep(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    path: str,
    name: str,
    members: dict[str, bytes] | None,
    fragments: Fragments,
) -> None:
    """Read a file if its collection is wanted, or if others may want it as a fragment."""
    if not member.isfile() or (members is None and not path.startswith(FRAGMENTS_FOLDER)):
        return
    file = tar.extractfile(member)
    assert file is not None
    data = file.read()
    fragments.see(name, path, data)
    if members is not None:
        members[path] = data


def _build(folder: Path, name: str, members: dict[str, bytes], fragments: Fragments) -> None:
    chain, regenerated = _checked_chain(members)
    info = chain.manifest["collection_info"]
    tarball = make_tarball(chain, members, level=_LEVEL)
    blob = docs_blob(name, members, info.get("readme") or "README.md", fragments)
    documents = {
        "manifest": dumps(as_stored(chain.manifest)),
        "files": dumps(as_stored(chain.files)),
        "contents": dumps(as_stored(contents_of(blob))),
        "docs": dumps({"docs_blob": as_stored(blob)}),
    }
    about = {
        "info": info,
        "sha256": hashlib.sha256(tarball).hexdigest(),
        "size": len(tarball),
        "requires_ansible": _requires_ansible(members),
        "regenerated": regenerated,
    }
    _publish(folder, name, about, documents, tarball)
    line = f"{name} {info['version']}: {len(tarball):,} bytes, docs {len(documents['docs']):,}"
    print(f"  built {line}", file=sys.stderr, flush=True)  # noqa: T201 - half a minute without a word is too long


def _checked_chain(members: Mapping[str, bytes]) -> tuple[Chain, bool]:
    """The collection's own MANIFEST and FILES if all that they name is there; otherwise new ones for what is."""
    manifest = json.loads(members["MANIFEST.json"])
    files = json.loads(members["FILES.json"])
    kept = [entry for entry in files["files"] if _holds(entry, members)]
    digest = hashlib.sha256(members["FILES.json"]).hexdigest()
    if len(kept) == len(files["files"]) and digest == manifest["file_manifest_file"]["chksum_sha256"]:
        return Chain(manifest, files, members["MANIFEST.json"], members["FILES.json"]), False
    return chain_of(manifest["collection_info"], {**files, "files": kept}), True


def _holds(entry: Mapping[str, Any], members: Mapping[str, bytes]) -> bool:
    if entry["ftype"] != "file":
        return True
    data = members.get(entry["name"])
    return data is not None and hashlib.sha256(data).hexdigest() == entry["chksum_sha256"]


def _requires_ansible(members: Mapping[str, bytes]) -> str | None:
    runtime = load_yaml(members.get("meta/runtime.yml", b""))
    value = runtime.get("requires_ansible") if isinstance(runtime, dict) else None
    return str(value) if value is not None else None


def _publish(folder: Path, name: str, about: Mapping[str, Any], documents: Mapping[str, bytes], tarball: bytes) -> None:
    scratch = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}-"))
    try:
        sources.save(scratch, about, documents, tarball)
        os.replace(scratch, folder / name)  # noqa: PTH105 - the folder must not exist, which pathlib says less clearly
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
