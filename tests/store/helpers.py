"""What tests of the store are made of: documents, versions and runs that need no source."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import asyncpg

from collectionsync.store import plan
from collectionsync.store.artifacts import StoredArtifact
from collectionsync.store.content import Outcome, Version, store_version
from collectionsync.store.copy_format import Document
from collectionsync.store.database import Connection, Database
from collectionsync.store.repository import Publication, publish
from collectionsync.store.said import Said

Onlooker: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SOURCE = "https://galaxy.example.com/"
OTHER_SOURCE = "https://other.example.com/"


class Text:
    """A document that is held; `claims` is what it announces instead of its length."""

    def __init__(self, body: bytes, kind: str = "docs_blob", *, chunk: int = 65536, claims: int | None = None) -> None:
        self.body = body
        self.kind = kind
        self.size = len(body) if claims is None else claims
        self.sha256 = hashlib.sha256(body).hexdigest()
        self.has_nul = b"\\u0000" in body
        self._pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]

    def cut(self, *at: int) -> "Text":
        """Make its chunks end here."""
        edges = [0, *sorted(at), len(self.body)]
        self._pieces = [self.body[a:b] for a, b in pairwise(edges)]
        return self

    def chunks(self) -> Iterator[bytes]:
        yield from self._pieces


def version(
    name: str = "alpha",
    number: str = "1.0.0",
    *,
    artifact: str = "",
    dependencies: dict[str, str] | None = None,
    tags: Sequence[str] = (),
) -> Version:
    """A version of the namespace `acme`; `artifact` makes another digest."""
    return Version(
        namespace="acme",
        name=name,
        version=number,
        sort_key=number,
        sha256=digest(name, number, artifact),
        size=1000,
        requires_ansible=">=2.15",
        dependencies=dependencies or {},
        tags=list(tags),
    )


def digest(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


FINGERPRINT = digest("what a list says of it")
SAID = Said(fingerprint=FINGERPRINT)
TERMS = plan.Terms(recheck_seconds=3600)


def item(run: plan.Run, of: Version) -> plan.Item:
    """A version as the list of the run's first source has it."""
    return plan.Item(of.namespace, of.name, of.version, run.source_id, FINGERPRINT)


def listed(*numbers: str, fingerprint: str = FINGERPRINT) -> list[plan.Listed]:
    """Versions in a source's list."""
    return [plan.Listed(number, fingerprint) for number in numbers]


async def bring(
    database: Database,
    run: plan.Run,
    of: Version,
    documents: Sequence[Document] = (),
    *,
    said: Said = SAID,
    artifact: StoredArtifact | None = None,
    excluded: bool = False,
) -> tuple[Outcome, list[Document]]:
    """Store a version as a worker does that has fetched it from the run's first source."""
    return await store_version(
        database, run, item(run, of), of, documents, said=said, artifact=artifact, excluded=excluded
    )


async def opened(
    connection: Connection,
    *,
    namespace: str = "team-a",
    repository: str = "main",
    owner: str = "everything",
    source: str = SOURCE,
    asked: str = "everything",
) -> plan.Run:
    """Open a run as a worker does."""
    return await plan.open_run(
        connection,
        namespace=namespace,
        repository=repository,
        owner=owner,
        source_url=source,
        plan_sha256=digest(asked),
    )


async def synced(
    database: Database,
    versions: Iterable[Version],
    *,
    mirror: bool = False,
    deprecated: Mapping[str, bool] | None = None,
    **of: str,
) -> Publication:
    """Bring these versions, publish them and end the run; `deprecated` says so of collections that are looked up."""
    async with database.session() as lease:
        run = await opened(lease, **of)
        for one in versions:
            await bring(database, run, one, [Text(b"{}")])
        for name, flag in (deprecated or {}).items():
            await plan.note_collection(
                lease, run, "acme", name, source_id=run.source_id, deprecated=flag, complete=True
            )
        publication = await publish(lease, run, mirror=mirror)
        await plan.finish(lease, run, result="Succeeded", report=b"{}")
    return publication


async def current(connection: Connection, namespace: str = "team-a", repository: str = "main") -> set[tuple[str, str]]:
    """What a reader of the repository sees: names and digests."""
    rows = await connection.fetch(
        "SELECT name, sha256 FROM repository_current WHERE repository_namespace = $1 AND repository = $2",
        namespace,
        repository,
    )
    return {(row["name"], row["sha256"]) for row in rows}


def content(*versions: Version) -> set[tuple[str, str]]:
    """What current() returns when these are all."""
    return {(each.name, each.sha256) for each in versions}


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait for a condition; the test's own time limit ends it."""
    while not await condition():
        await asyncio.sleep(0.005)


async def waiting_for_a_lock(connection: Connection) -> int:
    """Count the sessions of this database that wait for another's lock."""
    await connection.execute("SELECT pg_stat_clear_snapshot()")  # a transaction would see the same again and again
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )
