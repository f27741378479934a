"""Both servers with the same content: a Pulp that has synced it, and ours beside the database that ours has synced."""

import asyncio
import contextlib
import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from bench.cluster import Cluster
from bench.proc import family_cpu_seconds
from bench.rows import Row, Transport
from bench.serving_asked import Address, Release, Route
from bench.serving_process import OurServer
from bench.workers import MeasuringError, Worker, run_to_end
from collectionsync.report import Result
from testgalaxy import Served, served
from testpulp import Peer, Pulp, running_pulp
from testpulp.children import children

ROW = Row("630", Transport.PLAIN, full=True)
"""What both have: the versions of the first sync's row, with artifacts."""

ROOT_PATH = "/default/default/api"
"""The Galaxy API of what ours has synced: namespace and repository of a manifest that names neither."""
_OURS = "SELECT namespace, name, version, sha256 FROM repository_current"
_PULPS = "SELECT namespace, name, version, sha256 FROM ansible_collectionversion WHERE docs_blob <> '{}'"
_COMPARED = 12
_SETTLE_SECONDS = 120.0
_LOOK_SECONDS = 0.25
_AT_REST = 0.1


@dataclass(frozen=True, slots=True)
class Server:
    """One of the two: who it is, where it answers, and the processes that do, each with its children.

    `postmaster` is the process of its PostgreSQL.
    """

    who: str
    address: Address
    parents: tuple[int, ...]
    postmaster: int

    def pids(self) -> list[int]:
        """Return the processes that there are now."""
        return [pid for parent in self.parents for pid in (parent, *children(parent))]

    def settle(self) -> None:
        """Wait until it does nothing: a server goes on with requests after whoever has sent them has gone."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < deadline:
            before = self._own_cpu_seconds()
            time.sleep(_LOOK_SECONDS)
            if self._own_cpu_seconds() - before < _LOOK_SECONDS * _AT_REST:
                return
        tell(f"{self.who} is still at work {_SETTLE_SECONDS:.0f} s after the last request, and is asked all the same")

    def cpu_seconds(self) -> float:
        """Return the CPU time that it has taken so far, with PostgreSQL's."""
        return self._own_cpu_seconds() + family_cpu_seconds(self.postmaster)

    def _own_cpu_seconds(self) -> float:
        return sum(map(family_cpu_seconds, self.parents))


@dataclass(frozen=True, slots=True)
class Scene:
    """Both, with what they have; `process` is our server's, and `database` what it reads."""

    pulp: Server
    ours: Server
    releases: list[Release]
    process: OurServer
    database: str


@contextlib.contextmanager
def both(corpus: Path | None, cluster: Cluster, scratch: Path, *, pulp_workers: int) -> Iterator[Scene]:
    """Start both, and have both mirror the same collections of the same galaxy, which ends before they are asked.

    Raises:
        MeasuringError: one of them has not what the other has.
        PulpError: Pulp failed.
    """
    with (
        running_pulp(workers=pulp_workers, is_anonymous=True) as pulp,
        cluster.fresh_database() as database,
    ):
        with served(corpus=corpus, plan=ROW.served_plan) as galaxy:
            tell(f"ours syncs {galaxy.versions} versions")
            sync(ROW, galaxy, database, scratch)
            tell("Pulp syncs the same")
            theirs = asyncio.run(_synced(pulp, galaxy))
            releases = cluster.run(_releases(database, _OURS))
            if len(releases) != galaxy.versions or releases != cluster.run(_releases(pulp.database, _PULPS)):
                raise MeasuringError(f"ours and Pulp do not have the same {galaxy.versions} versions")
        with OurServer(database, scratch / "artifacts", scratch / "serve") as process:
            scene = Scene(theirs, _our_server(process, cluster), releases, process, database)
            _compare(scene)
            yield scene


def sync(row: Row, galaxy: Served, database: str, folder: Path) -> None:
    """Mirror a galaxy into a database of ours; artifacts go into `folder`/artifacts.

    Raises:
        MeasuringError: it failed.
    """
    (ended,) = run_to_end([Worker(row, galaxy, database, folder / f"sync-{row.served_plan}", folder / "artifacts")])
    if ended.exit_code or ended.report.result is not Result.SUCCEEDED:
        raise MeasuringError(f"ours: {ended.report.result.value} ({ended.report.reason})\n{ended.log}")


def tell(line: str) -> None:
    """Tell whoever waits."""
    print(f"... {line}", file=sys.stderr, flush=True)


async def _synced(pulp: Pulp, galaxy: Served) -> Server:
    names = "".join(f"- name: {name}\n" for name in ROW.collections)
    async with Peer.connected(pulp) as peer:
        mirror = await peer.mirror(galaxy.url, f"collections:\n{names}")
        await mirror.sync()
        tell("Pulp makes its index of it")
        api = urlsplit(await mirror.serve()).path
    name = mirror.place.name
    address = Address(
        api=pulp.origin,
        collections=f"{api}v3/plugin/ansible/content/{name}/collections/index",
        content=pulp.content_origin,
        artifacts=f"/pulp/content/{name}",
    )
    return Server("pulp-ansible", address, (pulp.api, pulp.content), pulp.postmaster)


def _our_server(process: OurServer, cluster: Cluster) -> Server:
    address = Address(
        api=process.origin,
        collections=f"{ROOT_PATH}/v3/collections",
        content=process.origin,
        artifacts=f"{ROOT_PATH}/v3/plugin/ansible/content/default/collections/artifacts",
    )
    return Server("collectionsync", address, (process.pid,), cluster.postmaster)


async def _releases(database: str, query: str) -> list[Release]:
    connection = await asyncpg.connect(database)
    try:
        return sorted(Release(*row) for row in await connection.fetch(query))
    finally:
        await connection.close()


def _compare(scene: Scene) -> None:
    """Hold what both answer against each other, for some versions: a small answer would be a fast one."""
    for route in (Route.DETAIL, Route.DOCS):
        paths = zip(*(server.address.paths(route, scene.releases) for server in (scene.pulp, scene.ours)), strict=True)
        for theirs, mine in list(paths)[:_COMPARED]:
            pulp, ours = _got(scene.pulp.address.api + theirs), _got(scene.ours.address.api + mine)
            if route is Route.DETAIL:
                pulp, ours = _comparable(pulp), _comparable(ours)
            if pulp != ours:
                raise MeasuringError(f"not the same: {theirs} and {mine}")


def _comparable(detail: Any) -> list[Any]:
    """What is large in a detail; what a MANIFEST says of a collection Pulp puts together anew, of what it knows."""
    return [detail["files"], detail["manifest"]["file_manifest_file"]]


def _got(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)
