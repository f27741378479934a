"""A sync as tests drive it: manifests, runs in the test's own process, and what the database holds afterwards.

A run here is the whole worker but for its process: the same code against a real PostgreSQL and a real HTTP server, with
pauses between retries that a test can wait for. What only a process has (signals, exit codes, memory) is in `command`.
"""

import asyncio
import contextlib
import inspect
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from collectionsync.byte_budget import ByteBudget
from collectionsync.galaxy.retry import RetryPolicy
from collectionsync.manifest import load
from collectionsync.memory import Cgroup, rss_bytes
from collectionsync.report import ExitCode, Result, RunReport
from collectionsync.resource import CollectionSync, memory_limit_bytes
from collectionsync.worker.budget import MEBIBYTE
from collectionsync.worker.outcome import Outcome, stopped_by
from collectionsync.worker.report import Reporter
from collectionsync.worker.sync import Surroundings, Sync
from collectionsync.worker.tally import Tally
from testgalaxy import Catalog, Version

Manifest = dict[str, Any]

PATIENCE_SECONDS = 120.0
"""How long a test waits for what must come; only a test that fails ever waits as long."""

QUICK = RetryPolicy(base_seconds=0.01, cap_seconds=0.05, longest_wait_seconds=5.0)
"""As many tries as a user's run has, without its patience."""

CONNECTIONS = 6
"""As many as a memory limit of 64 MiB allows."""


def manifest(url: str, *collections: str, namespace: str = "default", **spec: Any) -> Manifest:
    """A manifest that mirrors these collections, each `namespace.name` and perhaps a colon and a range.

    `spec` holds further fields by their names in a manifest, and says what is asked for where no collection does. Those
    of `source` go into the source, beside its URL.
    """
    first = source(url, **spec.pop("source", {}))
    return {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "metadata": {"name": "mirror", "namespace": namespace},
        "spec": {"source": first, **_asked(collections), **spec},
    }


def _asked(collections: tuple[str, ...]) -> Manifest:
    return {"collections": [_requirement(text) for text in collections]} if collections else {}


def source(url: str, **fields: Any) -> Manifest:
    """A source as a manifest has it: one of plain HTTP says so."""
    return {"url": url, **({"insecure": True} if url.startswith("http://") else {}), **fields}


def _requirement(text: str) -> dict[str, str]:
    name, _, versions = text.partition(":")
    return {"name": name, "version": versions} if versions else {"name": name}


