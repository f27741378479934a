"""Many versions out of a few real ones, for measuring: each differs from its original in a stamp, and in nothing else.

Hundreds of real versions would be gigabytes to fetch and to hold. A restamped version shares all big parts of its
original; only its number, one more entry in FILES, a line in the readme of its docs and a word in its description are
its own, so that no two documents have the same bytes and deduplication gains nothing. Its tarball is made where it is
asked for (see `restampedtarballs`); otherwise only its digest is.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from itertools import cycle
from typing import Any

from testgalaxy.catalog import Catalog, Version, precedence
from testgalaxy.documents import Document, Part, as_stored, dumps
from testgalaxy.rendering import manifest_document, metadata_document
from testgalaxy.restampedtarballs import TarballStamp
from testgalaxy.sources import CollectionSource
from testgalaxy.tarballs import file_entry

Plan = Mapping[str, int]

SEED_630: Plan = {
    "amazon.aws": 110,
    "community.general": 220,
    "ansible.netcommon": 70,
    "ansible.posix": 40,
    "ansible.utils": 60,
    "community.crypto": 130,
}
SEED_2000: Plan = {
    "amazon.aws": 349,
    "community.general": 698,
    "ansible.netcommon": 222,
    "ansible.posix": 127,
    "ansible.utils": 191,
    "community.crypto": 413,
}
_README = b'"collection_readme":{"html":"'
_CONTENTS = b'"contents":['
# Restamped patch numbers begin here: above any real one.
_FIRST_PATCH = 1000


def restamp(originals: Sequence[CollectionSource], plan: Plan, *, artifacts: bool = False) -> Catalog:
    """A catalog of `plan[name]` versions of each collection: its real ones, and restamped copies of them in turn.

    With `artifacts` every version has its tarball; that takes seconds, for each original is compressed again.
    """
    by_name: dict[str, list[CollectionSource]] = defaultdict(list)
    for source in originals:
        by_name[source.collection].append(source)
    missing = sorted(set(plan) - by_name.keys())
    if missing:
        raise LookupError(f"no originals of {', '.join(missing)}")
    return Catalog(version for name, count in plan.items() for version in _versions(by_name[name], count, artifacts))


def _versions(originals: Sequence[CollectionSource], count: int, artifacts: bool) -> Iterator[Version]:
    ordered = sorted(originals, key=lambda source: precedence(source.number))[-count:]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # zlib lets others run while it compresses
        stamps = list(pool.map(lambda source: Stamp(source, artifacts=artifacts), ordered))
    for stamp in stamps:
        yield stamp.original()
    patches: dict[str, int] = defaultdict(lambda: _FIRST_PATCH)
    for _, stamp in zip(range(count - len(stamps)), cycle(stamps), strict=False):
        patch = patches[stamp.minor]
        patches[stamp.minor] += 1
        yield stamp.version(f"{stamp.minor}.{patch}")


class Stamp:
    """One original, cut open where stamps go. `artifacts` says whether its versions have tarballs."""

    def __init__(self, source: CollectionSource, *, artifacts: bool = False) -> None:
        self._source = source.in_memory()
        self._real = self._source.version()
        self._tarball = TarballStamp(source.artifact) if artifacts else None
        self.minor = ".".join(source.number.split("-")[0].split(".")[:2])
        self._contents = Document(Part(bytes(self._source.contents)))
        files, docs = bytes(self._source.files), bytes(self._source.docs)
        cut = files.rindex(b"]")
        self._files = (Part(files[:cut]), Part(files[cut:]))
        cut = docs.rindex(_README) + len(_README)
        self._docs = (Part(docs[:cut]), Part(docs[cut:]))

    def original(self) -> Version:
        """The real version, of the same shared parts."""
        return replace(self._real, files=Document(*self._files), docs=Document(*self._docs))

    def version(self, number: str) -> Version:
        """A version with another number."""
        info = {**self._source.info, "version": number, "description": f"{self._source.info['description']} ({number})"}
        stamped = replace(
            self._real, version=number, metadata=metadata_document(info, self._contents), docs=self.docs(number)
        )
        return self._with_tarball(stamped, info) if self._tarball else self._without_tarball(stamped, info)

    def _with_tarball(self, version: Version, info: Mapping[str, Any]) -> Version:
        assert self._tarball is not None
        made = self._tarball.tarball(info)
        return replace(
            version,
            sha256=made.sha256,
            size=made.tarball.size,
            artifact=made.tarball,
            manifest=manifest_document(made.manifest),
            files=self._stamped_files(made.entry),
        )

    def _without_tarball(self, version: Version, info: Mapping[str, Any]) -> Version:
        digest = hashlib.sha256(f"{self._source.sha256} {version.version}".encode()).hexdigest()
        return replace(
            version,
            sha256=digest,
            size=self._source.size + int(digest[:3], 16),
            artifact=None,
            manifest=self._manifest(info, digest),
            files=self._stamped_files(file_entry(f"changelogs/{version.version}.txt", digest)),
        )

    def docs(self, number: str, repeats: int = 0) -> Document:
        """The docs with a stamp in the readme; with `repeats`, their content entries that many times more."""
        before, after = self._docs
        stamp = dumps(f"<p>{self._source.collection} {number}</p>\n")[1:-1]
        if not repeats:
            return Document(before, stamp, after)
        entries, again, rest = self._pieces
        return Document(entries, *[again] * repeats, rest, stamp, after)

    def repeats_for(self, size: int) -> int:
        """How many repeats make docs of about `size` bytes: what is nearest to it with whole repeats."""
        missing = size - self.docs("0").size
        return max(0, round(missing / self._pieces[1].size))

    @cached_property
    def _pieces(self) -> tuple[Part, Part, Part]:
        """The docs up to the stamp: until the last content entry, all entries with a comma before, and the rest."""
        data = self._docs[0].data
        start, end = data.index(_CONTENTS) + len(_CONTENTS), data.rindex(b"]," + _README)
        return Part(data[:end]), Part(b"," + data[start:end]), Part(data[end:])

    def _manifest(self, info: Mapping[str, Any], digest: str) -> Document:
        original = self._source.manifest.json()
        files = {**original["file_manifest_file"], "chksum_sha256": hashlib.sha256(digest.encode()).hexdigest()}
        return manifest_document({**original, "collection_info": dict(info), "file_manifest_file": files})

    def _stamped_files(self, entry: Mapping[str, Any]) -> Document:
        before, after = self._files
        return Document(before, b"," + dumps(as_stored(dict(entry))), after)


def big_documents(original: CollectionSource, n: int = 20, size: int = 30 << 20) -> list[Version]:
    """`n` versions of a collection `bulk.documents` whose docs blobs have about `size` bytes each."""
    stamp = Stamp(original)
    repeats = stamp.repeats_for(size)
    numbers = [f"{number}.0.0" for number in range(1, n + 1)]
    return [
        replace(stamp.version(number), namespace="bulk", name="documents", docs=stamp.docs(number, repeats))
        for number in numbers
    ]
