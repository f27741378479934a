"""What is kept of a version's detail: a few typed fields, and its heavy parts as slices of the bytes that came.

`files` is 97 % of a detail. It is skipped over by the parser and copied to the database from the very bytes of the
response: it is never a dict, nor a str.
"""

import hashlib
import mmap
import re
from collections.abc import Iterator
from typing import Annotated

import msgspec

from collectionsync.galaxy.errors import ContentError
from collectionsync.galaxy.versions import sort_key
from collectionsync.store.content import Version
from collectionsync.store.plan import Item, storable
from collectionsync.worker.members import joined, narrowed, spans
from collectionsync.worker.spool import CHUNK_BYTES, NulSearch, Spool

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NULL = b"null"
# Larger ones are walked through instead of parsed, which takes ten times as long; real ones have at most 4 MB.
_PARSED_BYTES = 4 * 1024 * 1024
_TYPED_BYTES = 4 * 1024 * 1024
# The typed fields, and of those that are objects the members that are looked at.
_TYPED = {
    "namespace": ("name",),
    "collection": ("name",),
    "version": (),
    "artifact": ("sha256", "size"),
    "requires_ansible": (),
    "metadata": ("dependencies", "tags"),
}
_HEAVY = ("metadata", "manifest", "files")


class _Named(msgspec.Struct):
    name: str


class _Artifact(msgspec.Struct):
    sha256: str
    size: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0


class _Metadata(msgspec.Struct):
    dependencies: dict[str, str] | None = None
    tags: list[str] | None = None


class _Detail(msgspec.Struct):
    namespace: _Named
    collection: _Named
    version: str
    artifact: _Artifact | None
    requires_ansible: str | None = None
    metadata: msgspec.Raw = msgspec.Raw(_NULL)
    manifest: msgspec.Raw = msgspec.Raw(_NULL)
    files: msgspec.Raw = msgspec.Raw(_NULL)


class Slice:
    """A part of a mapped response; a Document for the store."""

    def __init__(self, kind: str, mapped: mmap.mmap, view: memoryview) -> None:
        self.kind = kind
        self._mapped = mapped
        self._view = view
        self.size = len(self._view)
        digest, nul = hashlib.sha256(), NulSearch()
        for chunk in self.chunks():
            digest.update(chunk)
            nul.feed(chunk)
        self.sha256 = digest.hexdigest()
        self.has_nul = nul.found

    def chunks(self) -> Iterator[bytes]:
        """Yield the part. The pages that it takes are let go again on the way."""
        for count, offset in enumerate(range(0, self.size, CHUNK_BYTES), start=1):
            yield bytes(self._view[offset : offset + CHUNK_BYTES])
            if count % 16 == 0:
                _let_go(self._mapped)
        _let_go(self._mapped)


def read_detail(item: Item, spool: Spool) -> tuple[Version, list[Slice]]:
    """Read a version's detail, and hold it against what was asked for.

    It is mapped and not read: the pages are the file's, so the kernel can take them back, and they are let go here.

    Raises:
        ContentError: it is no detail, or one of another version.
        SpoolError: it cannot be mapped.
    """
    try:
        mapped = spool.mapped()
        detail, parts = _parsed(mapped) if len(mapped) <= _PARSED_BYTES else _walked(mapped)
        metadata = msgspec.json.decode(detail.metadata, type=_Metadata | None) or _Metadata()
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # of which the last is deep nesting
        raise ContentError("InvalidJSON", f"the detail of {item} is not what Galaxy v3 describes: {error}") from error
    _let_go(mapped)
    version = _version(item, detail, metadata)
    return version, [Slice(kind, mapped, part) for kind, part in parts.items() if part != _NULL]


def _parsed(mapped: mmap.mmap) -> tuple[_Detail, dict[str, memoryview]]:
    try:
        detail = msgspec.json.decode(mapped, type=_Detail)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return _walked(mapped)  # half a character somewhere, or no JSON at all
    return detail, {kind: memoryview(getattr(detail, kind)) for kind in _HEAVY}


def _walked(mapped: mmap.mmap) -> tuple[_Detail, dict[str, memoryview]]:
    found = spans(mapped, {*_TYPED, *_HEAVY}, passed=lambda: _let_go(mapped))
    typed = {}
    for key, members in _TYPED.items():
        start, end = found.get(key, (0, 0))
        if end - start > _TYPED_BYTES:
            raise ValueError(f"`{key}` is larger than {_TYPED_BYTES} bytes")
        if end:
            typed[key] = narrowed(mapped[start:end], members)
    view = memoryview(mapped)
    parts = {kind: view[slice(*found[kind])] for kind in _HEAVY if kind in found}
    return msgspec.json.decode(joined(typed), type=_Detail), parts


def _version(item: Item, detail: _Detail, metadata: _Metadata) -> Version:
    told = (detail.namespace.name, detail.collection.name, detail.version)
    if told != (item.namespace, item.name, item.version):
        raise ContentError("WrongVersion", f"the detail of {item} is that of {storable('{}.{} {}'.format(*told))}")
    if detail.artifact is None:
        raise ContentError("NoArtifact", f"{item} has no artifact; versions that are built from git are not mirrored")
    if not _SHA256.fullmatch(detail.artifact.sha256):
        raise ContentError(
            "InvalidDigest", f"the artifact of {item} has no SHA-256 of 64 lower-case hexadecimal digits"
        )
    return Version(
        namespace=item.namespace,
        name=item.name,
        version=item.version,
        sort_key=sort_key(item.version),
        sha256=detail.artifact.sha256,
        size=detail.artifact.size,
        # A column of text cannot hold NUL; the documents keep what the source said.
        requires_ansible=storable(detail.requires_ansible or "") or None,
        dependencies={storable(name): storable(text) for name, text in (metadata.dependencies or {}).items()},
        tags=[storable(tag) for tag in metadata.tags or ()],
    )


def _let_go(mapped: mmap.mmap) -> None:
    """Drop the mapped pages from the resident set; they come back from the page cache when they are read."""
    if hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)
