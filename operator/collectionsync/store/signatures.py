"""Signatures that a resource asks for by URL: its own word, kept with its repository and never shared."""

from collections.abc import Sequence
from dataclasses import dataclass

from collectionsync.store.database import Connection
from collectionsync.store.run import Run
from collectionsync.store.said import digest, refuse_unstorable


@dataclass(frozen=True, slots=True)
class WantedSignatures:
    """A version that the run found, and the URLs of signatures that a requirement on its collection names.

    They are the version's if the requirement's `range` holds for it.
    """

    namespace: str
    name: str
    version: str
    version_id: int
    range: str
    urls: tuple[str, ...]


async def wanted_signatures(connection: Connection, run: Run) -> list[WantedSignatures]:
    """Return the versions of those collections that a requirement with signatures names."""
    rows = await connection.fetch(
        """
        SELECT f.namespace, f.name, f.version, f.version_id, r.range, r.signatures AS urls
        FROM sync_requirement r
        JOIN sync_found f ON f.run_id = r.run_id AND (f.namespace, f.name)
                                                   = (split_part(r.name, '.', 1), split_part(r.name, '.', 2))
        WHERE r.run_id = $1 AND r.signatures <> '{}' AND f.version_id IS NOT NULL
        ORDER BY r.name, r.range, f.version
        """,
        run.id,
    )
    return [WantedSignatures(**(dict(row) | {"urls": tuple(row["urls"])})) for row in rows]


async def keep_signatures(connection: Connection, run: Run, version_id: int, signatures: Sequence[str]) -> bool:
    """Make these texts the version's signatures in the run's repository, and return whether that changed anything.

    Raises:
        RejectedSignatureError: one is no text that can be kept.
    """
    for signature in signatures:
        refuse_unstorable(signature)
    by_digest = {digest(signature): signature for signature in signatures}
    async with connection.transaction():
        # Two runs of one resource do this one after the other.
        await connection.execute("SELECT FROM repository WHERE id = $1 FOR NO KEY UPDATE", run.repository_id)
        changed = await connection.fetchval(
            """
            WITH gone AS (
                DELETE FROM repository_signature
                WHERE repository_id = $1 AND owner = $2 AND version_id = $3 AND sha256 <> ALL ($4) RETURNING 1
            ), come AS (
                INSERT INTO repository_signature (repository_id, owner, version_id, sha256, signature)
                SELECT $1, $2, $3, * FROM unnest($4::text[], $5::text[])
                ON CONFLICT DO NOTHING RETURNING 1
            )
            SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM come)
            """,
            run.repository_id,
            run.owner,
            version_id,
            list(by_digest),
            list(by_digest.values()),
        )
        if changed:
            await connection.execute(
                "UPDATE repository_content"
                " SET changes = changes + 1, changed_at = greatest(changed_at, clock_timestamp())"
                " WHERE repository_id = $1 AND version_id = $2 AND removed IS NULL",
                run.repository_id,
                version_id,
            )
    return bool(changed)
