"""Who works on what: claims of versions, by workers that may be several and that do not work twice."""

from dataclasses import dataclass

from collectionsync.store.database import Connection
from collectionsync.store.items import Item
from collectionsync.store.run import Run

# Of this many items that come next, a claim looks up whether they are known by now.
_WINDOW = 1000
_FOR_EVER_SECONDS = 3e9  # 95 years: longer ones leave the range of a timestamp


@dataclass(frozen=True, slots=True)
class Terms:
    """When a version that is known needs no work.

    `recheck_seconds` is how long its detail need not be read again while the list says the same. With `signed_only` it
    needs a signature of its source. With `store_id` its artifact has to be in that store; with `members` every file in
    the artifact has to be verified as well.
    """

    recheck_seconds: float
    signed_only: bool = False
    store_id: int | None = None
    members: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """Versions to work on now, and how many turned out to need no work since the last claim.

    Of those, `recognised` are there, and `excluded` are left out for want of a signature.
    """

    items: list[Item]
    recognised: int
    excluded: int = 0


async def claim(connection: Connection, run: Run, count: int, *, terms: Terms) -> Claim:
    """Take up to `count` versions to work on.

    What the store knows already, by an earlier run or by one that works beside this, is recognised first and costs no
    request. The order differs from run to run, so that two syncs of the same content share the work.
    """
    recognised = excluded = 0
    async with connection.transaction():
        while known := await connection.fetch(
            _RECOGNISE,
            run.id,
            max(count, _WINDOW),
            min(terms.recheck_seconds, _FOR_EVER_SECONDS),
            terms.signed_only,
            terms.store_id,
            terms.members,
        ):
            recognised += sum(row["state"] == "Unchanged" for row in known)
            excluded += sum(row["state"] == "Excluded" for row in known)
        rows = await connection.fetch(_CLAIM, run.id, count)
    items = [Item(**(dict(row) | {"marks": tuple(row["marks"])})) for row in rows]
    return Claim(items, recognised, excluded)


# The parts are joined by whole keys of every index: with `run_id = $1` instead, a planner that has no statistics yet
# takes that for one row, and compares all with all. A version that lacks its artifact is left for its detail to be read
# again, which has the artifact's address.
_RECOGNISE = """
    WITH next AS MATERIALIZED (
        SELECT source_id, run_id, turn, namespace, name, version, fingerprint FROM sync_item
        WHERE run_id = $1 AND state = 'Pending' AND version_id IS NULL ORDER BY turn LIMIT $2
    ), fresh AS MATERIALIZED (
        SELECT next.*, s.version_id AS known, $5::bigint AS store_id
        FROM next JOIN source_version s USING (source_id, namespace, name, version)
        WHERE s.checked_at > now() - make_interval(secs => $3)
          AND (next.fingerprint IS NULL OR next.fingerprint = ANY (s.fingerprints))
    ), judged AS MATERIALIZED (
        SELECT run_id, turn, namespace, name, version, known, CASE
            WHEN $4::boolean AND NOT EXISTS (SELECT FROM source_signature s
                                             WHERE (s.source_id, s.version_id) = (fresh.source_id, known))
            THEN 'Excluded'
            WHEN store_id IS NOT NULL
                 AND NOT EXISTS (SELECT FROM artifact a WHERE (a.store_id, a.version_id) = (fresh.store_id, known)
                                                          AND (a.verified = 'Members' OR NOT $6::boolean))
            THEN NULL
            WHEN NOT EXISTS (SELECT FROM collection_document d WHERE (d.version_id, d.kind) = (known, 'docs_blob'))
            THEN 'Pending'
            ELSE 'Unchanged' END AS judgement
        FROM fresh
    ), taken AS MATERIALIZED (
        SELECT judged.* FROM judged JOIN sync_item i USING (run_id, turn, namespace, name, version)
        WHERE judgement IS NOT NULL AND i.state = 'Pending' AND i.version_id IS NULL FOR UPDATE OF i SKIP LOCKED
    )
    UPDATE sync_item i
    SET version_id = taken.known, state = judgement, reason = CASE judgement WHEN 'Excluded' THEN 'Unsigned' END
    FROM taken
    WHERE (i.run_id, i.namespace, i.name, i.version) = (taken.run_id, taken.namespace, taken.name, taken.version)
    RETURNING i.state
"""
_CLAIM = """
    WITH next AS MATERIALIZED (
        SELECT run_id, namespace, name, version FROM sync_item
        WHERE run_id = $1 AND state = 'Pending' ORDER BY turn LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    UPDATE sync_item i SET state = 'Claimed'
    FROM next
    WHERE (i.run_id, i.namespace, i.name, i.version) = (next.run_id, next.namespace, next.name, next.version)
    RETURNING i.namespace, i.name, i.version, i.source_id, i.fingerprint, i.marks, i.version_id
"""
