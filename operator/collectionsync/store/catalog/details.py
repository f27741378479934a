"""One version: its detail, its docs, and what its artifact is called.

The documents that a detail holds are put into it as they came. Those that are too large to come along are named, and
are read from the database piece by piece.
"""

# ruff: noqa: S608 - statements are joined of constants alone

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from collectionsync.store.catalog.asked import can_exist
from collectionsync.store.catalog.elements import (
    DETAIL,
    FILENAME,
    HELD,
    METADATA,
    PUBLISHED,
    SAID_IN_DETAIL,
    SPACE,
    VERSION,
)
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection

_NO_DOCS = b'{"docs_blob":{}}'


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document that is too large to come along: its version, its kind, and its length in bytes.

    `sha256` is the digest of those bytes.
    """

    version_id: int
    kind: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON in parts, `size` bytes in all; `etag` is a digest of all that it is made of."""

    parts: tuple[bytes | StoredDocument, ...]
    size: int
    etag: str


async def detail(
    connection: Connection,
    repository: Repository,
    *,
    base: str,
    url: str,
    namespace: str,
    name: str,
    version: str,
    inline_bytes: int,
) -> Answer | None:
    """Return the detail of a version, with its documents of at most `inline_bytes`; None where there is none.

    `base` is the path of the repository's API, without a slash at its end, and `url` what a client puts in front of it.
    """
    if not can_exist(namespace, name, version):
        return None
    where = (repository.id, repository.number, base, url)
    row = await connection.fetchrow(_DETAIL, *where, namespace, name, version, inline_bytes)
    if row is None:
        return None
    return _answer(
        [
            row["head"][:-1] + b', "metadata": ',
            _document(row, "metadata"),
            b', "git_url": null, "git_commit_sha": null, "manifest": ',
            _document(row, "manifest"),
            b', "files": ',
            _document(row, "files"),
            b"}",
        ]
    )


async def docs_blob(
    connection: Connection, repository: Repository, *, namespace: str, name: str, version: str, inline_bytes: int
) -> Answer | None:
    """Return the docs of a version as they came, or empty ones; None where there is no such version."""
    if not can_exist(namespace, name, version):
        return None
    where = (repository.id, repository.number)
    row = await connection.fetchrow(_DOCS, *where, namespace, name, version, inline_bytes, _NO_DOCS)
    return None if row is None else _answer([_document(row, "docs_blob")])


@dataclass(frozen=True, slots=True)
class Artifact:
    """What the artifact of a version is: its digest names it in every object store."""

    sha256: str
    filename: str
    published_at: datetime


async def artifact(
    connection: Connection, repository: Repository, namespace: str, name: str, version: str
) -> Artifact | None:
    """Return the artifact of a version, whether or not any object store has it; None where there is no such version."""
    if not can_exist(namespace, name, version):
        return None
    row = await connection.fetchrow(_ARTIFACT, repository.id, repository.number, namespace, name, version)
    return None if row is None else Artifact(**row)


@dataclass(frozen=True, slots=True)
class _Document:
    """A document, and its body where that came along."""

    stored: StoredDocument
    body: bytes | None


def _document(row: asyncpg.Record, kind: str) -> _Document:
    stored = StoredDocument(row["version_id"], kind, row[f"{kind}_bytes"], row[f"{kind}_sha256"])
    return _Document(stored, row[f"{kind}_body"])


def _answer(parts: Sequence[bytes | _Document]) -> Answer:
    """Put an answer together. Its digest is the same whether a document came along or not."""
    etag = hashlib.sha256()
    served: list[bytes | StoredDocument] = []
    for part in parts:
        if isinstance(part, bytes):
            etag.update(part)
            served.append(part)
        else:
            etag.update(part.stored.sha256.encode())
            served.append(part.stored if part.body is None else part.body)
    size = sum(len(part) if isinstance(part, bytes) else part.bytes for part in served)
    return Answer(tuple(served), size, etag.hexdigest())


# One question for one round trip. Of a document that does not come along, PostgreSQL does not read the body either;
# metadata is small, and is looked into.
_MANIFEST, _FILES = (
    f"""
    LEFT JOIN LATERAL (
        SELECT * FROM collection_document d
        WHERE (d.version_id, d.kind) = (v.id, '{kind}') AND (d.bytes <> 4 OR d.body::text <> 'null')
        LIMIT 1
    ) {kind} ON true
    """
    for kind in ("manifest", "files")
)
_DETAIL = f"""
    SELECT v.id AS version_id, convert_to({DETAIL}::text, 'UTF8') AS head,
           octet_length(served.body) AS metadata_bytes,
           CASE WHEN served.as_it_came THEN metadata.sha256
                ELSE encode(sha256(served.body), 'hex') END AS metadata_sha256,
           CASE WHEN octet_length(served.body) <= $8 THEN served.body END AS metadata_body,
           coalesce(manifest.bytes, 2) AS manifest_bytes, coalesce(manifest.sha256, '') AS manifest_sha256,
           CASE WHEN manifest.kind IS NULL THEN '{{}}'
                WHEN manifest.bytes <= $8 THEN convert_to(manifest.body::text, 'UTF8') END AS manifest_body,
           coalesce(files.bytes, 2) AS files_bytes, coalesce(files.sha256, '') AS files_sha256,
           CASE WHEN files.kind IS NULL THEN '{{}}'
                WHEN files.bytes <= $8 THEN convert_to(files.body::text, 'UTF8') END AS files_body
    FROM ({VERSION} WHERE (namespace, name, version) = ($5, $6, $7) OFFSET 0) v {HELD} {SAID_IN_DETAIL} {SPACE}
    {METADATA} {_MANIFEST} {_FILES}
    CROSS JOIN LATERAL (
        SELECT convert_to(text, 'UTF8') AS body, text IS NOT DISTINCT FROM metadata.body::text AS as_it_came
        FROM (SELECT complete_metadata(metadata.body, v.tags, v.dependencies) AS text OFFSET 0) complete
        OFFSET 0
    ) served
"""
# Without the member docs_blob a Pulp's whole sync fails. A body that is large enough to have docs in it has it.
_DOCS = f"""
    SELECT v.id AS version_id, coalesce(d.bytes, octet_length($7::bytea)) AS docs_blob_bytes,
           coalesce(d.sha256, '') AS docs_blob_sha256,
           CASE WHEN d.kind IS NULL THEN $7::bytea
                WHEN d.bytes <= $6 THEN convert_to(d.body::text, 'UTF8') END AS docs_blob_body
    FROM ({VERSION} WHERE (namespace, name, version) = ($3, $4, $5) OFFSET 0) v {HELD}
    LEFT JOIN LATERAL (
        SELECT * FROM collection_document d
        WHERE (d.version_id, d.kind) = (v.id, 'docs_blob')
          AND (d.bytes > 1000 OR readable_json(d.body) -> 'docs_blob' IS NOT NULL)
        LIMIT 1
    ) d ON true
"""
_ARTIFACT = f"""
    SELECT v.sha256, {FILENAME} AS filename, p.created_at AS published_at
    FROM ({VERSION} WHERE (namespace, name, version) = ($3, $4, $5) OFFSET 0) v {HELD} {PUBLISHED}
"""
