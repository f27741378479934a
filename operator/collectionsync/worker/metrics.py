"""/metrics of a worker: read off the tally when it is scraped, never kept twice.

Names follow https://prometheus.io/docs/practices/naming/. Imported only where an address is asked for.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from collectionsync.byte_budget import ByteBudget
from collectionsync.histogram import Histogram
from collectionsync.memory import Cgroup, peak_rss_bytes
from collectionsync.worker.tally import Tally

_PREFIX = "collectionsync_worker"


class WorkerCollector:
    """Turns what is counted anyway into metrics."""

    def __init__(self, *, tally: Tally, budget: ByteBudget, cgroup: Cgroup, limit_bytes: int) -> None:
        self._tally = tally
        self._budget = budget
        self._cgroup = cgroup
        self._limit_bytes = limit_bytes

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; called by the registry at each scrape."""
        yield from self._memory()
        yield from self._counters()
        yield _histogram(
            "fetch_duration_seconds", "Time from a version's first request to its last byte.", self._tally.fetch_latency
        )
        yield _histogram("insert_duration_seconds", "Time of a version's transaction.", self._tally.insert_latency)

    def _memory(self) -> Iterator[Metric]:
        tally = self._tally
        yield _gauge("peak_rss_bytes", "Largest resident set size so far (VmHWM).", peak_rss_bytes())
        yield _gauge("memory_limit_bytes", "Memory limit that the worker keeps to.", self._limit_bytes)
        if (current := self._cgroup.current_bytes()) is not None:
            yield _gauge("cgroup_memory_bytes", "What the memory cgroup is charged for.", current)
        if (peak := self._cgroup.peak_bytes()) is not None:
            yield _gauge("cgroup_peak_memory_bytes", "The most that the memory cgroup was charged for.", peak)
        yield _gauge("inflight_requests", "Requests under way.", tally.inflight_requests)
        yield _gauge("inflight_bytes", "Bytes of documents between source and database.", self._budget.in_use)
        left = tally.versions_discovered - tally.versions_done.total()
        yield _gauge("queue_items", "Versions that are discovered and not done.", max(0, left))

    def _counters(self) -> Iterator[Metric]:
        tally = self._tally
        fetched = CounterMetricFamily(f"{_PREFIX}_fetched_bytes", "Bytes of bodies received over the wire.")
        fetched.add_metric([], tally.fetched_bytes)
        yield fetched
        requests = CounterMetricFamily(
            f"{_PREFIX}_http_requests", "Requests by endpoint and HTTP status.", labels=["endpoint", "code"]
        )
        for (endpoint, code), count in dict(tally.requests).items():
            requests.add_metric([endpoint, code], count)
        yield requests
        yield _labelled("retries", "Requests that were repeated.", "reason", tally.retries)
        yield _labelled("rows_inserted", "Rows inserted.", "table", tally.rows_inserted)
        yield _labelled("versions", "Versions that are done.", "outcome", tally.versions_done)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", documentation, value=value)


def _labelled(name: str, documentation: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(f"{_PREFIX}_{name}", documentation, labels=[label])
    for value, count in dict(counts).items():  # a scrape is a thread of its own, and the run goes on counting
        family.add_metric([value], count)
    return family


def _histogram(name: str, documentation: str, counted: Histogram) -> Metric:
    family = HistogramMetricFamily(f"{_PREFIX}_{name}", documentation, unit="seconds")
    family.add_metric([], counted.buckets(), counted.sum)
    return family
