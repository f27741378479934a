"""What is counted, and /metrics, which reads it when it is scraped."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from collectionsync import __version__
from collectionsync.histogram import Histogram
from collectionsync.memory import Cgroup, peak_rss_bytes
from collectionsync.server.tally import Tally

_PREFIX = "collectionsync_server"


@dataclass(frozen=True, slots=True)
class Readings:
    """What is looked at when somebody scrapes."""

    inflight_bytes: Callable[[], int]
    connections: Callable[[], int]
    database_up: Callable[[], bool]
    document_cache_bytes: Callable[[], int]
    cgroup: Cgroup
    limit_bytes: int


class ServerCollector:
    """Turns a tally into metrics."""

    def __init__(self, tally: Tally, readings: Readings) -> None:
        self._tally = tally
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; called by the registry at each scrape, in a thread of its own."""
        info = GaugeMetricFamily(f"{_PREFIX}_info", "Which release this is; always 1.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield from self._gauges()
        requests = CounterMetricFamily(f"{_PREFIX}_requests", "Requests by route and status.", labels=["route", "code"])
        for (route, code), count in dict(self._tally.requests).items():
            requests.add_metric([route, code], count)
        yield requests
        yield _histogram(self._tally.durations)
        sent = "Bytes that were sent, heads included."
        yield _labelled("response_bytes", sent, "route", self._tally.bytes)
        yield _labelled("aborted", "Answers that broke off, by why.", "reason", self._tally.aborted)

    def _gauges(self) -> Iterator[Metric]:
        now = self._readings
        yield _gauge("inflight_requests", "Requests under way.", self._tally.inflight_requests)
        yield _gauge("inflight_bytes", "Bytes of answers that wait for their readers.", now.inflight_bytes())
        yield _gauge("connections", "Connections of clients.", now.connections())
        yield _gauge("database_up", "Whether the database can be read.", int(now.database_up()))
        yield _gauge("document_cache_bytes", "Bytes of documents on disk.", now.document_cache_bytes())
        yield _gauge("peak_rss_bytes", "Largest resident set size so far (VmHWM).", peak_rss_bytes())
        yield _gauge("memory_limit_bytes", "Memory limit that the server keeps to.", now.limit_bytes)
        if (current := now.cgroup.current_bytes()) is not None:
            yield _gauge("cgroup_memory_bytes", "What the memory cgroup is charged for.", current)
        if (peak := now.cgroup.peak_bytes()) is not None:
            yield _gauge("cgroup_peak_memory_bytes", "The most that the memory cgroup was charged for.", peak)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", documentation, value=value)


def _labelled(name: str, documentation: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"{_PREFIX}_{name}", documentation, labels=[label])
    for value, count in dict(counts).items():
        family.add_metric([value], count)
    return family


def _histogram(durations: Mapping[str, Histogram]) -> Metric:
    documentation = "Time from a request's head to the last byte of its answer."
    family = HistogramMetricFamily(
        f"{_PREFIX}_request_duration_seconds", documentation, labels=["route"], unit="seconds"
    )
    for route, each in dict(durations).items():
        family.add_metric([route], each.buckets(), each.sum)
    return family
