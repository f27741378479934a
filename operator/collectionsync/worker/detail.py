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
from collectionsync.worker.spool import CHUNK_BYTES, NulSearch, Spool

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NULL = b"null"


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
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    manifest: msgspec.Raw = msgspec.Raw(_NULL)
    files: msgspec.Raw = msgspec.Raw(_NULL)


class Slice:
    """A part of a mapped response; a Document for the store."""

    def __init__(self, kind: str, mapped: mmap.mmap, raw: msgspec.Raw) -> None:
        self.kind = kind
        self._mapped = mapped
        self._view = memoryview(raw)
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

    The whole detail is mapped while it is parsed; the pages are the file's, so the kernel can take them back.

    Raises:
        ContentError: it is no detail, or one of another version.
        SpoolError: it cannot be mapped.
    """
    try:
        mapped = spool.mapped()
        detail = msgspec.json.decode(mapped, type=_Detail)
        metadata = msgspec.json.decode(detail.metadata, type=_Metadata | None) or _Metadata()
    except (ValueError, RecursionError) as error:  # an empty document, msgspec's errors, and deep nesting
        raise ContentError("InvalidJSON", f"the detail of {item} is not what Galaxy v3 describes: {error}") from error
    _let_go(mapped)
    version = _version(item, detail, metadata)
    parts = {"metadata": detail.metadata, "manifest": detail.manifest, "files": detail.files}
    return version, [Slice(kind, mapped, raw) for kind, raw in parts.items() if memoryview(raw) != _NULL]


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
