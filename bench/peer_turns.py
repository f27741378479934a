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
from bench.proc import family_cpu_seconds, machine_cpu_seconds
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
    """A first sync. CPU is of the process that syncs, of all of PostgreSQL, and of the galaxy.

    `rest_cpu` is what everything else on the machine took meanwhile: of a quiet one next to nothing. The peak is VmHWM
    of the process that syncs alone: of Pulp it is the task's, without the worker that waits for it.
    """

    seconds: float
    sync_cpu: float
    postgres_cpu: float
    server_cpu: float
    rest_cpu: float
    peak_bytes: int
    releases: int


@dataclass(frozen=True, slots=True)
class _Readings:
    """CPU time so far: of PostgreSQL, of the galaxy, and of the whole machine."""

    postgres: float
    server: float
    machine: float

    def __sub__(self, before: "_Readings") -> "_Readings":
        return _Readings(self.postgres - before.postgres, self.server - before.server, self.machine - before.machine)


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
        before = _readings(scene, family_cpu_seconds(pulp.postmaster))
        done = asyncio.run(_synced(scene, pulp))
        took = _readings(scene, family_cpu_seconds(pulp.postmaster)) - before
        measured = _measured(scene, done.seconds, done.cpu_seconds, done.peak_bytes, took)
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
        before = _readings(scene, scene.cluster.cpu_seconds())
        (ended,) = run_to_end([Worker(scene.row, scene.galaxy, database, Path(folder, "run"), artifacts)])
        report = ended.report
        if ended.exit_code or report.result is not Result.SUCCEEDED:
            raise MeasuringError(f"ours: {report.result.value} ({report.reason}), {ended.exit_code}\n{ended.log}")
        took = _readings(scene, scene.cluster.cpu_seconds()) - before
        measured = _measured(scene, ended.seconds, ended.cpu_seconds, report.peak_rss_bytes, took)
        if scene.row.full:
            check(artifacts, scene.cluster.run(expected(database)))
        return measured, scene.cluster.run(_releases(database, _OURS))


def _readings(scene: Scene, postgres: float) -> _Readings:
    return _Readings(postgres, scene.galaxy.cpu_seconds(), machine_cpu_seconds())


def _measured(scene: Scene, seconds: float, sync_cpu: float, peak_bytes: int, took: _Readings) -> Measured:
    return Measured(
        seconds=seconds,
        sync_cpu=sync_cpu,
        postgres_cpu=took.postgres,
        server_cpu=took.server,
        rest_cpu=max(0.0, took.machine - took.postgres - took.server - sync_cpu),
        peak_bytes=peak_bytes,
        releases=scene.galaxy.versions,
    )


async def _releases(database: str, query: str) -> Releases:
    connection = await asyncpg.connect(database)
    try:
        return {(row[0], row[1], row[2], row[3]) for row in await connection.fetch(query)}
    finally:
        await connection.close()


def _tell(line: str) -> None:
    print(f"... {line}", file=sys.stderr, flush=True)
