"""What is told of each resource: all of it follows from the resource and its status, as they were last seen."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from collectionsync.controller import rfc3339
from collectionsync.controller.cache import Known
from collectionsync.controller.hosts import source_host
from collectionsync.controller.schedule import Period
from collectionsync.quantity import parse_seconds
from collectionsync.resource import memory_limit_bytes
from collectionsync.status import ConditionStatus, ConditionType

_LABELS = ("namespace", "name")
# The first is that of a condition that is absent.
_OF_READY = (ConditionStatus.UNKNOWN, ConditionStatus.TRUE, ConditionStatus.FALSE)
_OF_OTHERS = (ConditionStatus.FALSE, ConditionStatus.TRUE)


def resource_families(resources: Mapping[str, Known], periods: Mapping[str, Period], now: datetime) -> Iterator[Metric]:
    """Yield what is told of each resource, by its key; `periods` has the time between two of its runs, if any."""
    told = _Told()
    for key, known in resources.items():
        told.info(known)
        told.times(known)
        told.period(known, periods.get(key), now)
        told.conditions(known)
        told.last_run(known)
    yield from told.families.values()


class _Told:
    """The families by name, each of which begins with the first resource that has something to tell."""

    def __init__(self) -> None:
        self.families: dict[str, Metric] = {}

    def _gauge(self, known: Known, name: str, documentation: str, value: float | None, **labels: str) -> None:
        if value is None:
            return
        family = self.families.get(name)
        if family is None:
            family = GaugeMetricFamily(f"collectionsync_{name}", documentation, labels=[*_LABELS, *labels])
            self.families[name] = family
        assert isinstance(family, GaugeMetricFamily)
        family.add_metric([known.namespace, known.name, *labels.values()], value)

    def info(self, known: Known) -> None:
        self._gauge(known, "suspended", "Whether no runs are started.", int(known.suspended))
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
        self._gauge(known, "memory_limit_bytes", "Memory limit of its runs.", memory_limit_bytes(resource.spec))

    def times(self, known: Known) -> None:
        status = known.status
        created = known.created.timestamp() if known.created else None
        self._gauge(known, "created_timestamp_seconds", "When the resource was created.", created)
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

    def period(self, known: Known, period: Period | None, now: datetime) -> None:
        if period is None:
            return
        self._gauge(known, "sync_period_seconds", "Time between two scheduled runs.", period.length.total_seconds())
        self._gauge(
            known,
            "success_expected_since_timestamp_seconds",
            "When the last but one scheduled run was due.",
            period.last_but_one(now).timestamp(),
        )

    def conditions(self, known: Known) -> None:
        found = {each.type: each.status for each in known.status.conditions}
        for kind in ConditionType:
            # Those that are only present while they are True are False when they are not, and never Unknown.
            statuses = _OF_READY if kind is ConditionType.READY else _OF_OTHERS
            now = found.get(kind.value, statuses[0])
            for status in statuses:
                self._gauge(
                    known,
                    "status_condition",
                    "Whether a condition has this status.",
                    int(status is now),
                    type=kind.value,
                    status=status.value,
                )

    def last_run(self, known: Known) -> None:
        run = known.status.last_run
        if run is None:
            return
        self._gauge(
            known, "last_run_info", "How the last run ended; always 1.", 1, result=run.result.value, reason=run.reason
        )
        seconds = parse_seconds(run.duration) if run.duration else None
        told = (
            ("last_run_duration_seconds", "How long the last run took.", seconds),
            ("last_run_peak_rss_bytes", "Largest resident memory of the last run.", run.peak_rss_bytes or None),
            (
                "last_run_cgroup_peak_memory_bytes",
                "The most that the last run's memory cgroup was charged for.",
                run.cgroup_peak_bytes or None,
            ),
            ("last_run_memory_limit_bytes", "Memory limit of the last run.", run.memory_limit_bytes or None),
            ("last_run_fetched_bytes", "What the last run fetched.", run.fetched_bytes),
            ("last_run_artifacts", "Artifacts that the last run stored.", run.artifacts.created),
            ("last_run_artifact_bytes", "Size of the artifacts that the last run stored.", run.artifacts.bytes),
            ("last_run_warnings", "Warnings of the last run, as many as its status keeps.", len(run.warnings)),
        )
        for name, documentation, value in told:
            self._gauge(known, name, documentation, value)
        for outcome in ("created", "unchanged", "skipped", "failed", "removed", "excluded"):
            self._gauge(
                known,
                "last_run_versions",
                "Versions of the last run by outcome.",
                getattr(run.versions, outcome),
                outcome=outcome,
            )
