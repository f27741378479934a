"""The plan of a run, kept in PostgreSQL: what is required, which versions that means, and how far each has come.

A worker holds an advisory lock for as long as it works on a run. A run that is unfinished and unlocked was killed, and
the next worker with the same plan goes on with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collectionsync.store.database import Connection

# A run's lock is this plus its id: a range of one's own in a namespace that all of a database's users share.
_LOCKS = 0x72756E << 40
_HISTORY = 10
# Of this many items that come next, a claim looks up whether they are known by now.
_WINDOW = 1000
# Texts from a source end in these columns: bounded, and without what a text cannot hold.
_MESSAGE_LENGTH = 500
_REQUIREMENT_LENGTH = 300  # 2 x 300 characters of up to 4 bytes fit into an index row of 2704


@dataclass(frozen=True, slots=True)
class Run:
    """A run of one repository against one source. `resumed` says that an earlier worker had begun it."""

    id: int
    repository_id: int
    source_id: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """Versions of a collection (`namespace.name`) that are wanted; `required_by` is None for what the user named."""

    name: str
    range: str
    required_by: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A version to bring. `version_id` is known where only its docs are missing."""

    namespace: str
    name: str
    version: str
    version_id: int | None = None

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name} {self.version}"


async def open_run(
    connection: Connection, *, namespace: str, repository: str, source_url: str, plan_sha256: str
) -> Run:
    """Begin a run, or take up an unfinished one of the same plan; the session holds the run's lock from then on."""
    repository_id = await _identity(
        connection,
        "SELECT id FROM repository WHERE namespace = $1 AND name = $2",
        "INSERT INTO repository (namespace, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        namespace,
        repository,
    )
    source_id = await _identity(
        connection,
        "SELECT id FROM source WHERE url = $1",
        "INSERT INTO source (url) VALUES ($1) ON CONFLICT DO NOTHING",
        source_url,
    )
    unfinished = await connection.fetch(
        "SELECT id FROM sync_run WHERE repository_id = $1 AND source_id = $2 AND plan_sha256 = $3"
        " AND result = 'Running' ORDER BY id DESC",
        repository_id,
        source_id,
        plan_sha256,
    )
    for row in unfinished:
        if await _take_up(connection, row["id"]):
            return Run(row["id"], repository_id, source_id, resumed=True)
    async with connection.transaction():
        run_id = await connection.fetchval(
            "INSERT INTO sync_run (repository_id, source_id, plan_sha256) VALUES ($1, $2, $3) RETURNING id",
            repository_id,
            source_id,
            plan_sha256,
        )
        # Before anybody can see the run: unlocked, it would be taken for a killed worker's. The commit keeps the lock.
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCKS + run_id)
    return Run(run_id, repository_id, source_id, resumed=False)


