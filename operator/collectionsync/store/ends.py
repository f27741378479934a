"""How a run's items ended, counted and told."""

from dataclasses import dataclass

from collectionsync.store.database import Connection
from collectionsync.store.run import Run


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be had: a version of a collection, or all that a range of them asked for."""

    name: str
    version: str
    reason: str
    message: str


async def failures(connection: Connection, run: Run, limit: int) -> list[Failure]:
    """Return what could not be had, in a stable order."""
    rows = await connection.fetch(
        """
        SELECT name COLLATE "C" AS name, range COLLATE "C" AS version, reason, message
        FROM sync_requirement WHERE run_id = $1 AND state = 'Failed'
        UNION ALL
        SELECT namespace || '.' || name, version, reason, message FROM sync_item WHERE run_id = $1 AND state = 'Failed'
        ORDER BY 1, 2 LIMIT $2
        """,
        run.id,
        limit,
    )
    return [Failure(row["name"], row["version"], row["reason"], row["message"] or "") for row in rows]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many versions ended how. `failed` counts requirements that could not be met as well."""

    discovered: int
    created: int = 0
    filled: int = 0
    unchanged: int = 0
    failed: int = 0
    excluded: int = 0
    planned: int = 0


async def counts(connection: Connection, run: Run) -> Counts:
    """Count the run's items and failures."""
    rows = await connection.fetch(
        "SELECT state, count(*) AS n FROM sync_item WHERE run_id = $1 AND listed GROUP BY state", run.id
    )
    found = {row["state"]: row["n"] for row in rows}
    unmet = await connection.fetchval(
        "SELECT count(*) FROM sync_requirement WHERE run_id = $1 AND state = 'Failed'", run.id
    )
    return Counts(
        discovered=sum(found.values()),
        created=found.get("Created", 0),
        filled=found.get("Filled", 0),
        unchanged=found.get("Unchanged", 0),
        failed=found.get("Failed", 0) + unmet,
        excluded=found.get("Excluded", 0),
        planned=found.get("Planned", 0),
    )
