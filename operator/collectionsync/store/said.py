"""What a source says of a version beside its content: marks, signatures, and its own names for how things are."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from collectionsync.store.database import Connection, RejectedDocumentError
from collectionsync.store.items import Item
from collectionsync.store.text import storable

SIGNATURE_BYTES = 64 * 1024
"""The longest signature that is kept, in bytes; those of gpg have about 1,000."""


class RejectedSignatureError(RejectedDocumentError):
    """A signature is no text that can be kept."""

    reason = "InvalidSignature"


@dataclass(frozen=True, slots=True)
class Signature:
    """A detached signature of MANIFEST.json, as the source has it; `sha256` is the digest of its text."""

    sha256: str
    signature: str
    pubkey_fingerprint: str | None = None
    signing_service: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a source says of a version: its marks, its signatures, and two digests.

    `fingerprint` is that of what its list says, None where no list had the version. `namespace_sha256` is that of the
    namespace's metadata.
    """

    marks: Sequence[str] = ()
    namespace_sha256: str | None = None
    fingerprint: str | None = None
    signatures: Sequence[Signature] = ()


async def remember(connection: Connection, item: Item, version_id: int, said: Said) -> bool:
    """Note what the item's source said of it just now, and return whether marks or signatures are others than before.

    Whoever calls this has locked the version: its signatures are written under that lock.

    Raises:
        RejectedSignatureError: a signature is no text that can be kept.
    """
    by_digest = {each.sha256: each for each in said.signatures}
    for each in by_digest.values():
        refuse_unstorable(each.signature)
    changed = await connection.fetchval(
        _REMEMBER,
        item.source_id,
        item.namespace,
        item.name,
        item.version,
        version_id,
        said.fingerprint,
        sorted({storable(mark) for mark in said.marks}),
        _storable(said.namespace_sha256),
        list(by_digest),
        [each.signature for each in by_digest.values()],
        [_storable(each.pubkey_fingerprint) for each in by_digest.values()],
        [_storable(each.signing_service) for each in by_digest.values()],
    )
    return bool(changed)


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)


# One statement for one round trip. All of its parts see what was there before it. What other lists say of the version
# holds as long as nothing has changed that a fingerprint could tell of. A version whose place another takes at the
# source has changed as well: the source's marks are no longer its own.
_REMEMBER = """
    WITH gone AS (
        DELETE FROM source_signature WHERE source_id = $1 AND version_id = $5 AND sha256 <> ALL ($9) RETURNING 1
    ), come AS (
        INSERT INTO source_signature AS s
            (source_id, version_id, sha256, signature, pubkey_fingerprint, signing_service)
        SELECT $1, $5, * FROM unnest($9::text[], $10::text[], $11::text[], $12::text[])
        ON CONFLICT (source_id, version_id, sha256) DO UPDATE
        SET pubkey_fingerprint = excluded.pubkey_fingerprint, signing_service = excluded.signing_service
        WHERE (s.pubkey_fingerprint, s.signing_service)
              IS DISTINCT FROM (excluded.pubkey_fingerprint, excluded.signing_service)
        RETURNING 1
    ), known AS (
        INSERT INTO source_version AS s
            (source_id, namespace, name, version, version_id, fingerprints, marks, namespace_sha256, checked_at)
        VALUES ($1, $2, $3, $4, $5, array_remove(ARRAY[$6::text], NULL), $7, $8, now())
        ON CONFLICT (source_id, namespace, name, version) DO UPDATE
        SET version_id = excluded.version_id, marks = excluded.marks, namespace_sha256 = excluded.namespace_sha256,
            checked_at = excluded.checked_at, fingerprints = CASE
                WHEN (s.version_id, s.marks) = (excluded.version_id, excluded.marks)
                     AND NOT EXISTS (SELECT FROM gone) AND NOT EXISTS (SELECT FROM come)
                THEN (excluded.fingerprints || array_remove(s.fingerprints, $6))[1:4]
                ELSE excluded.fingerprints END
    ), displaced AS (
        INSERT INTO version_change AS x (version_id)
        SELECT s.version_id FROM source_version s
        WHERE (s.source_id, s.namespace, s.name, s.version) = ($1, $2, $3, $4) AND s.version_id <> $5
        ON CONFLICT (version_id) DO UPDATE
        SET changes = x.changes + 1, changed_at = greatest(x.changed_at, clock_timestamp())
    )
    SELECT EXISTS (SELECT FROM gone) OR EXISTS (SELECT FROM come)
        OR coalesce((SELECT marks FROM source_version
                     WHERE (source_id, namespace, name, version) = ($1, $2, $3, $4)), '{}') <> $7
"""


def refuse_unstorable(signature: str) -> None:
    """Check the text of a signature.

    Raises:
        RejectedSignatureError: it is too long, or holds what no text in PostgreSQL can hold.
    """
    try:
        size = len(signature.encode())
    except UnicodeEncodeError:
        raise RejectedSignatureError("a signature holds half of a surrogate pair, which no text can") from None
    if "\0" in signature:
        raise RejectedSignatureError("a signature holds the character NUL, which no text in PostgreSQL can")
    if size > SIGNATURE_BYTES:
        raise RejectedSignatureError(f"a signature of {size} bytes is longer than {SIGNATURE_BYTES}")


def digest(signature: str) -> str:
    """Return the SHA-256 of the text of a signature, as hexadecimal digits."""
    return hashlib.sha256(signature.encode()).hexdigest()
