"""/metrics of the operator: read off the cache when it is scraped, so that it agrees with what the status says.

What follows from the cache survives a restart and goes with its resource; only counters are kept, for as long as the
process lives. Names follow https://prometheus.io/docs/practices/naming/ and what kube-state-metrics does. No text of an
error is ever a label.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from collectionsync.controller import rfc3339
from collectionsync.controller.admission import Request
from collectionsync.controller.cache import Cache, Known
from collectionsync.controller.jobs import source_host
from collectionsync.controller.reconcile import Observer
from collectionsync.quantity import parse_seconds
from collectionsync.report import Result
from collectionsync.resource import memory_limit_bytes
from collectionsync.status import ConditionStatus, ConditionType, Reason, Run

_LABELS = ("namespace", "name")
_DURATION_BUCKETS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
# A counter that appears with its first event has no increase for Prometheus, so those that alerts watch begin at zero.
_FROM_ZERO = (
    (Result.SUCCEEDED, Reason.SUCCEEDED),
    (Result.NO_CHANGE, Reason.NO_CHANGE),
    (Result.PARTIAL, Reason.ITEMS_SKIPPED),
    (Result.FAILED, Reason.OOM_KILLED),
)


class RunCounters:
    """Counts the runs of each resource as they end. A scrape only reads: it happens in a thread of its own."""

    def __init__(self) -> None:
        self.of: dict[str, RunCounts] = {}

    def ended(self, key: str, run: Run) -> None:
        """Count a run that has ended."""
        counts = self.of.setdefault(key, RunCounts())
        counts.results[run.result.value, run.reason] += 1
        seconds = parse_seconds(run.duration) if run.duration else 0.0
        counts.seconds += seconds
        counts.buckets[sum(seconds > bound for bound in _DURATION_BUCKETS)] += 1

    def gone(self, key: str) -> None:
        """Forget the runs of a resource that is no more."""
        self.of.pop(key, None)


@dataclass(slots=True)
class RunCounts:
    """Runs of one resource by result and reason, and by how long they took."""

    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_DURATION_BUCKETS) + 1))


class Working(Protocol):
    """What is asked of the reconciler: who waits for room, and how many requests it has made."""

    waiting: dict[str, Request]

    @property
    def requests(self) -> int:
        """How many requests were made."""
        ...


class OperatorCollector:
    """Turns what the operator knows into metrics."""

    def __init__(self, cache: Cache, reconciler: Working, observer: Observer, counters: RunCounters) -> None:
        self._cache = cache
        self._reconciler = reconciler
        self._observer = observer
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; called by the registry at each scrape, in a thread of its own."""
        resources = dict(self._cache.resources)
        yield from _Resources(resources).families()
        yield from self._runs(resources)
        yield from self._process()

    def _runs(self, resources: dict[str, Known]) -> Iterator[Metric]:
        runs = CounterMetricFamily(
            "collectionsync_runs", "Runs that ended since the operator started.", labels=[*_LABELS, "result", "reason"]
        )
        durations = HistogramMetricFamily(
            "collectionsync_run_duration_seconds", "How long runs took that ended since.", labels=_LABELS
        )
        for key, known in resources.items():
            counts = self._counters.of.get(key)
            results: dict[tuple[str, str], int] = {(result.value, reason.value): 0 for result, reason in _FROM_ZERO}
            results |= dict(counts.results) if counts else {}
            for (result, reason), count in results.items():
                runs.add_metric([known.namespace, known.name, result, reason], count)
            if counts:
                durations.add_metric([known.namespace, known.name], _cumulative(counts.buckets), counts.seconds)
        yield runs
        yield durations

    def _process(self) -> Iterator[Metric]:
        prefix, observer = "collectionsync_operator", self._observer
        running = list(self._cache.running())
        yield GaugeMetricFamily(f"{prefix}_active_runs", "Jobs that go on.", value=len(running))
        yield GaugeMetricFamily(
            f"{prefix}_queued_runs", "Runs that are due and wait for room.", value=len(self._reconciler.waiting)
        )
        yield GaugeMetricFamily(
            f"{prefix}_admitted_memory_bytes",
            "Memory limits of the Jobs that go on, together.",
            value=sum(each.memory_bytes for each in running),
        )
        yield CounterMetricFamily(f"{prefix}_reconciles", "Resources looked at.", value=observer.reconciles)
        yield CounterMetricFamily(
            f"{prefix}_reconcile_failures", "Looks that failed and are repeated.", value=observer.failures
        )
        yield CounterMetricFamily(
            f"{prefix}_reconcile_seconds", "Time taken to look at resources.", value=observer.seconds
        )
        yield CounterMetricFamily(
            f"{prefix}_api_requests", "Requests to the API server besides watches.", value=self._reconciler.requests
        )
        yield CounterMetricFamily(
            f"{prefix}_missed_changes", "Changes that no watch told of and a list found.", value=observer.missed
        )
        yield GaugeMetricFamily(
            f"{prefix}_last_resync_timestamp_seconds", "When everything was last listed.", value=observer.last_resync
        )
        events = GaugeMetricFamily(
            f"{prefix}_last_watch_event_timestamp_seconds", "When a watch last told of a change.", labels=["kind"]
        )
        for kind, seen in dict(observer.last_events).items():
            events.add_metric([kind], seen)
        yield events


