"""The commands that look and do not sync: what a sync would do, and whether what is stored is as it came."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from collectionsync.byte_budget import ByteBudget
from collectionsync.memory import find_cgroup, rss_bytes
from collectionsync.quantity import format_bytes, parse_bytes
from collectionsync.report import ExitCode
from collectionsync.resource import CollectionSync, memory_limit_bytes
from collectionsync.store.artifacts import store_id
from collectionsync.store.database import connected
from collectionsync.store.location import located
from collectionsync.store.migrate import migrate
from collectionsync.worker.budget import plan_memory
from collectionsync.worker.closure import INSERTERS
from collectionsync.worker.outcome import bug, stopped_by
from collectionsync.worker.planning import table
from collectionsync.worker.report import Reporter
from collectionsync.worker.sync import Surroundings, Sync
from collectionsync.worker.tally import Tally
from collectionsync.worker.targets import Options, artifact_store, database_uri
from collectionsync.worker.verification import Counted, Verification

if TYPE_CHECKING:
    from collectionsync.artifacts.store import ArtifactStore

log = logging.getLogger(__name__)

_SHOWN = 1000

Look = Callable[[str, "ArtifactStore | None"], Coroutine[Any, Any, ExitCode]]


def plan(resource: CollectionSync, options: Options, *, as_json: bool) -> ExitCode:
    """Print what a sync would add, remove and download, and return the exit code."""

    async def look(uri: str, artifacts: "ArtifactStore | None") -> ExitCode:
        planned = await _sync(resource, options, uri, artifacts).plan(shown=_SHOWN)
        print(msgspec.json.encode(planned).decode() if as_json else table(planned))  # noqa: T201
        return ExitCode.OK

    return _looked(resource, options, look)


def _sync(resource: CollectionSync, options: Options, uri: str, artifacts: "ArtifactStore | None") -> Sync:
    cgroup, tally, base_bytes = find_cgroup(), Tally(), rss_bytes()
    limit_bytes = cgroup.limit_within(memory_limit_bytes(resource.spec))
    memory = plan_memory(
        limit_bytes=limit_bytes,
        base_bytes=base_bytes,
        sessions=INSERTERS,
        concurrency=resource.spec.fetch.concurrency,
        max_in_flight_bytes=parse_bytes(resource.spec.fetch.max_in_flight),
    )
    return Sync(
        resource,
        surroundings=Surroundings(
            database_uri=uri,
            secrets=options.secrets,
            spool=options.spool,
            cgroup=cgroup,
            limit_bytes=limit_bytes,
            connections=memory.connections,
            config_maps=options.config_maps,
            artifacts=artifacts,
        ),
        tally=tally,
        budget=ByteBudget(memory.in_flight_bytes),
        reporter=Reporter(tally=tally, path=None, cgroup=cgroup, limit_bytes=limit_bytes, base_bytes=base_bytes),
    )


def verify(resource: CollectionSync, options: Options, *, members: bool, forget: bool) -> ExitCode:
    """Print what of the resource's repository is damaged, and return the exit code: CONTENT where anything is."""

    async def look(uri: str, artifacts: "ArtifactStore | None") -> ExitCode:
        counted, damages = Counted(), 0
        async with connected(uri, sessions=2) as database:
            await migrate(database)
            async with database.session() as connection:
                known = await store_id(connection, artifacts.url) if artifacts else None
            verification = Verification(
                database,
                namespace=resource.metadata.namespace,
                repository=resource.spec.target.repository,
                owner=resource.metadata.name,
                artifacts=artifacts,
                store_id=known,
                members=members,
                folder=options.spool,
                counted=counted,
            )
            async for damage in verification.damages():
                damages += 1
                print(f"damaged  {damage.name} {damage.version} {damage.part}: {damage.reason}, {damage.message}")  # noqa: T201
                if forget:
                    await verification.forget(damage)
        print(_verified(counted, damages, forgotten=forget))  # noqa: T201
        return ExitCode.CONTENT if damages else ExitCode.OK

    return _looked(resource, options, look)


def _verified(counted: Counted, damages: int, *, forgotten: bool) -> str:
    looked = (
        f"{counted.documents} documents ({format_bytes(counted.document_bytes)}) and "
        f"{counted.artifacts} artifacts ({format_bytes(counted.artifact_bytes)}) looked at"
    )
    if not counted.documents:
        return "there is nothing in the repository yet"
    if not damages:
        return f"{looked}: all are as they came"
    then = "forgotten: the next sync brings them again" if forgotten else "--forget lets the next sync bring them again"
    return f"{looked}: {damages} damaged; {then}"


def _looked(resource: CollectionSync, options: Options, look: Look) -> ExitCode:
    try:
        artifacts = artifact_store(resource, options)
        with located(database_uri(resource, options)) as uri:
            return asyncio.run(look(uri, artifacts))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> ExitCode:
    outcome = stopped_by(error)
    if outcome is None:
        log.error("a bug in collectionsync: please report it with what follows", exc_info=error)
        return bug(error).code
    log.error("%s (%s)", outcome.message, outcome.reason)
    return outcome.code
