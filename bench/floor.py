"""The floor: PostgreSQL alone, taking a finished row's documents from files by COPY.

The table has the same columns, checks, primary key and compression as the real one. It lacks the reference to
collection_version, and the files are read by the server itself: nothing that a worker has to do is in it.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from bench.cluster import Cluster
from bench.figures import Floor, Load
from collectionsync.store.copy_format import COLUMNS
from collectionsync.worker.closure import INSERTERS

_COLUMNS = ", ".join(COLUMNS)
# More files than sessions: a session that has done takes the next, so that none ends long before the others.
_PARTS = 12


def measure_floor(cluster: Cluster, uri: str, scratch: Path) -> Floor:
    """Export the documents of the database `uri`, and time how fast PostgreSQL takes them back."""
    with cluster.own_folder(scratch) as folder:
        files = [folder / f"{number}.copy" for number in range(_PARTS)]
        document_bytes = cluster.run(_export(uri, files))
        single = _load(cluster, uri, files, sessions=1)
        several = _load(cluster, uri, files, sessions=INSERTERS)
    return Floor(document_bytes, single, several)


async def _export(uri: str, files: Sequence[Path]) -> int:
    connection = await asyncpg.connect(uri)
    try:
        for part, file in enumerate(files):
            rows = f"SELECT {_COLUMNS} FROM collection_document WHERE version_id % {len(files)} = {part}"
            await connection.execute(f"COPY ({rows}) TO '{file}' (FORMAT binary)", timeout=None)
        return int(await connection.fetchval("SELECT sum(bytes) FROM collection_document"))
    finally:
        connection.terminate()


def _load(cluster: Cluster, uri: str, files: Sequence[Path], *, sessions: int) -> Load:
    cluster.run(_execute(uri, "CREATE TABLE floor (LIKE collection_document INCLUDING ALL)"))
    try:
        cluster.settle()
        cpu = cluster.cpu_seconds()
        seconds = cluster.run(_timed(uri, files, sessions))
        return Load(sessions, seconds, cluster.cpu_seconds() - cpu)
    finally:
        cluster.run(_execute(uri, "DROP TABLE floor"))


async def _timed(uri: str, files: Sequence[Path], sessions: int) -> float:
    left = list(files)
    connections = [await asyncpg.connect(uri) for _ in range(sessions)]

    async def take(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        while left:
            await connection.execute(f"COPY floor ({_COLUMNS}) FROM '{left.pop()}' (FORMAT binary)", timeout=None)

    try:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(take(connection))
        return time.monotonic() - began
    finally:
        for connection in connections:
            connection.terminate()


async def _execute(uri: str, statement: str) -> None:
    connection = await asyncpg.connect(uri)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
