"""What was promised of the server, held against what was measured. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.figures import MIB, Machine
from bench.serving_asked import Route
from bench.serving_crowd import Crowd
from bench.serving_turns import PROMISED, Cell, Measured
from bench.targets import Target

TIMES_PEER = 5.0
"""The least that ours may answer of what Pulp answers, in requests per second."""
OF_PEER_MEMORY = 0.1
CROWD_MIB = 80.0
OTHERS_WAIT_SECONDS = 1.0
"""The most that another client may wait for a small answer while a crowd is there."""

SLOW, IDLE = "slow readers", "idle connections"


@dataclass(frozen=True, slots=True)
class ServingResults:
    """A run of the benchmark. `unmeasured` are rows that this machine does not allow, with the reason."""

    machine: Machine
    command: str
    seconds: float
    pulp: str
    pulp_workers: int
    versions: int
    measured: Measured
    slow: Crowd | None = None
    idle: Crowd | None = None
    unmeasured: dict[str, str] = field(default_factory=dict)


def targets(results: ServingResults) -> list[Target]:
    """Return every target that was measured; one of several turns holds in all of them, or is missed."""
    found = [*_rates(results.measured.cells), *_while_changing(results.measured), *_memory(results.measured)]
    if results.slow:
        found += _crowd(SLOW, results.slow)
    if results.idle:
        found += _crowd(IDLE, results.idle)
    return found


def pairs(cells: Sequence[Cell], route: Route, connections: int) -> list[tuple[Cell, Cell]]:
    """Return Pulp's cell and ours of each turn."""
    chosen = [cell for cell in cells if (cell.route, cell.connections) == (route, connections)]
    ours = {cell.turn: cell for cell in chosen if cell.who == "collectionsync"}
    return [(cell, ours[cell.turn]) for cell in chosen if cell.turn in ours and cell.who != "collectionsync"]


def times(pulp: Cell, ours: Cell) -> float:
    """Return how many requests ours answered for each of Pulp's; a Pulp that answered none counts as if with one."""
    return ours.load.per_second * pulp.load.seconds / max(1, pulp.load.requests)


def _rates(cells: Sequence[Cell]) -> Iterator[Target]:
    asked = dict.fromkeys((cell.route, cell.connections) for cell in cells)
    for route, connections in asked:
        least = min(times(*pair) for pair in pairs(cells, route, connections))
        if route in PROMISED:
            where = f"{route} at {connections}"
            found, promised = f"{least:.1f} x", f">= {TIMES_PEER:g} x"
            yield Target(where, "requests/s of Pulp's", found, promised, least >= TIMES_PEER)


def _while_changing(measured: Measured) -> Iterator[Target]:
    """Hold what ours answers where it can remember nothing against the best turn of Pulp's, which never does."""
    for cell in measured.changing:
        pulp = [each for each, _ in pairs(measured.cells, cell.route, cell.connections)]
        if pulp:
            least = min(times(each, cell) for each in pulp)
            where = f"{cell.route} at {cell.connections}, database changing"
            found, promised = f"{least:.1f} x", f">= {TIMES_PEER:g} x"
            yield Target(where, "requests/s of Pulp's", found, promised, least >= TIMES_PEER)
    ours = [cell for cell in (*measured.cells, *measured.changing) if cell.who == "collectionsync"]
    wrong = sum(cell.load.refused + cell.load.broken for cell in ours)
    yield Target("every request", "errors", str(wrong), "0", wrong == 0)


def _memory(measured: Measured) -> Iterator[Target]:
    share = measured.ours_peak_bytes / measured.pulp_peak_bytes
    yield Target("all of them", "peak RSS of Pulp's", f"{share:.3f}", f"<= {OF_PEER_MEMORY:g}", share <= OF_PEER_MEMORY)


def _crowd(where: str, crowd: Crowd) -> Iterator[Target]:
    peak = crowd.peak_bytes / MIB
    yield Target(where, "peak RSS", f"{peak:.1f} MiB", f"<= {CROWD_MIB:g} MiB", peak <= CROWD_MIB)
    if where == SLOW:
        right = str(crowd.served)
        yield Target(where, "whole documents", right, str(crowd.clients), crowd.served == crowd.clients)
    waited = crowd.answer_seconds
    promised = f"<= {OTHERS_WAIT_SECONDS:g} s"
    yield Target(where, "another client's wait", f"{waited:.2f} s", promised, waited <= OTHERS_WAIT_SECONDS)
