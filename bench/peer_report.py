"""The comparison as a table in Markdown, and what was promised of it. Pure."""

import statistics
from collections.abc import Callable, Sequence

from bench.figures import MIB
from bench.peer_turns import Measured, Turn

OF_PEER = 0.1
"""The most that ours may take of what Pulp takes: of its wall time, and of its peak."""

_HEADER = ("turn", "who", "wall s", "sync CPU s", "PostgreSQL CPU s", "galaxy CPU s", "other CPU s", "peak RSS MiB")
_HOW = (
    "each into nothing. CPU is of the process that syncs, of PostgreSQL, of the galaxy, and of everything else on the "
    "machine meanwhile: where that is much, times are worth nothing. The peak is that of the process that syncs."
)
_RATIOS: dict[str, Callable[[Measured], float]] = {
    "wall time": lambda measured: measured.seconds,
    "CPU time, PostgreSQL's too": lambda measured: measured.sync_cpu + measured.postgres_cpu,
    "peak RSS": lambda measured: measured.peak_bytes,
}
_PROMISED = ("wall time", "peak RSS")


def markdown(turns: Sequence[Turn]) -> str:
    """Return every turn, the medians, and the ratios with their targets; a target holds in every turn or is missed."""
    rows = [
        _cells(str(number), who, measured)
        for number, turn in enumerate(turns, 1)
        for who, measured in (("pulp-ansible", turn.pulp), ("collectionsync", turn.ours))
    ]
    if len(turns) > 1:
        rows += [
            _cells("median", "pulp-ansible", median([turn.pulp for turn in turns])),
            _cells("median", "collectionsync", median([turn.ours for turn in turns])),
        ]
    ratios = [_ratio(what, [value(turn.ours) / value(turn.pulp) for turn in turns]) for what, value in _RATIOS.items()]
    return "\n\n".join(
        (
            f"{turns[0].pulp.releases} versions, {_HOW}",
            _table(_HEADER, rows),
            _table(("ours, of pulp-ansible's", "least", "most", "promised", ""), ratios),
        )
    )


def median(measured: Sequence[Measured]) -> Measured:
    """Return the median of each figure."""
    return Measured(
        seconds=statistics.median(each.seconds for each in measured),
        sync_cpu=statistics.median(each.sync_cpu for each in measured),
        postgres_cpu=statistics.median(each.postgres_cpu for each in measured),
        server_cpu=statistics.median(each.server_cpu for each in measured),
        rest_cpu=statistics.median(each.rest_cpu for each in measured),
        peak_bytes=int(statistics.median(each.peak_bytes for each in measured)),
        releases=measured[0].releases,
    )


def _cells(turn: str, who: str, measured: Measured) -> list[str]:
    times = (measured.seconds, measured.sync_cpu, measured.postgres_cpu, measured.server_cpu, measured.rest_cpu)
    return [turn, who, *(f"{each:.1f}" for each in times), f"{measured.peak_bytes / MIB:.1f}"]


def _ratio(what: str, ratios: Sequence[float]) -> list[str]:
    found = [what, f"{min(ratios):.3f}", f"{max(ratios):.3f}"]
    if what not in _PROMISED:
        return [*found, "", ""]
    return [*found, f"<= {OF_PEER:g}", "met" if max(ratios) <= OF_PEER else "**MISSED**"]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
