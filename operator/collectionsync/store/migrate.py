"""The schema, brought up to date by numbered SQL files and never down."""

from pathlib import Path

from collectionsync.store.database import Connection, Database, SchemaMismatchError

_FOLDER = Path(__file__).parent / "migrations"
# Any number will do as long as every collectionsync takes the same one.
_LOCK = 0x636F6C6C


def migrations() -> dict[int, Path]:
    """Return the migrations that this release knows, by their numbers."""
    return {int(path.name.split("_")[0]): path for path in sorted(_FOLDER.glob("[0-9]*.sql"))}


async def migrate(database: Database) -> list[str]:
    """Apply what is missing, in one transaction, and return the names of what was applied.

    Workers that start together wait for one another here; all but the first find nothing to do.

    Raises:
        SchemaMismatchError: a newer release has migrated the schema further than this one knows.
        StoreError: PostgreSQL refuses.
    """
    known = migrations()
    async with database.transaction() as connection:
        if await _applied(connection) == known.keys():
            return []
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration ("
            "number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = await _applied(connection)
        if unknown := applied - known.keys():
            raise SchemaMismatchError(
                f"the database has migration {max(unknown)}, which this release does not know "
                f"(its newest is {max(known)}); run a newer collectionsync"
            )
        missing = [number for number in known if number not in applied]
        for number in missing:
            await connection.execute(known[number].read_text(encoding="utf-8"))
            await connection.execute(
                "INSERT INTO schema_migration (number, name) VALUES ($1, $2)", number, known[number].stem
            )
    return [known[number].stem for number in missing]


async def _applied(connection: Connection) -> set[int]:
    if await connection.fetchval("SELECT to_regclass('schema_migration')") is None:
        return set()
    return {row["number"] for row in await connection.fetch("SELECT number FROM schema_migration")}
