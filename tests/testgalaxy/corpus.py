"""Real collections to serve: out of the `ansible` sdist, or out of a folder that somebody made ready.

What is built stays in the user's cache, by sdist and collection, so that only the first demo takes time.
"""

import gzip
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from testgalaxy import sources
from testgalaxy.building import Share, work
from testgalaxy.documents import Document, as_stored, document, dumps
from testgalaxy.sdist import CorpusError, ansible_sdist, cache_folder, locked, pinned
from testgalaxy.sources import CollectionSource

__all__ = [
    "CollectionSource",
    "CorpusError",
    "ansible_sdist",
    "built_folder",
    "cache_folder",
    "collections",
    "from_folder",
    "with_dependencies",
]

# Raised when what is built changes its shape: old caches are then left alone and built anew.
_SHAPE = 1
_NAMES = "all.json"


def built_folder() -> Path:
    """Where the built collections of the pinned sdist lie."""
    version, sha256 = pinned()
    folder = cache_folder() / f"corpus-{version}-{sha256[:8]}-{_SHAPE}"
    folder.mkdir(exist_ok=True)
    return folder


def collections(names: Iterable[str] | None = None) -> list[CollectionSource]:
    """Real collections by their names (`ns.name`), or all of them; sorted by name. Built when first asked for."""
    folder = built_folder()
    wanted = sorted(set(names)) if names is not None else None
    if _missing(folder, wanted):
        with locked(folder / ".lock"):
            if _missing(folder, wanted):
                _build(folder, wanted)
    return [sources.load(folder / name) for name in (wanted if wanted is not None else _all_names(folder))]


def with_dependencies(names: Iterable[str]) -> list[CollectionSource]:
    """The named collections and all that they depend on, sorted by name."""
    found: dict[str, CollectionSource] = {}
    wanted = set(names)
    while wanted - found.keys():
        found.update((source.collection, source) for source in collections(wanted - found.keys()))
        wanted.update(name for source in found.values() for name in source.info.get("dependencies") or {})
    return [found[name] for name in sorted(found)]


def _missing(folder: Path, wanted: list[str] | None) -> bool:
    names = _all_names(folder) if wanted is None else wanted
    return not names or any(not (folder / name / "about.json").is_file() for name in names)


def _all_names(folder: Path) -> list[str]:
    path = folder / _NAMES
    return [str(name) for name in json.loads(path.read_text())] if path.is_file() else []


def _build(folder: Path, wanted: list[str] | None) -> None:
    sdist = ansible_sdist()
    for remains in folder.glob(".*-*"):
        shutil.rmtree(remains)
    print(f"building collections out of {sdist.name} into {folder}", file=sys.stderr, flush=True)  # noqa: T201
    built = frozenset(path.parent.name for path in folder.glob("*/about.json"))
    processes = min(len(wanted) if wanted is not None else 97, os.cpu_count() or 1)
    every = frozenset(wanted) if wanted is not None else None
    shares = [Share(sdist, folder, every, built, index, processes) for index in range(processes)]
    names = _run(shares)
    unknown = set(wanted or ()) - set(names) - built
    if unknown:
        raise CorpusError(f"{sdist.name} holds no {', '.join(sorted(unknown))}")
    if wanted is None:
        scratch = folder / f"{_NAMES}.{os.getpid()}"
        scratch.write_text(json.dumps(sorted(names)))
        scratch.replace(folder / _NAMES)


def _run(shares: Sequence[Share]) -> list[str]:
    """Build all shares, each in a process of its own; gives the names of all collections that were seen."""
    context = multiprocessing.get_context("spawn")
    seen = context.SimpleQueue()
    processes = [context.Process(target=work, args=(share, seen)) for share in shares]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    except BaseException:
        for process in processes:
            if process.is_alive():
                process.terminate()
                process.join()
        raise
    if any(process.exitcode for process in processes):
        raise CorpusError("building the collections failed")
    return list(seen.get())


def from_folder(path: Path | str) -> list[CollectionSource]:
    """The collections of a ready folder: index.json, tarballs/ and docs/*.json.gz. Documents are held in memory."""
    root = Path(path)
    index = json.loads((root / "index.json").read_text())
    return [_from_folder(root, stem, about) for stem, about in sorted(index.items())]


def _from_folder(root: Path, stem: str, about: dict[str, Any]) -> CollectionSource:
    artifact = root / "tarballs" / about["filename"]
    manifest, files = _first_members(artifact)
    with gzip.open(root / "docs" / f"{stem}.json.gz") as file:
        docs = json.load(file)
    return CollectionSource(
        info=manifest["collection_info"],
        artifact=artifact,
        sha256=about["sha256"],
        size=about["size"],
        requires_ansible=docs["requires_ansible"],
        regenerated=bool(about.get("regenerated")),
        manifest=document(as_stored(manifest)),
        files=document(as_stored(files)),
        contents=document(as_stored(docs["contents"])),
        docs=Document(dumps({"docs_blob": as_stored(docs["docs_blob"])})),
    )


def _first_members(artifact: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """MANIFEST.json and FILES.json, which a collection's tarball has in front."""
    found: dict[str, dict[str, Any]] = {}
    with tarfile.open(artifact, "r|gz") as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None and member.name in ("MANIFEST.json", "FILES.json"):
                data = file.read()
                found[member.name] = json.loads(data)
                if member.name == "FILES.json":
                    expected = found["MANIFEST.json"]["file_manifest_file"]["chksum_sha256"]
                    if hashlib.sha256(data).hexdigest() != expected:
                        raise CorpusError(f"{artifact.name}: FILES.json has not the digest that MANIFEST.json names")
                    break
    return found["MANIFEST.json"], found["FILES.json"]
