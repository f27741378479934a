"""Turn by turn: each route, at each number of connections, is asked of one server and then of the other."""

import os
import resource
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.proc import machine_cpu_seconds
from bench.serving_asked import Route
from bench.serving_load import Load, put
from bench.serving_process import Memory
from bench.serving_scene import Scene, Server, tell
from bench.serving_writing import written_to

CONNECTIONS = (1, 32, 256)
PROMISED = (Route.COLLECTIONS, Route.VERSIONS, Route.DETAIL)
"""The routes of which a number of requests is promised."""

CHANGING_AT = 32
"""The connections at which they are asked while the database changes."""

_WARM_SECONDS = 1.0
_PROCESSORS = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Cell:
    """What one server made of one route at one number of connections, in one turn."""

    turn: int
    who: str
    route: Route
    connections: int
    load: Load


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was asked of both. Peaks are of all processes of each, from the first request to the last.

    `changing` is of our server alone while its database changes all the time, so that it remembers no answer.
    `rest_share` is what neither server, its PostgreSQL nor wrk took of the machine's processors while load was on.
    """

    cells: list[Cell]
    changing: list[Cell]
    pulp_peak_bytes: int
    ours_peak_bytes: int
    pulp_processes: int
    rest_share: float


def measure(scene: Scene, folder: Path, *, turns: int, seconds: float, routes: Sequence[Route]) -> Measured:
    """Measure both; `folder` is for the lists of paths.

    Raises:
        MeasuringError: wrk failed, or our server has ended.
    """
    servers = (scene.pulp, scene.ours)
    paths = {(server.who, route): _paths(server, route, scene, folder) for server in servers for route in routes}
    memory = {server.who: Memory() for server in servers}
    for server in servers:
        server.settle()
        memory[server.who].begin(server.pids())
        for route in routes:
            put(server.address.origin(route), paths[server.who, route], connections=1, seconds=_WARM_SECONDS)
        server.settle()
    cells, shares = [], []
    for turn, route, connections, server in _order(turns, routes, servers):
        before = _others_cpu_seconds(server)
        file = paths[server.who, route]
        load = put(server.address.origin(route), file, connections=connections, seconds=seconds)
        shares.append((_others_cpu_seconds(server) - before) / (load.seconds * _PROCESSORS))
        memory[server.who].look(server.pids())
        cells.append(Cell(turn, server.who, route, connections, load))
        tell(f"turn {turn}: {route} at {connections} of {server.who}: {load.per_second:.1f}/s")
        server.settle()
    changing = _changing(scene, {route: paths[scene.ours.who, route] for route in routes if route in PROMISED}, seconds)
    memory[scene.ours.who].look(scene.ours.pids())
    scene.process.check()
    return Measured(
        cells,
        changing,
        memory[scene.pulp.who].peak_bytes,
        memory[scene.ours.who].peak_bytes,
        len(scene.pulp.pids()),
        max(0.0, statistics.mean(shares)),
    )


def _changing(scene: Scene, paths: Mapping[Route, Path], seconds: float) -> list[Cell]:
    cells = []
    with written_to(scene.database):
        for route, file in paths.items():
            load = put(scene.ours.address.origin(route), file, connections=CHANGING_AT, seconds=seconds)
            cells.append(Cell(0, scene.ours.who, route, CHANGING_AT, load))
            tell(f"{route} at {CHANGING_AT} while the database changes: {load.per_second:.1f}/s")
    return cells


def _others_cpu_seconds(server: Server) -> float:
    """The CPU time of whatever is no part of the load: children that were waited for are wrk alone."""
    wrk = resource.getrusage(resource.RUSAGE_CHILDREN)
    return machine_cpu_seconds() - server.cpu_seconds() - wrk.ru_utime - wrk.ru_stime


def _order(
    turns: int, routes: Sequence[Route], servers: tuple[Server, Server]
) -> Iterator[tuple[int, Route, int, Server]]:
    """Who begins changes from turn to turn."""
    for turn in range(1, turns + 1):
        for route in routes:
            for connections in CONNECTIONS:
                for server in servers if turn % 2 else reversed(servers):
                    yield turn, route, connections, server


def _paths(server: Server, route: Route, scene: Scene, folder: Path) -> Path:
    file = folder / f"{server.who}-{route}"
    file.write_text("".join(f"{path}\n" for path in server.address.paths(route, scene.releases)))
    return file
