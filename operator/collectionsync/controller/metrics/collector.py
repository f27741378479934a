"""All of the operator's metrics together, and those of the operator itself."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from collectionsync.controller.admission import Budget, Request
from collectionsync.controller.cache import Cache
from collectionsync.controller.metrics.counters import RunCounters
from collectionsync.controller.metrics.periods import Periods
from collectionsync.controller.metrics.resources import resource_families
from collectionsync.controller.reconcile import Observer

_PREFIX = "collectionsync_operator"


class Working(Protocol):
    """What is asked of the reconciler: who waits for room, and how many requests it has made."""

    waiting: dict[str, Request]

    @property
    def requests(self) -> int:
        """How many requests were made."""
        ...


class OperatorCollector:
    """Turns what the operator knows into metrics. `budget` is what all runs may take together."""

    def __init__(
        self, cache: Cache, reconciler: Working, observer: Observer, counters: RunCounters, budget: Budget
    ) -> None:
        self._cache = cache
        self._reconciler = reconciler
        self._observer = observer
        self._counters = counters
        self._budget = budget
        self._periods = Periods()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; called by the registry at each scrape, in a thread of its own."""
        resources = dict(self._cache.resources)
        now = datetime.now(UTC)
        yield from resource_families(resources, self._periods.of(resources, now), now)
        yield from self._counters.families(resources)
        yield from self._room()
        yield from self._work()
        yield from self._sight()

    def _room(self) -> Iterator[Metric]:
        running, budget = list(self._cache.running()), self._budget
        yield _gauge("active_runs", "Jobs that go on.", len(running))
        yield _gauge("queued_runs", "Runs that are due and wait for room.", len(self._reconciler.waiting))
        yield _gauge(
            "admitted_memory_bytes",
            "Memory limits of the Jobs that go on, together.",
            sum(each.memory_bytes for each in running),
        )
        yield _gauge("memory_budget_bytes", "The most that they may add up to.", budget.total_memory_bytes)
        yield _gauge("simultaneous_runs_limit", "The most Jobs that may go on at once.", budget.simultaneous_runs)
        yield _gauge("source_host_runs_limit", "The most of them that may use one source.", budget.per_source_host)

    def _work(self) -> Iterator[Metric]:
        observer = self._observer
        yield _counter("reconciles", "Resources looked at.", observer.reconciles)
        yield _counter("reconcile_failures", "Looks that failed and are repeated.", observer.failures)
        durations = HistogramMetricFamily(f"{_PREFIX}_reconcile_duration_seconds", "How long looks at resources took.")
        durations.add_metric([], observer.durations.buckets(), observer.durations.sum)
        yield durations
        yield _counter("api_requests", "Requests to the API server besides watches.", self._reconciler.requests)

    def _sight(self) -> Iterator[Metric]:
        observer = self._observer
        missed = CounterMetricFamily(
            f"{_PREFIX}_missed_changes", "Changes that no watch told of and a list found.", labels=["kind"]
        )
        for kind, count in dict(observer.missed_changes).items():
            missed.add_metric([kind], count)
        yield missed
        resync = GaugeMetricFamily(f"{_PREFIX}_last_resync_timestamp_seconds", "When everything was last listed.")
        if observer.last_resync:  # 1970 is no time at which an operator listed anything
            resync.add_metric([], observer.last_resync)
        yield resync
        events = GaugeMetricFamily(
            f"{_PREFIX}_last_watch_event_timestamp_seconds", "When a watch last told of a change.", labels=["kind"]
        )
        for kind, seen in dict(observer.last_events).items():
            events.add_metric([kind], seen)
        yield events


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", documentation, value=value)


def _counter(name: str, documentation: str, value: float) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}_{name}", documentation, value=value)
