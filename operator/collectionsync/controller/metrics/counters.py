"""What happened to each resource since the operator started, counted as it happens."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from collectionsync.controller.cache import Known
from collectionsync.controller.histogram import Histogram
from collectionsync.quantity import parse_seconds
from collectionsync.report import Result
from collectionsync.status import Reason, Run

_LABELS = ("namespace", "name")
_DURATION_BUCKETS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
# A counter that appears with its first event has no increase for Prometheus, so those that alerts watch begin at zero.
_FROM_ZERO = (
    (Result.SUCCEEDED, Reason.SUCCEEDED),
    (Result.NO_CHANGE, Reason.NO_CHANGE),
    (Result.PARTIAL, Reason.ITEMS_SKIPPED),
    (Result.FAILED, Reason.OOM_KILLED),
)


@dataclass(slots=True)
class _Counts:
    """What happened to one resource: runs by result and reason, and by how long they took; scheduled times missed."""

    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: Histogram = field(default_factory=lambda: Histogram(_DURATION_BUCKETS))
    missed: int = 0
    missed_until: datetime | None = None


class RunCounters:
    """Counts the runs of each resource as they end. A scrape only reads: it happens in a thread of its own."""

    def __init__(self) -> None:
        self._of: dict[str, _Counts] = {}

    def ended(self, key: str, run: Run) -> None:
        """Count a run that has ended."""
        counts = self._of.setdefault(key, _Counts())
        counts.results[run.result.value, run.reason] += 1
        counts.durations.observe(parse_seconds(run.duration) if run.duration else 0.0)

    def missed(self, key: str, times: Sequence[datetime], told: bool) -> None:
        """Count scheduled times that were missed, the latest first, each of them once.

        Those that the status told of before this process came to see them were counted by the one before it.
        """
        counts = self._of.setdefault(key, _Counts())
        until = counts.missed_until
        if until is not None:
            counts.missed += sum(each > until for each in times)
        elif not told:
            counts.missed += len(times)
        counts.missed_until = max(times[0], until or times[0])

    def gone(self, key: str) -> None:
        """Forget a resource that is no more."""
        self._of.pop(key, None)

    def families(self, resources: Mapping[str, Known]) -> Iterator[Metric]:
        """Yield what was counted of these resources."""
        runs = CounterMetricFamily(
            "collectionsync_runs", "Runs that ended since the operator started.", labels=[*_LABELS, "result", "reason"]
        )
        durations = HistogramMetricFamily(
            "collectionsync_run_duration_seconds", "How long runs took that ended since.", labels=_LABELS
        )
        missed = CounterMetricFamily(
            "collectionsync_missed_schedules",
            "Scheduled times whose starting deadline passed without a run since.",
            labels=_LABELS,
        )
        for key, known in resources.items():
            counts = self._of.get(key)
            labels = [known.namespace, known.name]
            results: dict[tuple[str, str], int] = {(result.value, reason.value): 0 for result, reason in _FROM_ZERO}
            results |= dict(counts.results) if counts else {}
            for (result, reason), count in results.items():
                runs.add_metric([*labels, result, reason], count)
            if counts:
                durations.add_metric(labels, counts.durations.buckets(), counts.durations.sum)
            missed.add_metric(labels, counts.missed if counts else 0)
        yield runs
        yield durations
        yield missed
