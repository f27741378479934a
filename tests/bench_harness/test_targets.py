import re
from dataclasses import replace
from typing import Any

import pytest
from bench.figures import MIB, Confined, Connections, Figures, Floor, Load, Machine, Results, Second, Together
from bench.measure import median_floor, median_run
from bench.report import markdown, svg
from bench.rows import FIXED, Row, Transport
from bench.targets import targets

FIGURES = Figures(
    row=Row("630", Transport.TLS),
    versions=630,
    document_bytes=1_000_000_000,
    fetched_bytes=1_000_000_000,
    requests=1283,
    seconds=10.0,
    base_bytes=38 * MIB,
    peak_bytes=48 * MIB,
    first_quarter_bytes=46 * MIB,
    last_quarter_bytes=47 * MIB,
    worker_cpu=4.0,
    postgres_cpu=6.0,
    server_cpu=1.0,
    connections=7,
    curve=[],
)
FLOOR = Floor(1_000_000_000, Load(1, 8.0, 5.0), Load(3, 4.0, 5.0))
MACHINE = Machine(2, "a processor", 8 << 30, "3.11", "15", lz4=True)


def at(
    seconds: float = 10.0, *, plan: str = "630", transport: Transport = Transport.TLS, latency: int = 0, **changes: Any
) -> Figures:
    return replace(FIGURES, row=Row(plan, transport, latency), seconds=seconds, **changes)


def judged(*rows: Figures, floors: dict[str, Floor] | None = None, **others: Any) -> dict[tuple[str, str], bool]:
    results = Results(MACHINE, "make bench", 1, list(rows), floors or {}, **others)
    return {(target.where, target.what): target.met for target in targets(results)}


def test_a_peak_is_promised_over_tls_alone_and_more_of_it_at_high_latency() -> None:
    peak = 55 * MIB
    found = judged(
        at(peak_bytes=peak), at(latency=100, peak_bytes=peak), at(transport=Transport.PLAIN, peak_bytes=peak)
    )
    peaks = {where: met for (where, what), met in found.items() if what == "peak RSS"}
    assert peaks == {"630-tls-0": False, "630-tls-100": True}


def test_growth_above_the_base_or_over_time_is_missed() -> None:
    found = judged(at(peak_bytes=59 * MIB, last_quarter_bytes=49 * MIB))
    assert found["630-tls-0", "peak above base"] is False
    assert found["630-tls-0", "last quarter of the first's maximum"] is False


def test_peaks_are_compared_over_the_same_transport_only() -> None:
    rows = [at(), at(plan="2000", peak_bytes=49 * MIB), at(plan="big", transport=Transport.PLAIN, peak_bytes=99 * MIB)]
    assert judged(*rows)["tls: 630, 2000", "largest of the smallest peak"] is True
    rows.append(at(plan="big", peak_bytes=51 * MIB))
    assert judged(*rows)["tls: 630, 2000, big", "largest of the smallest peak"] is False


@pytest.mark.parametrize(("seconds", "met"), [(11.4, True), (11.6, False)])
def test_latency_may_cost_little(seconds: float, met: bool) -> None:
    assert judged(at(), at(seconds, latency=20))["630-tls-20", "time of that at 0 ms"] is met


def test_both_floors_are_targets_of_a_plain_row() -> None:
    found = judged(at(transport=Transport.PLAIN), at(), floors={"630": FLOOR})
    assert {key: met for key, met in found.items() if "floor" in key[1]} == {
        ("630-plain-0", "time of the floor's, 1 session"): True,
        ("630-plain-0", "time of the floor's, 3 sessions"): False,
    }


def test_adaptive_is_held_against_the_best_fixed_number() -> None:
    fixed = tuple(replace(FIGURES, row=row, seconds=20 - (row.connections or 0) / 2) for row in FIXED)
    connections = Connections(adaptive=at(12.0, latency=100), roomy=at(11.0, latency=100), fixed=fixed)
    assert connections.best.row.connections == 20
    found = judged(connections=connections)
    assert found["630-tls-100", "throughput of the best fixed number's, 20 connections"] is True
    slower = replace(connections, adaptive=at(13.0, latency=100))
    assert judged(connections=slower)["630-tls-100", "throughput of the best fixed number's, 20 connections"] is False


