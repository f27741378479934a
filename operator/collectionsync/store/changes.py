"""What a run changes in its repository, statement by statement; publication commits it, and a plan rolls it back.

The parts are joined by whole keys of every index, as claims are: a planner without statistics takes a run's items, or
a resource's claims, for one row.
"""

from dataclasses import dataclass

from collectionsync.store.database import Connection
from collectionsync.store.run import Run
from collectionsync.store.text import affected, storable

_CONFLICTS_TOLD = 20
# Why a requirement asks for nothing, beyond doubt: whoever asks again is told the same.
_CERTAIN = ("NotFound", "NoMatchingVersion", "Excluded", "InvalidName", "InvalidRange")


@dataclass(frozen=True, slots=True)
class Changed:
    """How many versions of a repository came and went, and what is to be told about it.

    `conflicts` are sentences on versions about which sources disagree. `kept_reason` says why nothing was removed that
    is no longer asked for, and is None where that was done or was not wanted.
    """

    added: int
    removed: int
    conflicts: tuple[str, ...]
    deprecations_changed: bool
    kept_reason: str | None


async def next_number(connection: Connection, run: Run) -> int:
    """Lock the run's repository, whose changes come one after the other, and return the number of the next."""
    # A third run may begin meanwhile, which refers to the repository.
    await connection.execute("SELECT FROM repository WHERE id = $1 FOR NO KEY UPDATE", run.repository_id)
    return int(
        await connection.fetchval(
            "SELECT coalesce(max(number), 0) + 1 FROM repository_version WHERE repository_id = $1", run.repository_id
        )
    )


async def apply(connection: Connection, run: Run, number: int, *, mirror: bool) -> Changed:
    """Make what the run found the repository's, as its publication `number`, and the claims of its resource."""
    where = (run.repository_id, run.id)
    replaced = [row["version_id"] for row in await connection.fetch(_REPLACE, *where, number)]
    conflicts = await connection.fetch(_CONFLICTS, replaced, run.repository_id, run.owner, _CONFLICTS_TOLD)
    await connection.execute(_MOVE_CLAIMS, *where, run.owner)
    await connection.execute(_CLAIM, *where, run.owner)
    added = affected(await connection.execute(_ADD, *where, number))
    removed, kept_reason = len(replaced), None
    if mirror and (kept_reason := await _kept_reason(connection, run)) is None:
        removed += affected(await connection.execute(_REMOVE, *where, run.owner, number))
    deprecations_changed = await _deprecate(connection, run)
    await connection.execute(_UNSIGN, *where, run.owner)
    told = tuple(_conflict(row["version"], row["owners"]) for row in conflicts)
    return Changed(added, removed, told, deprecations_changed, kept_reason)


def _conflict(version: str, owners: list[str]) -> str:
    return f"{version}: its artifact takes the place of another, which {', '.join(owners)} had from another source"


