"""What a test galaxy has to give: collections, their versions, and the documents of each.

Knows nothing of HTTP: the same catalog can be served by several servers at once, at other addresses and in other
layouts. Versions are immutable; the catalog around them may change while it is being served, as a real one does.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from testgalaxy.documents import Document
from testgalaxy.layout import DEFAULT_LAYOUT, Layout
from testgalaxy.namespaces import Namespace
from testgalaxy.rendering import detail_document

_FIRST_SYNC = datetime(2026, 8, 1, 12, 0, 0, tzinfo=UTC)
# Of the key that signs where a test does not say which.
FINGERPRINT = "5F1A0B7C9D3E2468ACE013579BDF02468ACE1357"
_SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([^+]*))?(?:\+.*)?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a collection: what lists and details say of it, and its documents.

    `metadata`, `manifest` and `files` are the three big members of the detail, as documents of their own, so that a
    test can compare what was stored. `docs` is the whole body of docs-blob/, or None where that address answers 404.
    `artifact` is the tarball: its path, its bytes, or None where only the metadata exists. `namespace_sha256` is the
    catalog's to set.
    """

    namespace: str
    name: str
    version: str
    sha256: str
    size: int
    metadata: Document
    manifest: Document
    files: Document
    docs: Document | None = None
    artifact: Path | bytes | Document | None = None
    requires_ansible: str | None = None
    dependencies: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    signatures: tuple[Mapping[str, Any], ...] = ()
    marks: tuple[str, ...] = ()
    created_at: str = ""
    updated_at: str = ""
    namespace_sha256: str | None = None

    @property
    def collection(self) -> str:
        """`namespace.name`."""
        return f"{self.namespace}.{self.name}"

    @property
    def filename(self) -> str:
        """The artifact's file name."""
        return f"{self.namespace}-{self.name}-{self.version}.tar.gz"

    @property
    def detail(self) -> Document:
        """The version detail as a server in the default layout sends it."""
        return self.detail_at(DEFAULT_LAYOUT)

    def detail_at(self, layout: Layout) -> Document:
        """The version detail with the links of one server."""
        return detail_document(self, layout)


@dataclass
class Collection:
    """A name with its versions, in the order in which they were added."""

    namespace: str
    name: str
    created_at: str
    updated_at: str
    deprecated: bool = False
    versions: dict[str, Version] = field(default_factory=dict)

    def newest_first(self) -> list[Version]:
        """Newest created first: the order of a real Pulp's lists, which is no order of versions."""
        return list(reversed(self.versions.values()))

    def highest(self) -> Version | None:
        """The highest version, prereleases counted, as a real Pulp counts them."""
        return max(self.versions.values(), key=lambda version: precedence(version.version), default=None)


