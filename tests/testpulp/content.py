"""What a repository of a Pulp has, as its own APIs list it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Release(NamedTuple):
    """A collection version: its names, and the digest of its artifact."""

    namespace: str
    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name} {self.version}"


class Signature(NamedTuple):
    """A signature of a version (`namespace.name version`), by the digest of its text and the key that made it."""

    version: str
    sha256: str
    fingerprint: str


@dataclass(frozen=True)
class Content:
    """All that two mirrors can be compared by. Collections are `namespace.name`; marks are by version."""

    releases: frozenset[Release] = frozenset()
    deprecated: frozenset[str] = frozenset()
    signatures: frozenset[Signature] = frozenset()
    marks: frozenset[tuple[str, str]] = frozenset()
    namespaces: frozenset[tuple[str, str]] = frozenset()
    """Each namespace that has metadata, with their digest."""

    @property
    def names(self) -> list[str]:
        """`namespace.name version` of each version, sorted."""
        return sorted(map(str, self.releases))


Items = Iterable[Mapping[str, Any]]


def releases_of(versions: Items) -> dict[str, Release]:
    """The versions that a list names, by its links to them."""
    return {
        each["pulp_href"]: Release(each["namespace"], each["name"], each["version"], each["sha256"])
        for each in versions
    }


def content_of(
    *, versions: Items, deprecations: Items, signatures: Items, marks: Items, namespaces: Items, listed: Items
) -> Content:
    """Put together what the lists of a repository version say, and the Galaxy API's list of all versions (`listed`).

    The former say what belongs to the repository version, by links; only the latter has the text of a signature.
    """
    releases = releases_of(versions)
    texts = {
        (f"{each['namespace']['name']}.{each['name']} {each['version']}", one["pubkey_fingerprint"]): one["signature"]
        for each in listed
        for one in each["signatures"]
    }
    signed = {(str(releases[each["signed_collection"]]), each["pubkey_fingerprint"]) for each in signatures}
    return Content(
        releases=frozenset(releases.values()),
        deprecated=frozenset(f"{each['namespace']}.{each['name']}" for each in deprecations),
        signatures=frozenset(Signature(version, _digest(texts[version, key]), key) for version, key in signed),
        marks=frozenset((str(releases[each["marked_collection"]]), each["value"]) for each in marks),
        namespaces=frozenset((each["name"], each["metadata_sha256"]) for each in namespaces),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