async def until(
    condition: Callable[[], bool | Awaitable[bool]], what: str = "the condition", *, seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until `condition` holds, looking often; fails when it does not within `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        held = condition()
        if await held if inspect.isawaitable(held) else held:
            return
        assert asyncio.get_running_loop().time() < deadline, f"{what} did not come within {seconds:.0f} s"
        await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Ended:
    """How a run ended: what its process would have told, and its report."""

    outcome: Outcome
    report: RunReport

    @property
    def code(self) -> ExitCode:
        """The exit code."""
        return self.outcome.code

    @property
    def result(self) -> Result:
        """The result."""
        return self.outcome.result

    @property
    def skipped(self) -> dict[str, str]:
        """The reason by `namespace.name version` of all that the report names as skipped."""
        return {f"{item.name} {item.version}": item.reason for item in self.report.skipped}


async def sync(
    document: Manifest,
    database: str,
    *,
    spool: Path | None = None,
    retry: RetryPolicy = QUICK,
    stall_seconds: float = 20.0,
    **found: Any,
) -> Ended:
    """Run a sync in this process, to its end; errors that have no exit code are raised.

    `found` are further Surroundings: secrets, config_maps, artifacts.
    """
    tally = Tally()
    resource = load(json.dumps(document).encode())
    reporter = _reporter(resource, tally)
    try:
        run = prepared(
            document, database, tally, reporter, spool=spool, retry=retry, stall_seconds=stall_seconds, **found
        )
        outcome = await run.run()
    except Exception as error:
        stopped = stopped_by(error)
        if stopped is None:
            raise
        outcome = stopped
    return Ended(outcome, reporter.report(outcome))


def prepared(
    document: Manifest,
    database: str,
    tally: Tally,
    reporter: Reporter,
    *,
    spool: Path | None = None,
    retry: RetryPolicy = QUICK,
    stall_seconds: float = 20.0,
    secrets: Path | None = None,
    **found: Any,
) -> Sync:
    """A run that has not begun."""
    return Sync(
        load(json.dumps(document).encode()),
        surroundings=Surroundings(
            database_uri=database,
            secrets=secrets,
            spool=spool or Path(tempfile.gettempdir()),
            cgroup=Cgroup(),
            limit_bytes=1024 * MEBIBYTE,
            connections=CONNECTIONS,
            retry=retry,
            stall_seconds=stall_seconds,
            **found,
        ),
        tally=tally,
        budget=ByteBudget(8 * MEBIBYTE),
        reporter=reporter,
    )


@contextlib.asynccontextmanager
async def running(document: Manifest, database: str, **options: Any) -> AsyncIterator["asyncio.Task[Ended]"]:
    """sync() as a task that ends with the block at the latest."""
    task = asyncio.create_task(sync(document, database, **options))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _reporter(resource: CollectionSync, tally: Tally) -> Reporter:
    limit_bytes = memory_limit_bytes(resource.spec)
    return Reporter(tally=tally, path=None, cgroup=Cgroup(), limit_bytes=limit_bytes, base_bytes=rss_bytes())


async def rows(database: str, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    """The rows of a query, over a connection of its own."""
    connection = await asyncpg.connect(database)
    try:
        return [tuple(row.values()) for row in await connection.fetch(query, *arguments)]
    finally:
        await connection.close()


async def value(database: str, query: str, *arguments: object) -> Any:
    """The only value of a query."""
    ((only,),) = await rows(database, query, *arguments)
    return only


async def published(database: str, *, namespace: str = "default", repository: str = "default") -> list[str]:
    """What readers see of a repository: `namespace.name version`, sorted."""
    found = await rows(
        database,
        "SELECT namespace || '.' || name || ' ' || version FROM repository_current"
        " WHERE repository_namespace = $1 AND repository = $2",
        namespace,
        repository,
    )
    return sorted(text for (text,) in found)


async def stored_versions(database: str) -> int:
    """How many versions are stored, published or not; 0 before there is a schema."""
    if await value(database, "SELECT to_regclass('collection_version') IS NULL"):
        return 0
    return int(await value(database, "SELECT count(*) FROM collection_version"))


async def stored_names(database: str) -> set[str]:
    """The stored versions as `namespace.name version`, published or not."""
    found = await rows(database, "SELECT namespace || '.' || name || ' ' || version FROM collection_version")
    return {name for (name,) in found}


async def stored_documents(database: str) -> dict[tuple[str, str], bytes]:
    """Every stored body by version (`namespace.name version`) and kind, as the bytes that came."""
    found = await rows(
        database,
        "SELECT v.namespace || '.' || v.name || ' ' || v.version, d.kind, convert_to(d.body::text, 'UTF8')"
        " FROM collection_document d JOIN collection_version v ON v.id = d.version_id",
    )
    return {(version, kind): bytes(body) for version, kind, body in found}


def served_documents(versions: Iterable[Version] | Catalog) -> dict[tuple[str, str], bytes]:
    """The same as what a galaxy serves of these versions."""
    found: dict[tuple[str, str], bytes] = {}
    for version in versions:
        key = f"{version.collection} {version.version}"
        for kind in ("metadata", "manifest", "files"):
            found[key, kind] = bytes(getattr(version, kind))
        if version.docs is not None:
            found[key, "docs_blob"] = bytes(version.docs)
    return found


async def wrong_digests(database: str) -> int:
    """How many stored documents are not what their digest or their length says, as PostgreSQL computes both."""
    return int(
        await value(
            database,
            "SELECT count(*) FROM collection_document WHERE bytes <> octet_length(convert_to(body::text, 'UTF8'))"
            " OR sha256 <> encode(sha256(convert_to(body::text, 'UTF8')), 'hex')",
        )
    )


def names(versions: Iterable[Version] | Catalog) -> list[str]:
    """`namespace.name version` of these versions, sorted: what is published when all of them are."""
    return sorted(f"{version.collection} {version.version}" for version in versions)