class Catalog:
    """All that one server serves. Every change moves `published`, and the clock by a second.

    `excludes` is what excludes/ answers, as a value of JSON; None for a server that does not know the address, as a
    Pulp. `files` are other things that may be had, by their names.
    """

    def __init__(self, versions: Iterable[Version] = ()) -> None:
        self._collections: dict[tuple[str, str], Collection] = {}
        self._namespaces: dict[str, Namespace] = {}
        self.excludes: object = None
        self.files: dict[str, bytes] = {}
        self._now = _FIRST_SYNC
        self.published = _stamp(self._now)
        for version in versions:
            self.add(version)

    def add(self, version: Version) -> Version:
        """Add a version (or put another in its place) and give back what is served: with times, if it had none."""
        now = self._tick()
        described = self._namespaces.get(version.namespace)
        version = replace(
            version,
            created_at=version.created_at or now,
            updated_at=version.updated_at or now,
            namespace_sha256=described.metadata_sha256 if described else None,
        )
        key = (version.namespace, version.name)
        collection = self._collections.get(key)
        if collection is None:
            collection = self._collections[key] = Collection(*key, created_at=now, updated_at=now)
        collection.versions.pop(version.version, None)
        collection.versions[version.version] = version
        collection.updated_at = now
        return version

    def remove(self, namespace: str, name: str, version: str | None = None) -> None:
        """Remove one version, or the whole collection. A collection without versions stays known, as in a Pulp."""
        now = self._tick()
        if version is None:
            del self._collections[namespace, name]
        else:
            collection = self._collections[namespace, name]
            del collection.versions[version]
            collection.updated_at = now

    def deprecate(self, namespace: str, name: str, deprecated: bool = True) -> None:
        """Mark a collection as deprecated, or no longer so."""
        self._tick()
        self._collections[namespace, name].deprecated = deprecated

    def sign(
        self, namespace: str, name: str, version: str, *, text: str | None = None, fingerprint: str = FINGERPRINT
    ) -> Version:
        """Put a signature on a version. As in a Pulp, neither its `updated_at` nor any paged list tells."""
        signed = self._collections[namespace, name].versions[version]
        text = text or signature_text(f"{signed.collection} {version} {fingerprint} {len(signed.signatures)}")
        signature = {
            "signature": text,
            "pubkey_fingerprint": fingerprint,
            "signing_service": "signer",
            "pulp_created": self._tick(),
        }
        return self._change(signed, signatures=(*signed.signatures, signature))

    def unsign(self, namespace: str, name: str, version: str) -> Version:
        """Take all signatures off a version."""
        self._tick()
        return self._change(self._collections[namespace, name].versions[version], signatures=())

    def mark(self, namespace: str, name: str, version: str, mark: str) -> Version:
        """Put a mark on a version. As in a Pulp, its `updated_at` stays."""
        self._tick()
        marked = self._collections[namespace, name].versions[version]
        return self._change(marked, marks=(*marked.marks, mark))

    def unmark(self, namespace: str, name: str, version: str, mark: str) -> Version:
        """Take a mark off a version."""
        self._tick()
        marked = self._collections[namespace, name].versions[version]
        return self._change(marked, marks=tuple(each for each in marked.marks if each != mark))

    def _change(self, version: Version, **members: Any) -> Version:
        """Put a version with other members in its own place: its list keeps its order."""
        changed = replace(version, **members)
        self._collections[version.namespace, version.name].versions[version.version] = changed
        return changed

    def describe(self, namespace: str, **members: Any) -> Namespace:
        """Give a namespace metadata (see `Namespace`), and every detail the digest of it. Described anew, it is new."""
        self._tick()
        described = self._namespaces[namespace] = Namespace(name=namespace, **members)
        for version in list(self):
            if version.namespace == namespace:
                self._change(version, namespace_sha256=described.metadata_sha256)
        return described

    def namespace(self, name: str) -> Namespace | None:
        """The metadata of a namespace; None where it was never described."""
        return self._namespaces.get(name)

    def namespaces(self) -> list[Namespace]:
        """All that were described."""
        return list(self._namespaces.values())

    def avatar(self, identifier: str) -> Namespace | None:
        """The namespace with this id, if it has a picture."""
        return next((each for each in self._namespaces.values() if each.id == identifier and each.avatar), None)

    def exclude(self, collection: str, version: str | None = None) -> None:
        """Add an entry to excludes/, of every version or of a range."""
        entries = self.excludes["collections"] if isinstance(self.excludes, dict) else []
        entry = {"name": collection, **({"version": version} if version is not None else {})}
        self.excludes = {"collections": [*entries, entry]}

    def collection(self, namespace: str, name: str) -> Collection | None:
        """A collection by its name."""
        return self._collections.get((namespace, name))

    def collections(self) -> list[Collection]:
        """All collections, newest created first."""
        return list(reversed(self._collections.values()))

    def version(self, namespace: str, name: str, version: str) -> Version | None:
        """One version by its name and number."""
        collection = self._collections.get((namespace, name))
        return collection.versions.get(version) if collection else None

    def versions(self, namespace: str | None = None, name: str | None = None) -> list[Version]:
        """The versions of one collection, or of all; newest created first. None of an unknown collection."""
        if namespace is not None and name is not None:
            collection = self._collections.get((namespace, name))
            return collection.newest_first() if collection else []
        return [version for collection in self.collections() for version in collection.newest_first()]

    def sorted_versions(self) -> list[Version]:
        """All versions by name, then by precedence, lowest first: for tests and reports."""
        return sorted(self, key=lambda version: (version.namespace, version.name, precedence(version.version)))

    def artifact(self, filename: str) -> Version | None:
        """The version that has this file name."""
        return next((version for version in self if version.filename == filename), None)

    def __iter__(self) -> Iterator[Version]:
        for collection in self._collections.values():
            yield from collection.versions.values()

    def __len__(self) -> int:
        return sum(len(collection.versions) for collection in self._collections.values())

    def detail_bytes(self, layout: Layout = DEFAULT_LAYOUT) -> int:
        """The size of all version details together."""
        return sum(version.detail_at(layout).size for version in self)

    def docs_bytes(self) -> int:
        """The size of all docs blobs together."""
        return sum(version.docs.size for version in self if version.docs)

    def _tick(self) -> str:
        self._now += timedelta(seconds=1, microseconds=137)
        self.published = _stamp(self._now)
        return self.published


def signature_text(said: str) -> str:
    """What looks like a signature, and is another for everything that is `said`; no key has made it."""
    body = base64.encodebytes(hashlib.sha512(said.encode()).digest()).decode()
    return f"-----BEGIN PGP SIGNATURE-----\n\n{body}-----END PGP SIGNATURE-----\n"


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def precedence(version: str) -> tuple[Any, ...]:
    """A sort key: semantic versions by their rules; anything else, which a hostile catalog may hold, below them all."""
    match = _SEMVER.fullmatch(version)
    if not match:
        return (0, version)
    major, minor, patch, pre = match.groups()
    identifiers = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in (pre or "").split("."))
    return (1, int(major), int(minor), int(patch), pre is None, identifiers)
