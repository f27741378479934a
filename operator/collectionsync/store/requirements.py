"""What a run is asked for, and what dependencies ask for in turn."""

from collections.abc import Iterable
from dataclasses import dataclass

from collectionsync.store.database import Connection
from collectionsync.store.run import Run
from collectionsync.store.text import storable

_LENGTH = 300  # 2 x 300 characters of up to 4 bytes fit into an index row of 2704


@dataclass(frozen=True, slots=True)
class Requirement:
    """Versions of a collection (`namespace.name`) that are wanted; `required_by` is None for what the user named.

    `source_id` is the one source where it is to be looked up, and 0 where any may have it. `latest` is how many of the
    highest versions in the range are wanted, None for as many as the resource says. `signatures` are URLs.
    """

    name: str
    range: str
    required_by: str | None = None
    source_id: int = 0
    latest: int | None = None
    signatures: tuple[str, ...] = ()


async def require(connection: Connection, run: Run, requirements: Iterable[Requirement]) -> None:
    """Add requirements; one that is there already stays as it is.

    A name or a range that no index can hold is cut so that it is none, and fails like any other such.
    """
    await connection.executemany(
        "INSERT INTO sync_requirement (run_id, name, range, required_by, source_id, latest, signatures)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        [
            (
                run.id,
                storable(each.name, _LENGTH),
                storable(each.range, _LENGTH),
                each.required_by,
                each.source_id,
                each.latest,
                each.signatures,
            )
            for each in requirements
        ],
    )


async def require_dependencies(connection: Connection, run: Run) -> None:
    """Add what the run's versions depend on. The order in which versions came makes no difference.

    A version that failed stays published as the resource claimed it before, so what that depends on is wanted still.
    Names and ranges are cut as by require().
    """
    await connection.execute(_REQUIRE_DEPENDENCIES, run.id, _LENGTH, run.repository_id, run.owner)


_REQUIRE_DEPENDENCIES = """
    WITH depending AS (
        SELECT f.namespace, f.name, f.version, coalesce(v.dependencies, f.dependencies) AS dependencies
        FROM sync_found f LEFT JOIN collection_version v ON v.id = f.version_id
        WHERE f.run_id = $1
        UNION ALL
        SELECT v.namespace, v.name, v.version, v.dependencies
        FROM sync_item i
        JOIN collection_version v USING (namespace, name, version)
        JOIN repository_claim c ON c.repository_id = $3 AND c.owner = $4 AND c.version_id = v.id
        WHERE i.run_id = $1 AND i.listed AND i.state = 'Failed' AND i.version_id IS NULL
    )
    INSERT INTO sync_requirement (run_id, name, range, required_by)
    SELECT DISTINCT ON (2, 3) $1::bigint,
           CASE WHEN length(d.key) > $2 THEN left(d.key, $2 - 1) || '…' ELSE d.key END,
           CASE WHEN length(d.value) > $2 THEN left(d.value, $2 - 1) || '…' ELSE d.value END,
           depending.namespace || '.' || depending.name || ' ' || version
    FROM depending CROSS JOIN LATERAL jsonb_each_text(dependencies) d
    ORDER BY 2, 3, 4
    ON CONFLICT DO NOTHING
"""


async def pending_requirements(connection: Connection, run: Run) -> list[Requirement]:
    """Return what has not been looked up yet."""
    rows = await connection.fetch(
        "SELECT name, range, required_by, source_id, latest, signatures FROM sync_requirement"
        " WHERE run_id = $1 AND state = 'Pending' ORDER BY name, range, source_id",
        run.id,
    )
    return [Requirement(**(dict(row) | {"signatures": tuple(row["signatures"])})) for row in rows]


async def settle_requirement(
    connection: Connection, run: Run, requirement: Requirement, *, reason: str | None = None, message: str = ""
) -> None:
    """Note that a requirement was looked up; with a `reason`, that it could not be met."""
    await connection.execute(
        "UPDATE sync_requirement SET state = $5, reason = $6, message = $7"
        " WHERE run_id = $1 AND name = $2 AND range = $3 AND source_id = $4",
        run.id,
        requirement.name,
        requirement.range,
        requirement.source_id,
        "Listed" if reason is None else "Failed",
        reason,
        storable(message),
    )