_REPLACE = """
    WITH held AS MATERIALIZED (
        SELECT c.repository_id, c.version_id, c.added, $2::bigint AS run_id, v.namespace, v.name, v.version
        FROM repository_content c JOIN collection_version v ON v.id = c.version_id
        WHERE c.repository_id = $1 AND c.removed IS NULL
    ), replaced AS MATERIALIZED (
        SELECT held.* FROM held JOIN sync_found f USING (run_id, namespace, name, version)
        WHERE f.version_id IS DISTINCT FROM held.version_id
    )
    UPDATE repository_content c SET removed = $3
    FROM replaced r
    WHERE (c.repository_id, c.version_id, c.added) = (r.repository_id, r.version_id, r.added)
    RETURNING c.version_id
"""
_CONFLICTS = """
    SELECT v.namespace || '.' || v.name || ' ' || v.version AS version, array_agg(c.owner ORDER BY c.owner) AS owners
    FROM unnest($1::bigint[]) replaced (version_id)
    JOIN repository_claim c USING (version_id)
    JOIN collection_version v ON v.id = c.version_id
    WHERE c.repository_id = $2 AND c.owner <> $3
    GROUP BY v.id ORDER BY 1 LIMIT $4
"""
_MOVE_CLAIMS = """
    WITH mine AS MATERIALIZED (
        SELECT c.repository_id, c.owner, c.version_id, $2::bigint AS run_id, v.namespace, v.name, v.version
        FROM repository_claim c JOIN collection_version v ON v.id = c.version_id
        WHERE c.repository_id = $1 AND c.owner = $3
    ), moved AS MATERIALIZED (
        SELECT mine.* FROM mine JOIN sync_found f USING (run_id, namespace, name, version)
        WHERE f.version_id IS DISTINCT FROM mine.version_id
    )
    DELETE FROM repository_claim c USING moved m
    WHERE (c.repository_id, c.owner, c.version_id) = (m.repository_id, m.owner, m.version_id)
"""
# Which sources are heard about a version changes where one comes that no claim had, or where a claim goes over from
# another. What is new to the repository has no change: it comes with the publication.
_CLAIM = """
    WITH claimed AS (
        INSERT INTO repository_claim AS c (repository_id, owner, version_id, source_id)
        SELECT $1, $3, version_id, source_id FROM sync_found WHERE run_id = $2 AND version_id IS NOT NULL
        ON CONFLICT (repository_id, owner, version_id) DO UPDATE SET source_id = excluded.source_id
        WHERE c.source_id <> excluded.source_id
        RETURNING c.repository_id, c.version_id, c.owner, c.source_id
    )
    UPDATE repository_content c SET changes = changes + 1, changed_at = greatest(changed_at, clock_timestamp())
    FROM claimed n
    WHERE (c.repository_id, c.version_id) = (n.repository_id, n.version_id) AND c.removed IS NULL
      AND (NOT EXISTS (SELECT FROM repository_claim k
                       WHERE (k.version_id, k.repository_id) = (n.version_id, n.repository_id)
                         AND k.source_id = n.source_id)
           OR EXISTS (SELECT FROM repository_claim k
                      WHERE (k.repository_id, k.owner, k.version_id) = (n.repository_id, n.owner, n.version_id)))
"""
_ADD = """
    INSERT INTO repository_content (repository_id, version_id, added)
    SELECT $1, version_id, $3 FROM sync_found WHERE run_id = $2 AND version_id IS NOT NULL
    ON CONFLICT (repository_id, version_id) WHERE removed IS NULL DO NOTHING
"""
# What failed this time is still wanted, in the form that it had before. Content that nobody ever claimed is older than
# claims are, and is left alone.
_REMOVE = """
    WITH mine AS MATERIALIZED (
        SELECT c.repository_id, c.owner, c.version_id, $2::bigint AS run_id, v.namespace, v.name, v.version
        FROM repository_claim c JOIN collection_version v ON v.id = c.version_id
        WHERE c.repository_id = $1 AND c.owner = $3
    ), unwanted AS MATERIALIZED (
        SELECT mine.* FROM mine WHERE NOT EXISTS (
            SELECT FROM sync_item i
            WHERE (i.run_id, i.namespace, i.name, i.version) = (mine.run_id, mine.namespace, mine.name, mine.version)
              AND i.listed AND i.state <> 'Excluded')
    ), dropped AS (
        DELETE FROM repository_claim c USING unwanted u
        WHERE (c.repository_id, c.owner, c.version_id) = (u.repository_id, u.owner, u.version_id)
    ), judged AS MATERIALIZED (
        SELECT u.repository_id, u.version_id,
               EXISTS (SELECT FROM repository_claim other
                       WHERE (other.repository_id, other.version_id) = (u.repository_id, u.version_id)
                         AND other.owner <> u.owner) AS wanted
        FROM unwanted u
    ), kept AS (
        UPDATE repository_content c SET changes = changes + 1, changed_at = greatest(changed_at, clock_timestamp())
        FROM judged j
        WHERE (c.repository_id, c.version_id) = (j.repository_id, j.version_id) AND c.removed IS NULL AND j.wanted
    )
    UPDATE repository_content c SET removed = $4
    FROM judged j
    WHERE (c.repository_id, c.version_id) = (j.repository_id, j.version_id) AND c.removed IS NULL AND NOT j.wanted
"""
_UNSIGN = """
    WITH gone AS (
        DELETE FROM repository_signature s USING collection_version v
        WHERE s.repository_id = $1 AND s.owner = $3 AND v.id = s.version_id
          AND NOT EXISTS (SELECT FROM sync_requirement r
                          WHERE r.run_id = $2 AND r.signatures <> '{}' AND r.name = v.namespace || '.' || v.name)
        RETURNING s.repository_id, s.version_id
    )
    UPDATE repository_content c SET changes = changes + 1, changed_at = greatest(changed_at, clock_timestamp())
    FROM (SELECT DISTINCT * FROM gone) g
    WHERE (c.repository_id, c.version_id) = (g.repository_id, g.version_id) AND c.removed IS NULL
"""


async def _kept_reason(connection: Connection, run: Run) -> str | None:
    """Say why the run does not know everything that is wanted, and so may remove nothing; None if it does."""
    incomplete = await connection.fetchval(
        "SELECT min(namespace || '.' || name) FROM sync_collection WHERE run_id = $1 AND NOT complete", run.id
    )
    if incomplete is not None:
        return f"the list of versions of {incomplete} was not complete"
    unmet = await connection.fetchrow(
        "SELECT name, reason FROM sync_requirement WHERE run_id = $1 AND state = 'Failed' AND reason <> ALL ($2)"
        " ORDER BY name, range LIMIT 1",
        run.id,
        _CERTAIN,
    )
    if unmet is not None:
        what = "all collections" if unmet["name"] == "*" else storable(unmet["name"])
        return f"{what} could not be looked up ({unmet['reason']})"
    return None


async def _deprecate(connection: Connection, run: Run) -> bool:
    """Make the resource's deprecations those of the collections that it looked up, and return whether any changed.

    What it did not look up stays as it is, as long as it claims a version of it.
    """
    before = await connection.fetchval(_DEPRECATED, run.repository_id)
    await connection.execute(_DEPRECATE, run.repository_id, run.owner, run.id)
    return bool(before != await connection.fetchval(_DEPRECATED, run.repository_id))


_DEPRECATED = """
    SELECT md5(string_agg(DISTINCT namespace || '.' || name, ' ')) FROM repository_deprecation WHERE repository_id = $1
"""
_DEPRECATE = """
    WITH claimed AS MATERIALIZED (
        SELECT DISTINCT v.namespace, v.name
        FROM repository_claim c JOIN collection_version v ON v.id = c.version_id
        WHERE c.repository_id = $1 AND c.owner = $2
    ), looked_up AS MATERIALIZED (
        SELECT namespace, name, bool_or(deprecated) AS deprecated FROM sync_collection WHERE run_id = $3 GROUP BY 1, 2
    ), gone AS (
        DELETE FROM repository_deprecation
        WHERE repository_id = $1 AND owner = $2
          AND ((namespace, name) NOT IN (SELECT namespace, name FROM claimed)
               OR (namespace, name) IN (SELECT namespace, name FROM looked_up WHERE NOT deprecated))
    )
    INSERT INTO repository_deprecation (repository_id, owner, namespace, name)
    SELECT $1, $2, namespace, name FROM looked_up
    WHERE deprecated AND (namespace, name) IN (SELECT namespace, name FROM claimed)
    ON CONFLICT DO NOTHING
"""