async def _take_up(connection: Connection, run_id: int) -> bool:
    """Lock a run and open it again, unless another worker has it or had it until just now."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCKS + run_id):
        return False
    if not await connection.fetchval("SELECT result = 'Running' FROM sync_run WHERE id = $1", run_id):
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCKS + run_id)
        return False
    await _reopen(connection, run_id)
    return True


async def _identity(connection: Connection, select: str, insert: str, *key: str) -> int:
    if (found := await connection.fetchval(select, *key)) is None:
        await connection.execute(insert, *key)
        found = await connection.fetchval(select, *key)
    return int(found)


async def _reopen(connection: Connection, run_id: int) -> None:
    """Forget what the earlier worker had begun or could not get; what it stored stays stored.

    Every requirement is looked up again, which brings back those failed items that the source still lists.
    """
    async with connection.transaction():
        await connection.execute("DELETE FROM sync_item WHERE run_id = $1 AND state = 'Failed'", run_id)
        await connection.execute(
            "UPDATE sync_item SET state = 'Pending' WHERE run_id = $1 AND state = 'Claimed'", run_id
        )
        await connection.execute(
            "UPDATE sync_requirement SET state = 'Pending', reason = NULL, message = NULL WHERE run_id = $1", run_id
        )


async def require(connection: Connection, run: Run, requirements: Iterable[Requirement]) -> None:
    """Add requirements; one that is there already stays as it is."""
    await connection.executemany(
        "INSERT INTO sync_requirement (run_id, name, range, required_by) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        [(run.id, each.name, each.range, each.required_by) for each in requirements],
    )


async def require_dependencies(connection: Connection, run: Run) -> None:
    """Add what the run's versions depend on. The order in which versions came makes no difference.

    A name or a range that is too long for any index is cut so that it is none, and fails like any other such.
    """
    await connection.execute(
        """
        INSERT INTO sync_requirement (run_id, name, range, required_by)
        SELECT DISTINCT ON (1, 2, 3) $1::bigint,
               CASE WHEN length(d.key) > $2 THEN left(d.key, $2 - 1) || '…' ELSE d.key END,
               CASE WHEN length(d.value) > $2 THEN left(d.value, $2 - 1) || '…' ELSE d.value END,
               v.namespace || '.' || v.name || ' ' || v.version
        FROM sync_item i
        JOIN collection_version v ON v.id = i.version_id
        CROSS JOIN LATERAL jsonb_each_text(v.dependencies) d
        WHERE i.run_id = $1
        ORDER BY 1, 2, 3, v.namespace, v.name, v.sort_key
        ON CONFLICT DO NOTHING
        """,
        run.id,
        _REQUIREMENT_LENGTH,
    )


async def pending_requirements(connection: Connection, run: Run) -> list[Requirement]:
    """Return what has not been looked up yet."""
    rows = await connection.fetch(
        "SELECT name, range, required_by FROM sync_requirement WHERE run_id = $1 AND state = 'Pending'"
        " ORDER BY name, range",
        run.id,
    )
    return [Requirement(row["name"], row["range"], row["required_by"]) for row in rows]


async def settle_requirement(
    connection: Connection, run: Run, requirement: Requirement, *, reason: str | None = None, message: str = ""
) -> None:
    """Note that a requirement was looked up; with a `reason`, that it could not be met."""
    await connection.execute(
        "UPDATE sync_requirement SET state = $4, reason = $5, message = $6"
        " WHERE run_id = $1 AND name = $2 AND range = $3",
        run.id,
        requirement.name,
        requirement.range,
        "Listed" if reason is None else "Failed",
        reason,
        storable(message),
    )


async def add_items(connection: Connection, run: Run, namespace: str, name: str, versions: Sequence[str]) -> int:
    """Add versions to bring, and return how many were not in the plan yet."""
    tag = await connection.execute(
        "INSERT INTO sync_item (run_id, namespace, name, version)"
        " SELECT $1, $2, $3, v FROM unnest($4::text[]) v ORDER BY v ON CONFLICT DO NOTHING",
        run.id,
        namespace,
        name,
        versions,
    )
    return affected(tag)


@dataclass(frozen=True, slots=True)
class Claim:
    """Versions to work on now, and how many turned out to need no work since the last claim."""

    items: list[Item]
    recognised: int


async def claim(connection: Connection, run: Run, count: int) -> Claim:
    """Take up to `count` versions to work on.

    What the store knows already, by an earlier run or by one that works beside this, is recognised first and costs no
    request. The order differs from run to run, so that two syncs of the same content share the work.
    """
    recognised = 0
    async with connection.transaction():
        while known := await connection.fetch(_RECOGNISE, run.id, run.source_id, max(count, _WINDOW)):
            recognised += sum(row["state"] == "Unchanged" for row in known)
        rows = await connection.fetch(_CLAIM, run.id, count)
    return Claim([Item(row["namespace"], row["name"], row["version"], row["version_id"]) for row in rows], recognised)


# The parts are joined by whole keys of every index: with `run_id = $1` instead, a planner that has no statistics yet
# takes that for one row, and compares all with all.
_RECOGNISE = """
    WITH next AS MATERIALIZED (
        SELECT $2::bigint AS source_id, run_id, turn, namespace, name, version FROM sync_item
        WHERE run_id = $1 AND state = 'Pending' AND version_id IS NULL ORDER BY turn LIMIT $3
    ), known AS MATERIALIZED (
        SELECT next.*, s.version_id,
               EXISTS (SELECT FROM collection_document d
                       WHERE d.version_id = s.version_id AND d.kind = 'docs_blob') AS has_docs
        FROM next JOIN source_version s USING (source_id, namespace, name, version)
    ), taken AS MATERIALIZED (
        SELECT known.* FROM known JOIN sync_item i USING (run_id, turn, namespace, name, version)
        WHERE i.state = 'Pending' AND i.version_id IS NULL FOR UPDATE OF i SKIP LOCKED
    )
    UPDATE sync_item i
    SET version_id = taken.version_id, state = CASE WHEN taken.has_docs THEN 'Unchanged' ELSE 'Pending' END
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
    RETURNING i.namespace, i.name, i.version, i.version_id
