"""Versions, their documents and what is said of them: each version in one transaction.

Every transaction waits for one thing before it writes anything else: the row of its version, by the unique key of the
artifact's digest where it is new, by a lock where it is known. What hangs on a version is written under that lock, so
writers of the same content neither race nor deadlock: the first wins, the others find its row.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from collectionsync.store import artifacts, documents
from collectionsync.store.artifacts import StoredArtifact
from collectionsync.store.copy_format import Document
from collectionsync.store.database import Connection, Database, StoreError
from collectionsync.store.items import Item, settle
from collectionsync.store.run import Run
from collectionsync.store.said import Said, remember

# What an artifact holds itself, and a detail only repeats.
_OF_ARTIFACTS = frozenset({"manifest", "files"})


class ConflictError(StoreError):
    """A source claims an artifact for a version that is known to be another's."""

    reason = "DigestConflict"


class Outcome(Enum):
    """What a version's transaction did; its values are states of sync_item."""

    CREATED = "Created"
    FILLED = "Filled"
    UNCHANGED = "Unchanged"
    EXCLUDED = "Excluded"


@dataclass(frozen=True, slots=True)
class Version:
    """The narrow row of a version. `size` is the artifact's, in bytes."""

    namespace: str
    name: str
    version: str
    sort_key: str
    sha256: str
    size: int
    requires_ansible: str | None
    dependencies: dict[str, str]
    tags: list[str]


_INSERT = """
    INSERT INTO collection_version
        (namespace, name, version, sort_key, sha256, size, requires_ansible, dependencies, tags)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (sha256) DO NOTHING RETURNING id
"""


async def store_version(
    database: Database,
    run: Run,
    item: Item,
    version: Version,
    bodies: Sequence[Document],
    *,
    said: Said,
    artifact: StoredArtifact | None = None,
    excluded: bool = False,
) -> tuple[Outcome, list[Document]]:
    """Store a version that came from the item's source, and return the documents that were new.

    With an `artifact`, which is in its store already, the manifest and the files are those in it: they take the place
    of what a detail gave. One that is `excluded` is kept to be recognised, and is not published.

    Raises:
        ConflictError: the digest is known as another version's.
        RejectedDocumentError: PostgreSQL refuses a document.
        RejectedSignatureError: a signature is no text that can be kept.
        DocumentLengthError: a document is not as long as it announces.
        StoreError: as Database says.
    """
    async with database.transaction() as connection:
        version_id = await _insert(connection, version)
        created = version_id is not None
        if version_id is not None:
            await documents.copy(connection, version_id, bodies)
            new = list(bodies)
        else:
            version_id = await _lock(connection, version)
            replacing = _OF_ARTIFACTS if artifact is not None else frozenset()
            new = await documents.fill(connection, version_id, bodies, replacing=replacing)
        came = artifact is not None and await artifacts.note(connection, version_id, artifact)
        changed = await remember(connection, item, version_id, said)
        outcome = Outcome.CREATED if created else Outcome.FILLED if new or came or changed else Outcome.UNCHANGED
        if outcome is Outcome.FILLED:
            await note_change(connection, version_id)
        if excluded:
            outcome = Outcome.EXCLUDED
        reason = "Unsigned" if excluded else None
        await settle(connection, run, item, state=outcome.value, version_id=version_id, reason=reason)
    return outcome, new


async def fill_version(
    database: Database, run: Run, item: Item, version_id: int, bodies: Sequence[Document]
) -> tuple[Outcome, list[Document]]:
    """Add documents that a known version lacked, and return those that were new.

    Raises:
        RejectedDocumentError, DocumentLengthError, StoreError: as for store_version().
    """
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM collection_version WHERE id = $1 FOR NO KEY UPDATE", version_id)
        new = await documents.fill(connection, version_id, bodies)
        outcome = Outcome.FILLED if new else Outcome.UNCHANGED
        if new:
            await note_change(connection, version_id)
        await settle(connection, run, item, state=outcome.value, version_id=version_id)
    return outcome, new


async def note_change(connection: Connection, version_id: int) -> None:
    """Note that what is known of a version has changed since it was stored: readers keep what they read until then.

    Whoever calls this has locked the version.
    """
    await connection.execute(
        """
        INSERT INTO version_change AS x (version_id) VALUES ($1)
        ON CONFLICT (version_id) DO UPDATE
        SET changes = x.changes + 1, changed_at = greatest(x.changed_at, clock_timestamp())
        """,
        version_id,
    )


async def _insert(connection: Connection, version: Version) -> int | None:
    """Insert the row, and return its number; None where the digest is known, once its writer has committed."""
    found = await connection.fetchval(
        _INSERT,
        version.namespace,
        version.name,
        version.version,
        version.sort_key,
        version.sha256,
        version.size,
        version.requires_ansible,
        json.dumps(version.dependencies),
        version.tags,
    )
    return None if found is None else int(found)


async def _lock(connection: Connection, version: Version) -> int:
    """Lock the row of a known version against others that write what hangs on it. References to it are let by."""
    row = await connection.fetchrow(
        "SELECT id, namespace, name, version FROM collection_version WHERE sha256 = $1 FOR NO KEY UPDATE",
        version.sha256,
    )
    assert row is not None, "a conflicting row is committed, and content is never deleted under a run"
    known = (row["namespace"], row["name"], row["version"])
    if known != (version.namespace, version.name, version.version):
        raise ConflictError(f"sha256 {version.sha256} is known as {known[0]}.{known[1]} {known[2]}")
    return int(row["id"])


@dataclass(frozen=True, slots=True)
class Lacks:
    """What the store has of the version whose artifact has some digest, so that only the rest is fetched.

    `kinds` are those of its documents. With no `version_id` nothing is there.
    """

    version_id: int | None
    kinds: frozenset[str]
    has_artifact: bool


async def lacking(connection: Connection, sha256: str, *, store_id: int | None = None, members: bool = False) -> Lacks:
    """Look up what is there of the version whose artifact has this digest.

    Its artifact is there if it is in the object store `store_id`, and with `members` if every file in it is verified.
    """
    row = await connection.fetchrow(
        """
        SELECT v.id, ARRAY(SELECT kind FROM collection_document d WHERE d.version_id = v.id) AS kinds,
               EXISTS (SELECT FROM artifact a WHERE a.store_id = $2::bigint AND a.version_id = v.id
                                                AND (a.verified = 'Members' OR NOT $3::boolean)) AS has_artifact
        FROM collection_version v WHERE v.sha256 = $1
        """,
        sha256,
        store_id,
        members,
    )
    if row is None:
        return Lacks(None, frozenset(), has_artifact=False)
    return Lacks(row["id"], frozenset(row["kinds"]), row["has_artifact"])