def test_a_second_run_and_two_at_once() -> None:
    second = Second("NoChange", 0.5, 40 * MIB, 49, 10, 1000, 101)
    together = Together((0, 75), (300, 330), 1300, 9.0, 48 * MIB, 630)
    found = judged(second=second, second_full=replace(second, requests=102), together=together)
    assert [met for (where, _), met in found.items() if where == "second"] == [True, True, True]
    assert [met for (where, _), met in found.items() if where == "second-full"] == [True, True, False]
    assert found["together", "exit codes"] is False
    assert found["together", "versions created by both"] is True


def full(seconds: float = 20.0, **changes: Any) -> Figures:
    return replace(FIGURES, row=Row("630", Transport.TLS, full=True), seconds=seconds, **changes)


def test_artifacts_may_take_more_memory_than_documents_alone() -> None:
    assert judged(full(peak_bytes=57 * MIB))["630-full-tls-0", "peak RSS"] is True
    assert judged(full(peak_bytes=59 * MIB))["630-full-tls-0", "peak RSS"] is False


def test_rows_with_artifacts_are_compared_with_none_that_have_none() -> None:
    whats = {what for _, what in judged(at(), full(peak_bytes=57 * MIB), at(11.0, latency=20), floors={"630": FLOOR})}
    assert "largest of the smallest peak" not in whats
    found = judged(full(11.0), at(10.0), replace(full(12.0), row=Row("630", Transport.TLS, 20, full=True)))
    assert found["630-full-tls-20", "time of that at 0 ms"] is True
    plain = replace(FIGURES, row=Row("630", Transport.PLAIN, full=True))
    assert not any("floor" in what for _, what in judged(plain, floors={"630": FLOOR}))


def test_throughput_counts_artifacts_too() -> None:
    figures = full(10.0, artifact_bytes=818_000_000)
    assert figures.mb_per_second == pytest.approx(181.8)
    assert figures.ms_per_mb(1.818) == pytest.approx(1.0)


CONFINED = Confined(96 * MIB, 0, 0, 20.0, 55 * MIB, 96 * MIB)


@pytest.mark.parametrize(
    ("confined", "missed"),
    [
        (CONFINED, set()),
        (replace(CONFINED, oom_kills=1, exit_code=-9), {"OOM kills", "exit code"}),
        (replace(CONFINED, peak_bytes=59 * MIB), {"peak RSS"}),
    ],
)
def test_a_confined_run_is_to_end_well_and_without_a_kill(confined: Confined, missed: set[str]) -> None:
    found = judged(confined=confined)
    assert {what for (_, what), met in found.items() if not met} == missed
    assert len(found) == 3


def test_what_cannot_be_measured_is_told_with_the_reason() -> None:
    results = Results(MACHINE, "make bench", 1, [at()], {}, unmeasured={"confined": "no cgroup can be made here"})
    text = markdown(results)
    assert re.search(r"\| confined +\| everything +\| no cgroup can be made here \| +\| not measured \|", text)
    assert "0 missed, 1 rows not measured." in text


def test_a_confined_run_is_told_with_both_of_its_peaks() -> None:
    text = markdown(Results(MACHINE, "make bench", 1, [], {}, confined=CONFINED))
    assert "memory cgroup of 96 MiB" in text
    assert "0 OOM kills. The resident set had a peak of 55.0 MiB; the cgroup was charged for 96.0 MiB" in text


def test_the_median_run_counts_with_the_worst_peak() -> None:
    runs = [at(9.0, peak_bytes=50 * MIB), at(11.0), at(10.0)]
    chosen = median_run(runs)
    assert (chosen.seconds, chosen.peak_bytes) == (10.0, 50 * MIB)
    slow = replace(FLOOR, several=Load(3, 6.0, 5.0))
    assert median_floor([slow, FLOOR, slow]).several.seconds == 6.0


def test_the_report_names_what_was_missed() -> None:
    text = markdown(Results(MACHINE, "make bench", 1, [at(peak_bytes=60 * MIB)], {"630": FLOOR}))
    assert "**MISSED**" in text
    assert "PostgreSQL 15 with lz4" in text
    assert "| 630-tls-0 |      630 | 1000 |     38.0 |     60.0 |" in text


def test_without_a_curve_there_is_no_plot() -> None:
    assert svg(Results(MACHINE, "make bench", 1, [at()], {})) is None
