"""docs/metrics.md lists all that a scrape of operator, worker or server can show: names, types and labels."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from collectionsync.byte_budget import ByteBudget
from collectionsync.controller.admission import Budget, Request
from collectionsync.controller.cache import Cache
from collectionsync.controller.metrics import OperatorCollector, RunCounters
from collectionsync.controller.reconcile import Observer
from collectionsync.memory import Cgroup
from collectionsync.report import Result
from collectionsync.server.metrics import Readings, ServerCollector
from collectionsync.server.routes import ROUTES
from collectionsync.server.tally import Tally as ServerTally
from collectionsync.status import Content, Reason, Run, Status
from collectionsync.worker.metrics import WorkerCollector
from collectionsync.worker.tally import Tally
from controller import samples
from docs.pages import code, read, rows, section

PAGE = "docs/metrics.md"
NOON = "2026-11-25T12:00:00Z"
RUN = Run(
    id="0123456789",
    job_name="community-0123456789",
    result=Result.SUCCEEDED,
    reason=Reason.SUCCEEDED,
    duration="1m12s",
    peak_rss_bytes=1,
    cgroup_peak_bytes=1,
    memory_limit_bytes=1,
)
FULL = Status(
    last_run=RUN,
    last_success_time=NOON,
    last_attempt_time=NOON,
    next_sync_time=NOON,
    content=Content(revision="sha256:x", versions=1),
)
"""A status from which every metric follows."""


class Shape(NamedTuple):
    """What dashboards rely on besides the name."""

    type: str
    labels: tuple[str, ...]


class Idle:
    """A reconciler that nobody waits for."""

    requests = 0

    def __init__(self) -> None:
        self.waiting: dict[str, Request] = {}


def operator() -> Iterable[Metric]:
    cache, counters = Cache(), RunCounters(since=samples.NOW)
    cache.saw_resource({**samples.body(interval="1h"), "status": msgspec.to_builtins(FULL)})
    counters.ended(cache.resources["mirrors/community"], RUN)
    budget = Budget(simultaneous_runs=1, total_memory_bytes=1, per_source_host=1)
    return OperatorCollector(cache, Idle(), Observer(), counters, budget).collect()


@pytest.fixture
def cgroup(tmp_path: Path) -> Cgroup:
    """One that tells."""
    for name in ("current", "peak"):
        (tmp_path / name).write_text("1\n")
    return Cgroup(peak=tmp_path / "peak", current=tmp_path / "current")


def worker(cgroup: Cgroup) -> Iterable[Metric]:
    return WorkerCollector(tally=Tally(), budget=ByteBudget(1), cgroup=cgroup, limit_bytes=1).collect()


def server(cgroup: Cgroup) -> Iterable[Metric]:
    readings = Readings(
        inflight_bytes=int,
        connections=int,
        database_up=bool,
        document_cache_bytes=int,
        cgroup=cgroup,
        limit_bytes=1,
    )
    return ServerCollector(ServerTally(), readings).collect()


def served(families: Iterable[Metric]) -> dict[str, Shape]:
    """Metrics by the names under which they are scraped."""
    found = {}
    for family in families:
        assert isinstance(family, GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily)
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = Shape(family.type, tuple(family._labelnames))
    return found


def documented(heading: str) -> dict[str, Shape]:
    found = {}
    for name, kind, labels, _ in rows(section(read(PAGE), heading)):
        (metric,) = code(name)
        assert metric not in found, metric
        found[metric] = Shape(kind, tuple(code(labels)))
    return found


def test_every_metric_of_the_operator_is_described_and_no_other() -> None:
    assert documented("The operator") == served(operator())


def test_every_metric_of_a_worker_is_described_and_no_other(cgroup: Cgroup) -> None:
    assert documented("A worker") == served(worker(cgroup))


def test_every_metric_of_a_server_is_described_and_no_other(cgroup: Cgroup) -> None:
    assert documented("A server") == served(server(cgroup))


def test_every_route_of_a_server_and_every_reason_to_break_off_is_described() -> None:
    told = {code(name)[0]: meaning for name, _, _, meaning in rows(section(read(PAGE), "A server"))}
    routes = {route.label for route in ROUTES}
    assert routes <= {*code(told["collectionsync_server_requests_total"])}
    assert {*ServerTally().aborted} <= {*code(told["collectionsync_server_aborted_total"])}


@pytest.mark.parametrize(
    "page", [PAGE, "docs/architecture.md", "docs/collectionsync.md", "docs/serving.md", "README.md"]
)
def test_whatever_metric_a_page_speaks_of_is_one(page: str) -> None:
    known = documented("The operator") | documented("A worker") | documented("A server")
    histograms = {name for name, shape in known.items() if shape.type == "histogram"}
    spoken_of = set(re.findall(r"\bcollectionsync_\w+", read(page)))
    assert spoken_of <= {*known, *(f"{name}_bucket" for name in histograms)}
