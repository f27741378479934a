"""A run from its beginning to its end, and what is remembered of it.

A worker holds an advisory lock for as long as it works on a run. A run that is unfinished and unlocked was killed, and
the next worker with the same plan goes on with it.
"""

from dataclasses import dataclass

from collectionsync.store.database import Connection, DatabaseConfigurationError

# A run's lock is this plus its id: a range of one's own in a namespace that all of a database's users share.
_LOCKS = 0x72756E << 40
_HISTORY = 10
# A row of an index has 2704 bytes at most (docs: "B-Tree Indexes", and the error that PostgreSQL gives).
_URL_BYTES = 2600


@dataclass(frozen=True, slots=True)
class Run:
    """A run of one repository. `source_id` is that of the first source, `owner` the name of the resource.

    `resumed` says that an earlier worker had begun it.
    """

    id: int
    repository_id: int
    source_id: int
    owner: str
    resumed: bool


async def open_run(
    connection: Connection, *, namespace: str, repository: str, owner: str, source_url: str, plan_sha256: str
) -> Run:
    """Begin a run, or take up an unfinished one of the same plan; the session holds the run's lock from then on."""
    repository_id = await _identity(
        connection,
        "SELECT id FROM repository WHERE namespace = $1 AND name = $2",
        "INSERT INTO repository (namespace, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        namespace,
        repository,
    )
    first_source = await source_id(connection, source_url)
    unfinished = await connection.fetch(
        "SELECT id FROM sync_run WHERE repository_id = $1 AND source_id = $2 AND plan_sha256 = $3"
        " AND (owner = $4 OR owner IS NULL) AND result = 'Running' ORDER BY id DESC",
        repository_id,
        first_source,
        plan_sha256,
        owner,
    )
    for row in unfinished:
        run = Run(row["id"], repository_id, first_source, owner, resumed=True)
        if await _take_up(connection, run):
            return run
    async with connection.transaction():
        run_id = await connection.fetchval(
            "INSERT INTO sync_run (repository_id, source_id, plan_sha256, owner) VALUES ($1, $2, $3, $4) RETURNING id",
            repository_id,
            first_source,
            plan_sha256,
            owner,
        )
        # Before anybody can see the run: unlocked, it would be taken for a killed worker's. The commit keeps the lock.
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCKS + run_id)
    return Run(run_id, repository_id, first_source, owner, resumed=False)


async def source_id(connection: Connection, url: str) -> int:
    """Return the number of the source with this URL, as it is written; it is a new one's the first time.

    Raises:
        DatabaseConfigurationError: no index can hold the URL.
    """
    if len(url.encode(errors="replace")) > _URL_BYTES:
        raise DatabaseConfigurationError(f"a source's URL has at most {_URL_BYTES} bytes; this one is longer")
    return await _identity(
        connection,
        "SELECT id FROM source WHERE url = $1",
        "INSERT INTO source (url) VALUES ($1) ON CONFLICT DO NOTHING",
        url,
    )


async def _take_up(connection: Connection, run: Run) -> bool:
    """Lock a run and open it again, unless another worker has it or had it until just now."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCKS + run.id):
        return False
    if not await connection.fetchval("SELECT result = 'Running' FROM sync_run WHERE id = $1", run.id):
        await _unlock(connection, run)
        return False
    await _reopen(connection, run)
    return True


async def _identity(connection: Connection, select: str, insert: str, *key: str) -> int:
    if (found := await connection.fetchval(select, *key)) is None:
        await connection.execute(insert, *key)
        found = await connection.fetchval(select, *key)
    return int(found)


async def _unlock(connection: Connection, run: Run) -> None:
    await connection.execute("SELECT pg_advisory_unlock($1)", _LOCKS + run.id)


async def _reopen(connection: Connection, run: Run) -> None:
    """Forget what the earlier worker had begun or could not get; what it stored stays stored.

    Everything is looked up again, so that the end is that of a run that began now: what was stored counts once a list
    has it again, and dependencies come back from what depends on them.
    """
    async with connection.transaction():
        await connection.execute(
            "DELETE FROM sync_item WHERE run_id = $1 AND state IN ('Pending', 'Claimed', 'Failed', 'Planned')", run.id
        )
        await connection.execute(
            "UPDATE sync_item SET listed = false, source_id = coalesce(source_id, $2) WHERE run_id = $1",
            run.id,
            run.source_id,
        )
        await connection.execute("DELETE FROM sync_collection WHERE run_id = $1", run.id)
        await connection.execute("DELETE FROM sync_requirement WHERE run_id = $1 AND required_by IS NOT NULL", run.id)
        await connection.execute(
            "UPDATE sync_requirement SET state = 'Pending', reason = NULL, message = NULL WHERE run_id = $1", run.id
        )
        await connection.execute("UPDATE sync_run SET owner = $2 WHERE id = $1", run.id, run.owner)


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
        await connection.execute("DELETE FROM sync_collection WHERE run_id = $1", run.id)
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
    await _unlock(connection, run)


async def discard(connection: Connection, run: Run) -> None:
    """End a run that only planned, as if it had never been."""
    await connection.execute("DELETE FROM sync_run WHERE id = $1", run.id)
    await _unlock(connection, run)


@dataclass(frozen=True, slots=True)
class LastSync:
    """The last run of a resource that left nothing undone: its plan, what the source called its state, and when."""

    plan_sha256: str
    published: str | None
    age_seconds: float


async def remember_sync(connection: Connection, run: Run, *, plan_sha256: str, published: str | None) -> None:
    """Note that a run left nothing undone; `published` is what the source called its state when the run began."""
    await connection.execute(
        """
        INSERT INTO repository_sync (repository_id, owner, plan_sha256, published) VALUES ($1, $2, $3, $4)
        ON CONFLICT (repository_id, owner) DO UPDATE
        SET plan_sha256 = excluded.plan_sha256, published = excluded.published, finished_at = now()
        """,
        run.repository_id,
        run.owner,
        plan_sha256,
        published,
    )


async def last_sync(connection: Connection, run: Run) -> LastSync | None:
    """Return what remember_sync() noted last for the run's resource and repository."""
    row = await connection.fetchrow(
        "SELECT plan_sha256, published, extract(epoch FROM now() - finished_at)::float8 AS age_seconds"
        " FROM repository_sync WHERE repository_id = $1 AND owner = $2",
        run.repository_id,
        run.owner,
    )
    return None if row is None else LastSync(**row)
