"""One turn of the comparison: a first sync by Pulp and one by ours, each into nothing, of the same content."""

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from bench.cluster import Cluster
from bench.objects import check, expected
from bench.proc import family_cpu_seconds
from bench.rows import Row
from bench.workers import MeasuringError, Worker, run_to_end
from collectionsync.report import Result
from testgalaxy import Served
from testpulp import Peer, Pulp, SyncDone, running_pulp

_OURS = "SELECT namespace, name, version, sha256 FROM repository_current"
_PULPS = "SELECT namespace, name, version, sha256 FROM ansible_collectionversion WHERE docs_blob <> '{}'"

Releases = set[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class Scene:
    """What all turns share: the row, its galaxy, the cluster of our databases, and a folder for whatever is written."""

    row: Row
    galaxy: Served
    cluster: Cluster
    scratch: Path


@dataclass(frozen=True, slots=True)
class Measured:
    """A first sync. CPU is of the process that syncs and of all of PostgreSQL; `load` is the machine's before it.

    The peak is VmHWM of that process alone: of Pulp it is the task's, without the worker that waits for it.
    """

    seconds: float
    sync_cpu: float
    postgres_cpu: float
    peak_bytes: int
    load: float
    releases: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Both, one after the other."""

    pulp: Measured
    ours: Measured


def turn(scene: Scene, *, pulp_first: bool) -> Turn:
    """Measure both.

    Raises:
        MeasuringError: one of them failed, or they did not bring the same.
        PulpError: Pulp failed.
    """
    if pulp_first:
        (pulp, pulps), (ours, mine) = _by_pulp(scene), _by_ours(scene)
    else:
        (ours, mine), (pulp, pulps) = _by_ours(scene), _by_pulp(scene)
    if len(mine) != scene.galaxy.versions or mine != pulps:
        raise MeasuringError(f"ours has {len(mine)} versions and Pulp {len(pulps)}, of {scene.galaxy.versions}")
    return Turn(pulp, ours)


def _by_pulp(scene: Scene) -> tuple[Measured, Releases]:
    with running_pulp() as pulp:
        _tell("Pulp syncs")
        os.sync()
        load, postgres = os.getloadavg()[0], family_cpu_seconds(pulp.postmaster)
        done = asyncio.run(_synced(scene, pulp))
        measured = Measured(
            seconds=done.seconds,
            sync_cpu=done.cpu_seconds,
            postgres_cpu=family_cpu_seconds(pulp.postmaster) - postgres,
            peak_bytes=done.peak_bytes,
            load=load,
            releases=scene.galaxy.versions,
        )
        return measured, scene.cluster.run(_releases(pulp.database, _PULPS))


async def _synced(scene: Scene, pulp: Pulp) -> SyncDone:
    names = "".join(f"- name: {name}\n" for name in scene.row.collections)
    trust: dict[str, Any] = {"ca_cert": scene.galaxy.ca.read_text()} if scene.galaxy.ca else {}
    async with Peer.connected(pulp) as peer:
        mirror = await peer.mirror(scene.galaxy.url, f"collections:\n{names}", **trust)
        return await mirror.sync()


def _by_ours(scene: Scene) -> tuple[Measured, Releases]:
    with tempfile.TemporaryDirectory(dir=scene.scratch) as folder, scene.cluster.fresh_database() as database:
        _tell("ours syncs")
        artifacts = Path(folder, "artifacts")
        load, postgres = os.getloadavg()[0], scene.cluster.cpu_seconds()
        (ended,) = run_to_end([Worker(scene.row, scene.galaxy, database, Path(folder, "run"), artifacts)])
        report = ended.report
        if ended.exit_code or report.result is not Result.SUCCEEDED:
            raise MeasuringError(f"ours: {report.result.value} ({report.reason}), {ended.exit_code}\n{ended.log}")
        measured = Measured(
            seconds=ended.seconds,
            sync_cpu=ended.cpu_seconds,
            postgres_cpu=scene.cluster.cpu_seconds() - postgres,
            peak_bytes=report.peak_rss_bytes,
            load=load,
            releases=report.versions.created,
        )
        if scene.row.full:
            check(artifacts, scene.cluster.run(expected(database)))
        return measured, scene.cluster.run(_releases(database, _OURS))


async def _releases(database: str, query: str) -> Releases:
    connection = await asyncpg.connect(database)
    try:
        return {(row[0], row[1], row[2], row[3]) for row in await connection.fetch(query)}
    finally:
        await connection.close()


def _tell(line: str) -> None:
    print(f"... {line}", file=sys.stderr, flush=True)
