"""The versions that a run is to bring, where each was found, and how far each has come."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from collectionsync.store.database import Connection
from collectionsync.store.run import Run
from collectionsync.store.text import NAME_LENGTH, storable


@dataclass(frozen=True, slots=True)
class Item:
    """A version to bring from one source; `fingerprint` and `marks` are what that source's list says of it.

    `version_id` is known where only its docs are missing.
    """

    namespace: str
    name: str
    version: str
    source_id: int
    fingerprint: str | None = None
    marks: tuple[str, ...] = ()
    version_id: int | None = None

    @property
    def lacks_docs(self) -> bool:
        """Whether its docs are all that is missing."""
        return self.version_id is not None

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A version as a source lists it; the fingerprint changes when anything changes that the list says of it."""

    version: str
    fingerprint: str
    marks: Sequence[str] = ()


class Found(Protocol):
    """A version of some collection, as a list of a whole source has it."""

    @property
    def namespace(self) -> str:
        """The namespace of its collection."""

    @property
    def name(self) -> str:
        """The name of its collection."""

    @property
    def version(self) -> str:
        """The version itself."""

    @property
    def fingerprint(self) -> str:
        """As in Listed."""

    @property
    def marks(self) -> Sequence[str]:
        """As in Listed."""


async def add_items(
    connection: Connection, run: Run, namespace: str, name: str, versions: Sequence[Listed], *, source_id: int
) -> int:
    """Add versions to bring, and return how many more there are to bring now.

    A version that is in the plan stays as it is, with the source that had it first. `namespace`, `name` and each
    version are valid ones.
    """
    rows = [(namespace, name, each.version, each.fingerprint, each.marks) for each in versions]
    return await _add(connection, run, source_id, rows)


async def add_many(connection: Connection, run: Run, source_id: int, rows: Sequence[Found]) -> int:
    """Add versions of several collections, as add_items() does."""
    found = [(each.namespace, each.name, each.version, each.fingerprint, each.marks) for each in rows]
    return await _add(connection, run, source_id, found)


async def _add(
    connection: Connection, run: Run, source_id: int, rows: Iterable[tuple[str, str, str, str, Sequence[str]]]
) -> int:
    columns: tuple[list[str], ...] = ([], [], [], [], [])
    for namespace, name, version, fingerprint, marks in rows:
        told = (namespace, name, version, fingerprint, "\n".join(map(storable, marks)))
        for column, value in zip(columns, told, strict=True):
            column.append(value)
    return int(await connection.fetchval(_ADD, run.id, source_id, *columns))


# What a killed run had done stays done if the same source still says the same of it. An array of arrays has to be a
# rectangle, so marks travel as lines: none has a line break that is storable.
_ADD = """
    WITH found AS MATERIALIZED (
        SELECT DISTINCT ON (namespace, name, version)
               $1::bigint AS run_id, $2::bigint AS source_id, namespace, name, version, fingerprint,
               string_to_array(lines, E'\n') AS marks
        FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
             AS rows (namespace, name, version, fingerprint, lines)
        ORDER BY namespace, name, version
    ), again AS (
        UPDATE sync_item i
        SET listed = true, source_id = found.source_id, fingerprint = found.fingerprint, marks = found.marks,
            state = CASE WHEN (i.source_id, i.fingerprint) = (found.source_id, found.fingerprint)
                         THEN i.state ELSE 'Pending' END,
            version_id = CASE WHEN (i.source_id, i.fingerprint) = (found.source_id, found.fingerprint)
                              THEN i.version_id END
        FROM found
        WHERE (i.run_id, i.namespace, i.name, i.version)
            = (found.run_id, found.namespace, found.name, found.version) AND NOT i.listed
        RETURNING i.state
    ), come AS (
        INSERT INTO sync_item (run_id, source_id, namespace, name, version, fingerprint, marks)
        SELECT run_id, source_id, namespace, name, version, fingerprint, marks FROM found
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT (SELECT count(*) FROM come) + (SELECT count(*) FROM again WHERE state = 'Pending')
"""


async def note_collection(
    connection: Connection, run: Run, namespace: str, name: str, *, source_id: int, deprecated: bool, complete: bool
) -> None:
    """Note what a source says of a collection that was looked up, and whether the list of its versions was whole."""
    await note_collections(connection, run, source_id, [(namespace, name, deprecated)], complete)


async def note_collections(
    connection: Connection, run: Run, source_id: int, rows: Sequence[tuple[str, str, bool]], complete: bool
) -> None:
    """Note several collections (namespace, name, whether it is deprecated), as note_collection() does."""
    await connection.execute(
        """
        INSERT INTO sync_collection (run_id, source_id, namespace, name, deprecated, complete)
        SELECT DISTINCT ON (namespace, name) $1::bigint, $2::bigint, namespace, name, deprecated, $6::boolean
        FROM unnest($3::text[], $4::text[], $5::boolean[]) AS rows (namespace, name, deprecated)
        ORDER BY namespace, name
        ON CONFLICT (run_id, namespace, name, source_id) DO UPDATE
        SET deprecated = excluded.deprecated, complete = excluded.complete
        """,
        run.id,
        source_id,
        [namespace for namespace, _, _ in rows],
        [name for _, name, _ in rows],
        [deprecated for _, _, deprecated in rows],
        complete,
    )


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
    """Note how an item ended. An item that the plan did not have, since its very name is unusable, is added.

    Names are cut so that an index can hold them: 2 x 64 and 500 characters of up to 4 bytes fit into a row of 2704.
    """
    await connection.execute(
        "INSERT INTO sync_item (run_id, source_id, namespace, name, version, state, version_id, reason, message)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (run_id, namespace, name, version) DO UPDATE"
        " SET state = excluded.state, version_id = excluded.version_id,"
        "     reason = excluded.reason, message = excluded.message",
        run.id,
        item.source_id,
        storable(item.namespace, NAME_LENGTH),
        storable(item.name, NAME_LENGTH),
        storable(item.version),
        state,
        version_id,
        reason,
        None if message is None else storable(message),
    )


async def settle_planned(
    connection: Connection,
    run: Run,
    item: Item,
    *,
    dependencies: Mapping[str, str],
    size: int,
    version_id: int | None = None,
) -> None:
    """Note what a run that only plans found out: to bring the item would take `size` bytes.

    `version_id` is known where the content is, and the repository may have it already.
    """
    await connection.execute(
        "UPDATE sync_item SET state = 'Planned', dependencies = $5, bytes = $6, version_id = $7"
        " WHERE run_id = $1 AND namespace = $2 AND name = $3 AND version = $4",
        run.id,
        item.namespace,
        item.name,
        item.version,
        json.dumps({storable(name): storable(wanted) for name, wanted in dependencies.items()}),
        size,
        version_id,
    )
