"""What a scrape of the operator tells is what the cache knows at that moment, in names that Prometheus expects."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from collectionsync.controller.admission import Budget, Request
from collectionsync.controller.cache import Cache, Known
from collectionsync.controller.jobs import build_job
from collectionsync.controller.metrics import OperatorCollector, RunCounters
from collectionsync.controller.reconcile import Observer
from collectionsync.report import Result, VersionCounts
from collectionsync.status import Condition, ConditionStatus, Content, Run, Status, StoredArtifacts
from controller import samples

OURS = {"namespace": "mirrors", "name": "community"}
BUDGET = Budget(simultaneous_runs=4, total_memory_bytes=512 * samples.MI, per_source_host=2)
RUN = Run(
    id="0123456789",
    job_name="community-0123456789",
    generation=3,
    result=Result.FAILED,
    reason="OOMKilled",
    duration="1m12s",
    peak_rss_bytes=57 * samples.MI,
    cgroup_peak_bytes=60 * samples.MI,
    memory_limit_bytes=64 * samples.MI,
    fetched_bytes=1000,
    versions=VersionCounts(created=4, unchanged=8, excluded=3),
    artifacts=StoredArtifacts(created=4, bytes=5 * samples.MI),
    warnings=("roles are not mirrored", "an avatar could not be had"),
)
STATUS = Status(
    conditions=(
        Condition(
            type="Ready",
            status=ConditionStatus.FALSE,
            reason="OOMKilled",
            message="killed",
            last_transition_time="2026-11-25T12:00:00Z",
        ),
    ),
    last_run=RUN,
    last_success_time="1970-01-01T00:01:00Z",
    consecutive_failures=2,
    content=Content(revision="sha256:x", versions=12, collections=2, bytes=99),
)


class Working:
    """A reconciler that stands still."""

    requests = 7

    def __init__(self) -> None:
        self.waiting: dict[str, Request] = {}


class Scene:
    """A cache and what counts beside it; `value` scrapes."""

    def __init__(self) -> None:
        self.cache = Cache()
        self.counters = RunCounters(since=samples.NOW)
        self.observer = Observer()
        self.reconciler = Working()
        self.registry = CollectorRegistry()
        self.registry.register(OperatorCollector(self.cache, self.reconciler, self.observer, self.counters, BUDGET))

    def add(self, status: Status = STATUS, **spec: Any) -> None:
        self.cache.saw_resource({**samples.body(**spec), "status": msgspec.to_builtins(status)})

    @property
    def known(self) -> Known:
        return self.cache.resources["mirrors/community"]

    def value(self, metric: str, /, **labels: str) -> float | None:
        return self.registry.get_sample_value(metric, labels)

    def ours(self, metric: str, /, **labels: str) -> float | None:
        return self.value(metric, **OURS, **labels)


@pytest.fixture
def scene() -> Scene:
    found = Scene()
    found.add()
    return found


def test_a_resource_is_told_with_its_source_and_its_limit(scene: Scene) -> None:
    assert scene.ours("collectionsync_info", source_host="galaxy.example.com", repository="default") == 1
    assert scene.ours("collectionsync_memory_limit_bytes") == 64 * samples.MI
    assert scene.ours("collectionsync_suspended") == 0


def test_a_resource_is_told_with_its_age_before_anybody_has_looked_at_it() -> None:
    scene = Scene()
    scene.add(Status())
    created = datetime.fromisoformat(samples.body()["metadata"]["creationTimestamp"])
    assert scene.ours("collectionsync_created_timestamp_seconds") == created.timestamp()


def test_a_resource_that_cannot_be_read_is_told_with_its_age_and_its_conditions() -> None:
    scene = Scene()
    scene.add(collections=[{"name": "NO"}])
    assert scene.ours("collectionsync_created_timestamp_seconds") is not None
    assert scene.ours("collectionsync_status_condition", type="Ready", status="False") == 1
    assert scene.ours("collectionsync_sync_period_seconds") is None


@pytest.mark.parametrize("suspend", [False, True])
def test_whether_a_resource_is_suspended_is_told_though_the_rest_of_it_cannot_be_read(suspend: bool) -> None:
    scene = Scene()
    scene.add(collections=[{"name": "NO"}], suspend=suspend)
    assert scene.known.resource is None
    assert scene.ours("collectionsync_suspended") == suspend


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        ({"schedule": "17 3 * * *"}, 86400),
        ({"schedule": "*/5 * * * *", "timeZone": "Europe/Zurich", "jitter": "1m"}, 300),
        ({"interval": "6h"}, 21600),
        ({"schedule": "17 3 * * *", "suspend": True}, 86400),
        ({}, None),
        ({"schedule": "61 * * * *"}, None),
        ({"schedule": "17 3 * * *", "timeZone": "Europe/Atlantis"}, None),
    ],
)
def test_the_time_between_two_runs_is_told_where_there_is_one(spec: dict[str, Any], seconds: float | None) -> None:
    scene = Scene()
    scene.add(**spec)
    assert scene.ours("collectionsync_sync_period_seconds") == seconds
    expected = scene.ours("collectionsync_success_expected_since_timestamp_seconds")
    assert (expected is None) == (seconds is None)
    if expected is not None and seconds is not None:
        assert seconds < time.time() - expected <= 2 * seconds + 60


def test_each_condition_has_one_status_that_holds(scene: Scene) -> None:
    def of(kind: str) -> list[float | None]:
        told = ("True", "False", "Unknown")
        return [scene.ours("collectionsync_status_condition", type=kind, status=each) for each in told]

    assert of("Ready") == [0, 1, 0]
    assert of("OutOfSync") == [0, 1, None], "what is absent is false, and never unknown"


def test_a_resource_that_was_never_looked_at_is_ready_unknown() -> None:
    scene = Scene()
    scene.add(Status())
    assert scene.ours("collectionsync_status_condition", type="Ready", status="Unknown") == 1
    assert scene.ours("collectionsync_last_success_timestamp_seconds") is None


def test_the_last_run_is_told_with_what_it_took(scene: Scene) -> None:
    assert scene.ours("collectionsync_last_run_info", result="Failed", reason="OOMKilled") == 1
    assert scene.ours("collectionsync_last_run_peak_rss_bytes") == 57 * samples.MI
    assert scene.ours("collectionsync_last_run_cgroup_peak_memory_bytes") == 60 * samples.MI
    assert scene.ours("collectionsync_last_run_memory_limit_bytes") == 64 * samples.MI
    assert scene.ours("collectionsync_last_run_duration_seconds") == 72
    assert scene.ours("collectionsync_last_run_versions", outcome="unchanged") == 8
    assert scene.ours("collectionsync_last_run_versions", outcome="excluded") == 3
    assert scene.ours("collectionsync_last_run_artifacts") == 4
    assert scene.ours("collectionsync_last_run_artifact_bytes") == 5 * samples.MI
    assert scene.ours("collectionsync_last_run_warnings") == 2
    assert scene.ours("collectionsync_last_success_timestamp_seconds") == 60
    assert scene.ours("collectionsync_consecutive_failures") == 2
    assert scene.ours("collectionsync_published_versions") == 12


def test_runs_are_counted_from_zero_so_that_the_first_is_an_increase(scene: Scene) -> None:
    def killed() -> float | None:
        return scene.ours("collectionsync_runs_total", result="Failed", reason="OOMKilled")

    assert killed() == 0
    scene.counters.ended(scene.known, RUN)
    assert killed() == 1


def test_how_long_runs_take_is_told_of_all_resources_together(scene: Scene) -> None:
    assert scene.value("collectionsync_run_duration_seconds_count") == 0
    scene.counters.ended(scene.known, RUN)
    assert scene.value("collectionsync_run_duration_seconds_bucket", le="60.0") == 0
    assert scene.value("collectionsync_run_duration_seconds_bucket", le="120.0") == 1


def missed(scene: Scene, *hours: int) -> float | None:
    """The count once starting deadlines were missed so many hours after the operator started, the latest first."""
    scene.counters.missed(scene.known, [samples.NOW + timedelta(hours=each) for each in hours])
    return scene.ours("collectionsync_missed_schedules_total")


def test_missed_schedules_are_counted_from_zero_and_each_of_them_once(scene: Scene) -> None:
    assert scene.ours("collectionsync_missed_schedules_total") == 0
    assert missed(scene, 1) == 1
    assert missed(scene, 1) == 1, "it is told again each time the resource is looked at"
    assert missed(scene, 3, 2, 1) == 3


def test_schedules_that_were_missed_before_the_operator_started_are_not_counted(scene: Scene) -> None:
    assert missed(scene, 0, -1, -2) == 0
    assert missed(scene, 1, 0, -1, -2) == 1


def test_a_resource_inherits_no_counts_of_another_one_that_had_its_name(scene: Scene) -> None:
    scene.counters.ended(scene.known, RUN)
    assert missed(scene, 1) == 1
    scene.add(STATUS, metadata={"uid": "another"})
    assert scene.ours("collectionsync_runs_total", result="Failed", reason="OOMKilled") == 0
    assert scene.ours("collectionsync_missed_schedules_total") == 0
    scene.counters.ended(scene.known, RUN)
    assert scene.ours("collectionsync_runs_total", result="Failed", reason="OOMKilled") == 1
    assert missed(scene, 2) == 1


def test_nothing_is_told_of_a_resource_that_is_gone(scene: Scene) -> None:
    scene.counters.ended(scene.known, RUN)
    scene.cache.saw_resource({**samples.body(), "metadata": samples.body()["metadata"]}, deleted=True)
    scene.counters.gone("mirrors/community")
    assert "mirrors" not in generate_latest(scene.registry).decode()


def test_what_runs_and_what_waits_is_told_with_the_memory_it_takes(scene: Scene) -> None:
    made = build_job(samples.resource(), trigger="Spec/3", inputs="", defaults=samples.DEFAULTS)
    scene.cache.saw_job(samples.as_stored(made))
    scene.reconciler.waiting["mirrors/other"] = Request(
        key="mirrors/other", memory_bytes=1, source_hosts=(), due=samples.NOW
    )
    assert scene.value("collectionsync_operator_active_runs") == 1
    assert scene.value("collectionsync_operator_admitted_memory_bytes") == 64 * samples.MI
    assert scene.value("collectionsync_operator_queued_runs") == 1
    assert scene.value("collectionsync_operator_api_requests_total") == 7


def test_what_all_runs_may_take_is_told_beside_what_they_take(scene: Scene) -> None:
    assert scene.value("collectionsync_operator_memory_budget_bytes") == 512 * samples.MI
    assert scene.value("collectionsync_operator_simultaneous_runs_limit") == 4
    assert scene.value("collectionsync_operator_source_host_runs_limit") == 2


def test_how_long_looks_take_is_told_by_buckets_that_have_their_bound_in_them(scene: Scene) -> None:
    for seconds in (0.005, 0.006, 1000.0):
        scene.observer.durations.observe(seconds)
    name = "collectionsync_operator_reconcile_duration_seconds"
    assert [scene.value(f"{name}_bucket", le=each) for each in ("0.005", "0.01", "30.0", "+Inf")] == [1, 2, 2, 3]
    assert scene.value(f"{name}_count") == 3
    assert scene.value(f"{name}_sum") == pytest.approx(1000.011)


def test_changes_that_no_watch_told_of_are_counted_from_zero_by_kind(scene: Scene) -> None:
    def missed() -> list[float | None]:
        kinds = ("CollectionSync", "Job", "Pod")
        return [scene.value("collectionsync_operator_missed_changes_total", kind=each) for each in kinds]

    assert missed() == [0, 0, 0]
    scene.observer.missed_changes["Job"] += 2
    assert missed() == [0, 2, 0]


def test_an_operator_that_has_listed_nothing_yet_tells_of_no_time_at_which_it_did(scene: Scene) -> None:
    assert scene.value("collectionsync_operator_last_resync_timestamp_seconds") is None
    scene.observer.last_resync = 1000.0
    assert scene.value("collectionsync_operator_last_resync_timestamp_seconds") == 1000


def families(scene: Scene) -> Iterator[Any]:
    scene.counters.ended(scene.known, RUN)
    scene.observer.last_events["Job"] = 1.0
    yield from text_string_to_metric_families(generate_latest(scene.registry).decode())


def test_names_and_units_follow_the_conventions(scene: Scene) -> None:
    for family in families(scene):
        assert family.name.startswith("collectionsync_")
        assert family.documentation.endswith(".")
        assert not family.name.endswith(("_total", "_count", "_milliseconds", "_kib")), "suffixes are the format's"
        for sample in family.samples:
            assert set(sample.labels) <= {
                *("namespace", "name", "type", "status", "result", "reason", "outcome", "kind", "le"),
                *("source_host", "repository"),
            }