class _Resources:
    """Metrics that follow from what is known of each resource."""

    def __init__(self, resources: dict[str, Known]) -> None:
        self._families: dict[str, Metric] = {}
        for known in resources.values():
            self._info(known)
            self._times(known)
            self._conditions(known)
            self._last_run(known)

    def families(self) -> Iterator[Metric]:
        yield from self._families.values()

    def _gauge(self, known: Known, name: str, documentation: str, value: float | None, **labels: str) -> None:
        if value is None:
            return
        family = self._families.get(name)
        if family is None:
            family = GaugeMetricFamily(f"collectionsync_{name}", documentation, labels=[*_LABELS, *labels])
            self._families[name] = family
        assert isinstance(family, GaugeMetricFamily)
        family.add_metric([known.namespace, known.name, *labels.values()], value)

    def _info(self, known: Known) -> None:
        resource = known.resource
        if resource is None:
            return
        self._gauge(
            known,
            "info",
            "A CollectionSync; always 1.",
            1,
            source_host=source_host(resource),
            repository=resource.spec.target.repository,
        )
        self._gauge(known, "suspended", "Whether no runs are started.", int(resource.spec.suspend))
        self._gauge(known, "memory_limit_bytes", "Memory limit of its runs.", memory_limit_bytes(resource.spec))

    def _times(self, known: Known) -> None:
        status = known.status
        told = (
            ("last_success_timestamp_seconds", "When a run last succeeded.", status.last_success_time),
            ("last_attempt_timestamp_seconds", "When a run last ended.", status.last_attempt_time),
            ("next_sync_timestamp_seconds", "When the next run is due.", status.next_sync_time),
        )
        for name, documentation, text in told:
            moment = rfc3339.parse(text)
            self._gauge(known, name, documentation, moment.timestamp() if moment else None)
        self._gauge(
            known, "consecutive_failures", "Runs that failed since the last success.", status.consecutive_failures
        )
        if status.content:
            self._gauge(known, "published_versions", "Collection versions published.", status.content.versions)
            self._gauge(known, "published_bytes", "Size of their documents.", status.content.bytes)

    def _conditions(self, known: Known) -> None:
        found = {each.type: each.status for each in known.status.conditions}
        for kind in ConditionType:
            # Those that are only present while they are True are False when they are not.
            absent = ConditionStatus.UNKNOWN if kind is ConditionType.READY else ConditionStatus.FALSE
            now = found.get(kind.value, absent)
            for status in ConditionStatus:
                self._gauge(
                    known,
                    "status_condition",
                    "Whether a condition has this status.",
                    int(status is now),
                    type=kind.value,
                    status=status.value,
                )

    def _last_run(self, known: Known) -> None:
        run = known.status.last_run
        if run is None:
            return
        seconds = parse_seconds(run.duration) if run.duration else None
        self._gauge(known, "last_run_duration_seconds", "How long the last run took.", seconds)
        self._gauge(
            known, "last_run_peak_rss_bytes", "Largest resident memory of the last run.", run.peak_rss_bytes or None
        )
        self._gauge(
            known, "last_run_memory_limit_bytes", "Memory limit of the last run.", run.memory_limit_bytes or None
        )
        self._gauge(known, "last_run_fetched_bytes", "What the last run fetched.", run.fetched_bytes)
        versions = run.versions
        for outcome in ("created", "unchanged", "skipped", "failed", "removed"):
            self._gauge(
                known,
                "last_run_versions",
                "Versions of the last run by outcome.",
                getattr(versions, outcome),
                outcome=outcome,
            )


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for bound, count in zip((*map(str, _DURATION_BUCKETS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
