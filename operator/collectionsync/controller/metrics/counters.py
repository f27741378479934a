"""What happened to each resource since the operator started, counted as it happens."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from collectionsync.controller.cache import Known, key_of
from collectionsync.histogram import Histogram
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
    """What happened to one resource: its runs by result and reason; scheduled times missed, and until when they are."""

    uid: str
    missed_until: datetime
    missed: int = 0
    results: Counter[tuple[str, str]] = field(default_factory=Counter)


class RunCounters:
    """Counts the runs of each resource as they end, from `since` on, which is when the operator started.

    A scrape only reads: it happens in a thread of its own.
    """

    def __init__(self, *, since: datetime) -> None:
        self._since = since
        self._of: dict[str, _Counts] = {}
        self._durations = Histogram(_DURATION_BUCKETS)

    def ended(self, known: Known, run: Run) -> None:
        """Count a run that has ended."""
        self._counts(known).results[run.result.value, run.reason] += 1
        self._durations.observe(parse_seconds(run.duration) if run.duration else 0.0)

    def missed(self, known: Known, deadlines: Sequence[datetime]) -> None:
        """Count the starting deadlines that have passed without a run, the latest first, each of them once."""
        counts = self._counts(known)
        counts.missed += sum(each > counts.missed_until for each in deadlines)
        counts.missed_until = max([counts.missed_until, *deadlines])

    def gone(self, key: str) -> None:
        """Forget a resource that is no more."""
        self._of.pop(key, None)

    def _counts(self, known: Known) -> _Counts:
        """Return the counts of a resource, and begin them anew for one that has the name of another."""
        key = key_of(known.namespace, known.name)
        counts = self._of.get(key)
        if counts is None or counts.uid != known.uid:
            counts = self._of[key] = _Counts(known.uid, self._since)
        return counts

    def families(self, resources: Mapping[str, Known]) -> Iterator[Metric]:
        """Yield what was counted of these resources."""
        runs = CounterMetricFamily(
            "collectionsync_runs", "Runs that ended since the operator started.", labels=[*_LABELS, "result", "reason"]
        )
        durations = HistogramMetricFamily("collectionsync_run_duration_seconds", "How long runs took that ended since.")
        missed = CounterMetricFamily(
            "collectionsync_missed_schedules",
            "Scheduled times whose starting deadline passed without a run since.",
            labels=_LABELS,
        )
        for key, known in resources.items():
            counts = self._of.get(key)
            if counts and counts.uid != known.uid:
                counts = None
            labels = [known.namespace, known.name]
            results: dict[tuple[str, str], int] = {(result.value, reason.value): 0 for result, reason in _FROM_ZERO}
            results |= dict(counts.results) if counts else {}
            for (result, reason), count in results.items():
                runs.add_metric([*labels, result, reason], count)
            missed.add_metric(labels, counts.missed if counts else 0)
        durations.add_metric([], self._durations.buckets(), self._durations.sum)
        yield runs
        yield durations
        yield missed