"""


async def settle(
    connection: Connection,
    run: Run,
    item: Item,
    *,
    state: str,
    version_id: int | None = None,
    reason: str | None = None,
    message: str | None = None,
) -> None:
    """Note how an item ended. An item that the plan did not have, since its very name is unusable, is added."""
    await connection.execute(
        "INSERT INTO sync_item (run_id, namespace, name, version, state, version_id, reason, message)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (run_id, namespace, name, version) DO UPDATE"
        " SET state = excluded.state, version_id = excluded.version_id,"
        "     reason = excluded.reason, message = excluded.message",
        run.id,
        item.namespace,
        item.name,
        storable(item.version),
        state,
        version_id,
        reason,
        None if message is None else storable(message),
    )


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
    created: int
    filled: int
    unchanged: int
    failed: int


async def counts(connection: Connection, run: Run) -> Counts:
    """Count the run's items and failures."""
    rows = await connection.fetch("SELECT state, count(*) AS n FROM sync_item WHERE run_id = $1 GROUP BY state", run.id)
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
    )


async def finish(connection: Connection, run: Run, *, result: str, report: bytes) -> None:
    """End a run for good: keep its report and its failures, and forget what the repository's history does not need."""
    async with connection.transaction():
        # Two runs of one repository end one after the other: both may find the same history too long.
        await connection.execute("SELECT FROM repository WHERE id = $1 FOR NO KEY UPDATE", run.repository_id)
        await connection.execute(
            "UPDATE sync_run SET result = $2, report = $3, ended_at = now() WHERE id = $1",
            run.id,
            result,
            report.decode(),
        )
        await connection.execute("DELETE FROM sync_item WHERE run_id = $1 AND state <> 'Failed'", run.id)
        await connection.execute(
            """
            DELETE FROM sync_run WHERE repository_id = $1 AND id < $2
            AND (id IN (SELECT id FROM sync_run WHERE repository_id = $1 AND result <> 'Running'
                        ORDER BY id DESC OFFSET $3)
                 OR (result = 'Running' AND pg_try_advisory_xact_lock($4 + id)))
            """,
            run.repository_id,
            run.id,
            _HISTORY,
            _LOCKS,
        )
    await connection.execute("SELECT pg_advisory_unlock($1)", _LOCKS + run.id)


def affected(tag: str) -> int:
    """Read the number of rows out of a command tag such as `INSERT 0 5` or `UPDATE 3`."""
    return int(tag.rsplit(" ", 1)[1])


def storable(text: str) -> str:
    """Return `text` bounded, with what PostgreSQL's text or a terminal cannot take replaced."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: _MESSAGE_LENGTH + 1])
    return clean if len(clean) <= _MESSAGE_LENGTH else clean[: _MESSAGE_LENGTH - 1] + "…"
