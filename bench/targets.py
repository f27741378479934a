"""What was promised, held against what was measured. Nothing that was missed is left out. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.figures import MIB, Confined, Connections, Figures, Floor, Results, Second, Together
from bench.rows import LATENCIES_MS, Row, Special, Transport

PEAK_MIB = 52.0
PEAK_AT_HIGH_LATENCY_MIB = 58.0
PEAK_FULL_MIB = 58.0
"""With artifacts, at any latency."""
ABOVE_BASE_MIB = 20.0
FLAT = 1.05
"""The most that a later or larger maximum may be of an earlier or smaller one."""
FLOOR_RATIO = 1.8
LATENCY_RATIO = 1.15
OF_BEST_FIXED = 0.8
SECOND_BYTES = 0.05
SECOND_REQUESTS = 0.1
HIGH_LATENCY_MS = LATENCIES_MS[-1]


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: of which row, what, what was found, what was promised."""

    where: str
    what: str
    found: str
    promised: str
    met: bool


def targets(results: Results) -> list[Target]:
    """Return every target that the measured rows say something about."""
    found: list[Target] = []
    for figures in results.rows:
        found += _memory(figures)
        if floor := results.floors.get(figures.row.served_plan):
            found += _floor(figures, floor)
    found += _same_peaks(results.rows)
    found += _latency(results.rows)
    if results.connections:
        found += _connections(results.connections)
    if results.second:
        found += _second(Special.SECOND, results.second)
    if results.second_full:
        found += _second(Special.SECOND_FULL, results.second_full)
    if results.confined:
        found += _confined(results.confined)
    if results.together:
        found += _together(results.together)
    return found


def _memory(figures: Figures) -> Iterator[Target]:
    name, row = figures.row.name, figures.row
    if row.transport.encrypted and row.limit is None:
        yield _at_most(name, "peak RSS", figures.peak_bytes / MIB, _most_mib(row), "MiB")
    yield _at_most(name, "peak above base", (figures.peak_bytes - figures.base_bytes) / MIB, ABOVE_BASE_MIB, "MiB")
    if figures.first_quarter_bytes:
        ratio = figures.last_quarter_bytes / figures.first_quarter_bytes
        yield _at_most(name, "last quarter of the first's maximum", ratio, FLAT, "x")


def _most_mib(row: Row) -> float:
    if row.full:
        return PEAK_FULL_MIB
    return PEAK_AT_HIGH_LATENCY_MIB if row.latency_ms >= HIGH_LATENCY_MS else PEAK_MIB


def _floor(figures: Figures, floor: Floor) -> Iterator[Target]:
    if figures.row.transport is Transport.PLAIN and not figures.row.latency_ms:
        for load in (floor.single, floor.several):
            what = f"time of the floor's, {load.sessions} session{'s' if load.sessions > 1 else ''}"
            yield _at_most(figures.row.name, what, figures.seconds / load.seconds, FLOOR_RATIO, "x")


def _same_peaks(rows: Iterable[Figures]) -> Iterator[Target]:
    """Compare the peaks of all plans over the same transport, without latency and without artifacts."""
    plain = (each for each in rows if not each.row.latency_ms and not each.row.full)
    near = sorted(plain, key=lambda each: each.row.transport)
    for transport, group in groupby(near, key=lambda each: each.row.transport):
        peaks = {each.row.plan: each.peak_bytes for each in group}
        if len(peaks) > 1:
            where = f"{transport.value}: {', '.join(peaks)}"
            yield _at_most(where, "largest of the smallest peak", max(peaks.values()) / min(peaks.values()), FLAT, "x")


def _latency(rows: Sequence[Figures]) -> Iterator[Target]:
    near = {(each.row.served_plan, each.row.transport): each for each in rows if not each.row.latency_ms}
    for each in rows:
        other = near.get((each.row.served_plan, each.row.transport))
        if 0 < each.row.latency_ms < HIGH_LATENCY_MS and other:
            yield _at_most(each.row.name, "time of that at 0 ms", each.seconds / other.seconds, LATENCY_RATIO, "x")


def _connections(found: Connections) -> Iterator[Target]:
    best, adaptive = found.best, found.adaptive
    yield _at_least(
        adaptive.row.name,
        f"throughput of the best fixed number's, {best.row.connections} connections",
        adaptive.mb_per_second / best.mb_per_second,
        OF_BEST_FIXED,
    )
    yield _at_most(adaptive.row.name, "peak RSS", adaptive.peak_bytes / MIB, PEAK_AT_HIGH_LATENCY_MIB, "MiB")


def _second(where: str, found: Second) -> Iterator[Target]:
    yield Target(where, "result", found.result, "NoChange", found.result == "NoChange")
    yield _share(where, "bytes of the first run's", found.fetched_bytes / found.first_fetched_bytes, SECOND_BYTES)
    yield _share(where, "requests of the first run's", found.requests / found.first_requests, SECOND_REQUESTS)


def _confined(found: Confined) -> Iterator[Target]:
    where = Special.CONFINED
    yield Target(where, "exit code", str(found.exit_code), "0", found.exit_code == 0)
    yield Target(where, "OOM kills", str(found.oom_kills), "0", found.oom_kills == 0)
    yield _at_most(where, "peak RSS", found.peak_bytes / MIB, PEAK_FULL_MIB, "MiB")


def _together(found: Together) -> Iterator[Target]:
    codes = " and ".join(map(str, found.exit_codes))
    yield Target("together", "exit codes", codes, "0 and 0", not any(found.exit_codes))
    created, all_versions = sum(found.created), str(found.versions)
    yield Target("together", "versions created by both", str(created), all_versions, created == found.versions)


def _share(where: str, what: str, found: float, below: float) -> Target:
    return Target(where, what, f"{found:.2%}", f"< {below:.0%}", found < below)


def _at_most(where: str, what: str, found: float, most: float, unit: str) -> Target:
    digits = 1 if unit == "MiB" else 2
    return Target(where, what, f"{found:.{digits}f} {unit}", f"<= {most:g} {unit}", found <= most)


def _at_least(where: str, what: str, found: float, least: float) -> Target:
    return Target(where, what, f"{found:.0%}", f">= {least:.0%}", found >= least)
