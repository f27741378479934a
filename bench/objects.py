"""What a Full run has left in its store, held against what the database says of it. Every object is read."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from bench.workers import MeasuringError


async def expected(uri: str) -> dict[str, int]:
    """Return the size of every artifact that a database knows to be stored, by its digest."""
    connection = await asyncpg.connect(uri)
    try:
        rows = await connection.fetch("SELECT sha256, bytes FROM artifact JOIN collection_version ON id = version_id")
        return {row["sha256"]: row["bytes"] for row in rows}
    finally:
        await connection.close()


def check(folder: Path, sizes: Mapping[str, int]) -> int:
    """Return how many bytes lie in the folder of a store, where they are what the database says and nothing else.

    Raises:
        MeasuringError: an object is missing, is too much, or is not what its name says.
    """
    found = {path.name.removesuffix(".tar.gz"): path for path in folder.rglob("*") if path.is_file()}
    if found.keys() != sizes.keys():
        missing, strange = len(sizes.keys() - found.keys()), len(found.keys() - sizes.keys())
        raise MeasuringError(f"the store of artifacts lacks {missing} objects, and has {strange} that nobody knows of")
    for sha256, path in found.items():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if (digest, path.stat().st_size) != (sha256, sizes[sha256]):
            raise MeasuringError(f"an object in the store of artifacts is not what it is called: {path.name}")
    return sum(sizes.values())
