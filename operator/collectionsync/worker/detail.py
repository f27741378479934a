"""What is kept of a version's detail: a few typed fields, and its heavy parts as slices of the bytes that came.

`files` is 97 % of a detail. It is skipped over by the parser and copied to the database from the very bytes of the
response: it is never a dict, nor a str.
"""

import hashlib
import mmap
import re
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import msgspec

from collectionsync.galaxy.errors import ContentError
from collectionsync.galaxy.versions import sort_key
from collectionsync.store.content import Version
from collectionsync.store.plan import Item, storable
from collectionsync.store.said import Said, Signature, digest
from collectionsync.worker.members import joined, narrowed, spans
from collectionsync.worker.spool import CHUNK_BYTES, NulSearch, Spool

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NULL = b"null"
# Larger ones are walked through instead of parsed, which takes ten times as long; real ones have at most 4 MB.
_PARSED_BYTES = 4 * 1024 * 1024
_TYPED_BYTES = 4 * 1024 * 1024
# The typed fields, and of those that are objects the members that are looked at.
_TYPED = {
    "namespace": ("name", "metadata_sha256"),
    "collection": ("name",),
    "version": (),
    "artifact": ("sha256", "size"),
    "requires_ansible": (),
    "metadata": ("dependencies", "tags"),
    "marks": (),
    "signatures": (),
    "download_url": (),
}
_HEAVY = ("metadata", "manifest", "files")
# One for each key that anybody signs with; an armoured signature takes less than 1 KB.
_MOST_SIGNATURES = 100
_LONGEST_SIGNATURE = 64 * 1024


class _Named(msgspec.Struct):
    name: str


class _Namespace(msgspec.Struct):
    name: str
    metadata_sha256: str | None = None


class _Signature(msgspec.Struct):
    signature: str
    pubkey_fingerprint: str | None = None
    signing_service: str | None = None


class _Artifact(msgspec.Struct):
    sha256: str
    size: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0


class _Metadata(msgspec.Struct):
    dependencies: dict[str, str] | None = None
    tags: list[str] | None = None


class _Detail(msgspec.Struct):
    namespace: _Namespace
    collection: _Named
    version: str
    artifact: _Artifact | None
    requires_ansible: str | None = None
    marks: list[str] | None = None
    signatures: list[_Signature] | None = None
    download_url: str | None = None
    metadata: msgspec.Raw = msgspec.Raw(_NULL)
    manifest: msgspec.Raw = msgspec.Raw(_NULL)
    files: msgspec.Raw = msgspec.Raw(_NULL)


class Slice:
    """A part of a mapped response; a Document for the store.

    It is digested as it is read, which the store does once: whether its digest is asked for before, after or never.
    """

    def __init__(self, kind: str, mapped: mmap.mmap, view: memoryview) -> None:
        self.kind = kind
        self._mapped = mapped
        self._view = view
        self.size = len(self._view)
        self._found: tuple[str, bool] | None = None

    @property
    def sha256(self) -> str:
        """Its digest, as hexadecimal digits."""
        return self._read()[0]

    @property
    def has_nul(self) -> bool:
        """Whether an escape of NUL is in it."""
        return self._read()[1]

    def _read(self) -> tuple[str, bool]:
        if self._found is None:
            for _ in self.chunks():
                pass
        assert self._found is not None, "it was read to its end"
        return self._found

    def chunks(self) -> Iterator[bytes]:
        """Yield the part. The pages that it takes are let go again on the way."""
        sha256, nul = hashlib.sha256(), NulSearch()
        for count, offset in enumerate(range(0, self.size, CHUNK_BYTES), start=1):
            chunk = bytes(self._view[offset : offset + CHUNK_BYTES])
            sha256.update(chunk)
            nul.feed(chunk)
            yield chunk
            if count % 16 == 0:
                _let_go(self._mapped)
        _let_go(self._mapped)
        self._found = sha256.hexdigest(), nul.found


class Detail(NamedTuple):
    """A version's detail: its row, its heavy parts, what the source says besides, and where the artifact is."""

    version: Version
    documents: list[Slice]
    said: Said
    download_url: str | None


def read_detail(item: Item, spool: Spool) -> Detail:
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
    slices = [Slice(kind, mapped, part) for kind, part in parts.items() if part != _NULL]
    return Detail(version, slices, _said(item, detail), detail.download_url)


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


def _said(item: Item, detail: _Detail) -> Said:
    signatures = {each.signature: each for each in detail.signatures or ()}
    if len(signatures) > _MOST_SIGNATURES or any(len(text) > _LONGEST_SIGNATURE for text in signatures):
        raise ContentError("TooLarge", f"{item} has more or longer signatures than any real one")
    if any("\0" in text for text in signatures):
        raise ContentError("InvalidSignature", f"a signature of {item} holds NUL, which no text can")
    return Said(
        marks=sorted({storable(mark) for mark in detail.marks or ()}),
        namespace_sha256=storable(detail.namespace.metadata_sha256 or "") or None,
        fingerprint=item.fingerprint,
        signatures=[_signature(each) for each in signatures.values()],
    )


def _signature(each: _Signature) -> Signature:
    return Signature(
        sha256=digest(each.signature),
        signature=each.signature,
        pubkey_fingerprint=storable(each.pubkey_fingerprint or "") or None,
        signing_service=storable(each.signing_service or "") or None,
    )


def _let_go(mapped: mmap.mmap) -> None:
    """Drop the mapped pages from the resident set; they come back from the page cache when they are read."""
    if hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)
