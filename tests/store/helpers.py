"""What tests of the store are made of: documents, versions and runs that need no source."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import asyncpg

from collectionsync.store import plan
from collectionsync.store.content import Version
from collectionsync.store.database import Connection

Onlooker: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SOURCE = "https://galaxy.example.com/"


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


def item(of: Version) -> plan.Item:
    return plan.Item(of.namespace, of.name, of.version)


async def opened(
    connection: Connection,
    *,
    namespace: str = "team-a",
    repository: str = "main",
    source: str = SOURCE,
    asked: str = "everything",
) -> plan.Run:
    """Open a run as a worker does."""
    return await plan.open_run(
        connection, namespace=namespace, repository=repository, source_url=source, plan_sha256=digest(asked)
    )


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
