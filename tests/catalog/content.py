"""What tests of the catalog read: versions of any namespace, stored and published as a worker does it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from collectionsync.galaxy.versions import sort_key
from collectionsync.store import plan
from collectionsync.store.artifacts import StoredArtifact
from collectionsync.store.catalog.details import Answer, detail
from collectionsync.store.catalog.repositories import Repository, find_repository
from collectionsync.store.content import Version
from collectionsync.store.database import Connection, Database, connected
from collectionsync.store.migrate import migrate
from collectionsync.store.repository import Publication, publish
from collectionsync.store.said import Said
from postgres import fresh_database
from store.helpers import FINGERPRINT, SAID, Text, bring, digest, opened

BASE = "/galaxy/team-a/main/api"
URL = "https://mirror.example.com"
WHERE = {"base": BASE, "url": URL}
INLINE = 100_000


@dataclass(frozen=True)
class Stored:
    """A version with its documents by kind, and what its source says of it."""

    version: Version
    documents: Mapping[str, bytes] = field(default_factory=dict)
    said: Said = SAID
    artifact: StoredArtifact | None = None


def stored(
    namespace: str,
    name: str,
    number: str = "1.0.0",
    *,
    requires_ansible: str | None = ">=2.15",
    artifact: str = "",
    marks: Iterable[str] = (),
    said: Said | None = None,
    kept: StoredArtifact | None = None,
    **documents: bytes,
) -> Stored:
    """A version to store; `artifact` makes another digest, and `kept` says which object store has it."""
    version = Version(
        namespace=namespace,
        name=name,
        version=number,
        sort_key=sort_key(number),
        sha256=digest(namespace, name, number, artifact),
        size=1000,
        requires_ansible=requires_ansible,
        dependencies={"acme.needed": ">=1.0.0"},
        tags=["linux", 'odd "tag"'],
    )
    return Stored(version, documents, said or Said(fingerprint=FINGERPRINT, marks=sorted(marks)), kept)


async def store_all(database: Database, run: plan.Run, *versions: Stored) -> None:
    """Store versions as what the run brought."""
    for each in versions:
        documents = [Text(body, kind) for kind, body in each.documents.items()]
        await bring(database, run, each.version, documents, said=each.said, artifact=each.artifact)


async def published_by(
    database: Database, *versions: Stored, mirror: bool = False, deprecated: Mapping[str, bool] | None = None, **of: str
) -> Publication:
    """Store versions, publish them and end the run; `deprecated` says so of collections (`namespace.name`)."""
    async with database.session() as lease:
        run = await opened(lease, **of)
        await store_all(database, run, *versions)
        for collection, flag in (deprecated or {}).items():
            namespace, name = collection.split(".")
            await plan.note_collection(
                lease, run, namespace, name, source_id=run.source_id, deprecated=flag, complete=True
            )
        publication = await publish(lease, run, mirror=mirror)
        await plan.finish(lease, run, result="Succeeded", report=b"{}")
    return publication


async def repository(connection: Connection, namespace: str = "team-a", name: str = "main") -> Repository:
    """The repository as it is now."""
    found = await find_repository(connection, namespace, name)
    assert found is not None
    return found


async def source_id(connection: Connection, url: str) -> int:
    return int(await connection.fetchval("SELECT id FROM source WHERE url = $1", url))


async def version_id(connection: Connection, of: Stored) -> int:
    return int(await connection.fetchval("SELECT id FROM collection_version WHERE sha256 = $1", of.version.sha256))


def whole(answer: Answer | None) -> bytes:
    """The bytes of an answer that is all there."""
    assert answer is not None
    parts = [part for part in answer.parts if isinstance(part, bytes)]
    assert len(parts) == len(answer.parts), "a document did not come along"
    body = b"".join(parts)
    assert len(body) == answer.size
    return body


async def read_detail(connection: Connection, of: Repository, what: Stored) -> dict[str, Any]:
    """The detail of a version, as a client reads it."""
    version = what.version
    answer = await detail(
        connection,
        of,
        **WHERE,
        namespace=version.namespace,
        name=version.name,
        version=version.version,
        inline_bytes=INLINE,
    )
    read: dict[str, Any] = json.loads(whole(answer))
    return read


@contextmanager
def filled_database(server: str, fill: Callable[[Database], Awaitable[None]]) -> Iterator[str]:
    """Make a database that several tests read, and yield its URI."""
    with fresh_database(server) as uri, ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _fill(uri, fill)).result()
        yield uri


async def _fill(uri: str, fill: Callable[[Database], Awaitable[None]]) -> None:
    async with connected(uri, sessions=4) as database:
        await migrate(database)
        await fill(database)
