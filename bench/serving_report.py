"""The figures of the server as Markdown, and the curve of its resident set as SVG. Pure."""

import statistics
from collections.abc import Callable, Iterator

from bench.curve import quarters
from bench.figures import MIB
from bench.plot import Level, Line, plot
from bench.report import table, target_table
from bench.serving_asked import Route
from bench.serving_crowd import Crowd
from bench.serving_load import Load
from bench.serving_targets import CROWD_MIB, IDLE, SLOW, ServingResults, pairs, targets, times
from bench.serving_turns import CHANGING_AT, CONNECTIONS, Cell

_HEADER = (
    "route",
    "connections",
    "Pulp req/s",
    "ours req/s",
    "times",
    "Pulp p50 ms",
    "ours p50 ms",
    "Pulp p99 ms",
    "ours p99 ms",
    "ours MB/s",
)


def markdown(results: ServingResults) -> str:
    """Return everything that was found, and how it compares with what was promised."""
    parts = [
        "# Serving, beside pulp_ansible",
        f"`{results.command}`",
        str(results.machine),
        _how(results),
        "## Requests",
        _requests(results),
        *_changing(results),
        "## Memory",
        _memory(results),
        *_crowds(results),
        "## Targets",
        target_table(targets(results), results.unmeasured),
    ]
    return "\n\n".join(parts) + "\n"


def svg(results: ServingResults) -> str | None:
    """Return the plot of both crowds, or None where neither was measured."""
    named = ((SLOW, results.slow), (IDLE, results.idle))
    lines = [Line(f"{crowd.clients:,} {name}", crowd.curve, crowd.peak_bytes) for name, crowd in named if crowd]
    if not lines:
        return None
    title = "Resident memory of the server while many clients take little"
    levels = [Level(f"promised, {CROWD_MIB:.0f} MiB", round(CROWD_MIB * MIB / 1e6))]
    return plot(lines, levels, title=title, origin="the first client")


def _how(results: ServingResults) -> str:
    return (
        f"{results.pulp} and this project have mirrored the same {results.versions} versions with their artifacts. "
        "Each is asked for the same things in the same shuffled order by wrk, over plain HTTP, for "
        f"{results.seconds:g} s each time, turn by turn; between two loads the one that was asked comes to rest. The "
        "figures are medians of the turns, and times is the least of them. A detail is the whole one in both, with "
        "manifest and files. Pulp runs as its own images do, with "
        f"{results.pulp_workers} processes of the API and {results.pulp_workers} of the content app, open to everybody "
        "and asked at the places that it redirects to; ours is one process. Latencies are of requests that were "
        "answered within the time, so that those of a server that answers few are too low. Everything else on the "
        f"machine took {results.measured.rest_share:.0%} of its processors meanwhile: where that is much, no figure is "
        "worth anything."
    )


def _requests(results: ServingResults) -> str:
    cells = results.measured.cells
    asked = dict.fromkeys((cell.route, cell.connections) for cell in cells)
    return table(_HEADER, [_row(pairs(cells, *place), *place) for place in asked])


def _changing(results: ServingResults) -> Iterator[str]:
    if cells := results.measured.changing:
        rates = ", ".join(f"{cell.load.per_second:.1f} of {cell.route}" for cell in cells)
        yield (
            "Ours remembers small answers for as long as nothing has changed in the database, and these lists are few. "
            "While a transaction ends there about every millisecond, as if a sync ran, hardly any is given twice: then "
            f"it answered {rates} a second at {CHANGING_AT} connections."
        )


def _row(found: list[tuple[Cell, Cell]], route: Route, connections: int) -> list[str]:
    pulp, ours = ([pair[side].load for pair in found] for side in (0, 1))
    return [
        route.value,
        str(connections),
        f"{_median(pulp, _rate):.1f}",
        f"{_median(ours, _rate):.1f}",
        f"{min(times(*pair) for pair in found):.1f}",
        *(_latency(loads, value) for value in (_p50, _p99) for loads in (pulp, ours)),
        f"{_median(ours, lambda load: load.body_bytes / load.seconds / 1e6):.1f}",
    ]


def _latency(loads: list[Load], value: Callable[[Load], float]) -> str:
    """Milliseconds; nothing for a server that has not answered."""
    answered = [load for load in loads if load.requests]
    return f"{_median(answered, value) * 1000:.1f}" if answered else "none"


def _rate(load: Load) -> float:
    return load.per_second


def _p50(load: Load) -> float:
    return load.p50


def _p99(load: Load) -> float:
    return load.p99


def _median(loads: list[Load], value: Callable[[Load], float]) -> float:
    return statistics.median(map(value, loads))


def _memory(results: ServingResults) -> str:
    measured = results.measured
    return (
        f"Peaks of the resident sets from the first request to the last, at {', '.join(map(str, CONNECTIONS))} "
        f"connections: pulp-ansible {measured.pulp_peak_bytes / MIB:.1f} MiB in {measured.pulp_processes} processes of "
        "the API and the content app (its task worker, and a redis where caches are on, come besides), collectionsync "
        f"{measured.ours_peak_bytes / MIB:.1f} MiB in one. PostgreSQL's own memory is in neither."
    )


def _crowds(results: ServingResults) -> Iterator[str]:
    if slow := results.slow:
        yield f"## {slow.clients} slow readers"
        yield (
            f"{slow.clients} clients read documents of {slow.document_bytes / 1e6:.0f} MB at once, each over "
            f"{slow.seconds:.0f} s; {slow.served} had the whole document with the right digest. {_memory_of(slow)}"
        )
    if idle := results.idle:
        yield f"## {idle.clients:,} idle connections"
        yield (
            f"{idle.clients:,} clients had one answer each and kept their connections; {idle.served:,} of these were "
            f"still open at the end, the server having closed the longest idle ones for the rest. {_memory_of(idle)}"
        )


def _memory_of(crowd: Crowd) -> str:
    first, last = quarters(crowd.curve, crowd.seconds)
    return (
        f"The resident set was {crowd.base_bytes / MIB:.1f} MiB before, at most {first / MIB:.1f} MiB in the first "
        f"quarter and {last / MIB:.1f} MiB in the last, with a peak (VmHWM) of {crowd.peak_bytes / MIB:.1f} MiB. "
        f"Another client waited {crowd.answer_seconds * 1000:.0f} ms at most for a small answer meanwhile."
    )
