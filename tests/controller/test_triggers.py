"""What makes a run due, with a clock that stands where the test puts it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from collectionsync.controller.conditions import Because
from collectionsync.controller.plan import Plan
from collectionsync.controller.triggers import STALLING
from collectionsync.report import Result
from collectionsync.status import Reason, Run
from controller import samples
from controller.planning import ASKED, after, begun, decide, is_true, ran, ready, seen
from controller.samples import NOW


def test_a_new_resource_is_run_at_once() -> None:
    decided = decide(seen())
    assert decided.start is not None
    assert decided.start.trigger == "Spec/3"
    assert ready(decided.status) == ("Unknown", "Queued")
    status = begun(seen()).status
    assert ready(status) == ("Unknown", "Running")
    assert status.active_run is not None
    assert status.observed_generation == 3


def test_nothing_is_due_after_a_run_of_this_generation() -> None:
    decided = decide(seen(status=after(ran())))
    assert decided.start is None
    assert decided.look_again is None
    assert ready(decided.status) == ("True", "Succeeded")


def test_a_new_generation_is_run_though_the_last_run_succeeded() -> None:
    decided = decide(seen(status=after(ran(generation=2))))
    assert decided.start is not None
    assert ready(decided.status)[0] == "Unknown", "a new generation has never run"


def test_a_request_starts_a_run_beside_the_schedule_and_is_answered() -> None:
    what = seen(status=after(ran()), metadata=ASKED, schedule="0 3 * * *")
    decided = begun(what)
    assert decided.status.active_run is not None
    assert decided.status.active_run.trigger == "Requested/today"
    assert decided.status.last_handled_reconcile_at == "today"
    assert ready(decided.status) == ("True", "Succeeded"), "a routine run leaves Ready alone"


def test_a_request_that_was_answered_starts_nothing_more() -> None:
    decided = decide(seen(status=after(ran(), last_handled_reconcile_at="today"), metadata=ASKED))
    assert decided.start is None


def test_a_request_is_refused_loudly_while_the_resource_is_suspended() -> None:
    decided = decide(seen(status=after(ran()), metadata=ASKED, suspend=True))
    assert decided.start is None
    assert decided.status.last_handled_reconcile_at == "today"
    assert ("Suspended", True) in [(each.reason, each.warning) for each in decided.tell]


def test_the_schedule_starts_a_run_when_it_is_due_and_names_the_next() -> None:
    decided = begun(seen(status=after(ran()), schedule="30 11 * * *"))
    assert decided.status.active_run is not None
    assert decided.status.active_run.trigger == "Schedule/2026-11-25T11:30:00Z"
    assert decided.status.last_schedule_time == "2026-11-25T11:30:00Z"
    assert decided.status.next_sync_time == "2026-11-26T11:30:00Z"
    assert decided.look_again == NOW + timedelta(hours=23, minutes=30)


def test_an_interval_counts_from_the_start_of_the_last_run() -> None:
    status = after(ran())
    assert decide(seen(status=status, interval="61m")).start is None
    decided = decide(seen(status=status, interval="60m"))
    assert decided.start is not None
    assert decided.start.trigger == "Schedule/2026-11-25T12:00:00Z"


def test_a_suspended_resource_starts_nothing_and_waits_for_nothing() -> None:
    decided = decide(seen(suspend=True, suspend_reason=None, schedule="* * * * *"))
    assert decided.start is None
    assert decided.look_again is None
    assert decided.status.next_sync_time is None
    assert ready(decided.status) == ("Unknown", "Suspended")


def seen_suspended_after(run: Run) -> Plan:
    return decide(seen(status=after(run), suspend=True))


def test_suspending_keeps_the_verdict_of_the_last_run() -> None:
    assert ready(seen_suspended_after(ran()).status) == ("True", "Suspended")
    failed = ran(Result.FAILED, "SourceUnavailable")
    assert ready(seen_suspended_after(failed).status) == ("False", "Suspended")


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)], ids=lambda each: str(each)
)
def test_a_failed_run_is_tried_again_after_a_pause_that_doubles_up_to_an_hour(failures: int, minutes: int) -> None:
    ended = datetime.fromisoformat("2026-11-25T11:01:00Z")
    status = after(ran(Result.FAILED, "SourceUnavailable"), consecutive_failures=failures)
    early = decide(seen(status=status), now=ended + timedelta(minutes=minutes, seconds=-1))
    assert early.start is None
    assert early.look_again == ended + timedelta(minutes=minutes)
    due = decide(seen(status=status), now=ended + timedelta(minutes=minutes))
    assert due.start is not None
    assert due.start.trigger == "Retry/aaaaaaaaaa"


@pytest.mark.parametrize("reason", sorted(STALLING))
def test_what_time_does_not_heal_stalls_and_a_change_of_inputs_starts_a_run(reason: str) -> None:
    status = after(ran(Result.FAILED, reason), observed_inputs="old")
    soon = NOW - timedelta(minutes=30)
    same = decide(seen(status=status, inputs="old", schedule="* * * * *"), now=soon)
    assert same.start is None
    assert is_true(same.status)["Stalled"] == reason
    other = decide(seen(status=status, inputs="new", schedule="* * * * *"), now=soon)
    assert other.start is not None
    assert other.start.trigger == "Inputs/new"
    assert "Stalled" not in is_true(other.status)


def test_refused_credentials_are_tried_again_each_hour_since_the_other_side_may_have_changed() -> None:
    status = after(ran(Result.FAILED, "AuthenticationFailed"))
    assert decide(seen(status=status), now=NOW).start is None
    assert decide(seen(status=status), now=NOW + timedelta(minutes=1)).start is not None


@pytest.mark.parametrize("reason", ["DatabaseMisconfigured", "ArtifactStoreMisconfigured"])
def test_a_server_that_cannot_be_used_is_tried_again_each_hour_since_it_may_have_been_mended(reason: str) -> None:
    status = after(ran(Result.FAILED, reason))
    assert decide(seen(status=status), now=NOW).start is None
    assert decide(seen(status=status), now=NOW + timedelta(minutes=1)).start is not None


# Requirements from a ConfigMap

ELSEWHERE: dict[str, Any] = {"collections": None, "requirementsFrom": {"configMapKeyRef": {"name": "wanted"}}}


@pytest.mark.parametrize("run", [ran(), ran(Result.FAILED, "SourceUnavailable"), ran(Result.FAILED, "InvalidSpec")])
def test_changed_requirements_start_a_run_whatever_became_of_the_last_one(run: Run) -> None:
    status = after(run, observed_requirements="old")
    soon = NOW - timedelta(minutes=59)
    assert decide(seen(status=status, requirements="old", **ELSEWHERE), now=soon).start is None
    decided = decide(seen(status=status, requirements="new", **ELSEWHERE), now=soon)
    assert decided.start is not None
    assert decided.start.trigger == "Requirements/new"


def test_a_missing_config_map_stalls_until_it_is_there() -> None:
    status = after(ran(Result.FAILED, "ConfigMapNotFound"))
    waits = decide(seen(status=status, schedule="* * * * *", **ELSEWHERE))
    assert waits.start is None
    assert is_true(waits.status) == {"Stalled": "ConfigMapNotFound"}
    decided = decide(seen(status=waits.status, requirements="there", schedule="* * * * *", **ELSEWHERE))
    assert decided.start is not None
    assert decided.start.trigger == "Requirements/there"


def test_a_config_map_that_is_gone_starts_no_run() -> None:
    assert decide(seen(status=after(ran(), observed_requirements="old"), **ELSEWHERE)).start is None


def test_requirements_that_changed_while_a_run_goes_on_wait_for_its_end() -> None:
    going_on = samples.job(requirements="old", created=NOW - timedelta(minutes=5))
    busy = decide(seen(jobs=(going_on,), pods=(samples.pod(started=True),), requirements="new", **ELSEWHERE))
    assert busy.start is None
    assert busy.status.observed_requirements == "old"
    done = samples.complete(requirements="old", created=NOW - timedelta(minutes=5))
    over = decide(seen(jobs=(done,), status=busy.status, requirements="new", **ELSEWHERE))
    assert over.start is not None
    assert over.start.trigger == "Requirements/new"


def test_the_requirements_of_a_run_are_known_though_its_job_is_gone() -> None:
    begin = begun(seen(status=after(ran(), observed_requirements="old"), requirements="new", **ELSEWHERE))
    assert begin.status.observed_requirements == "new"
    lost = decide(seen(status=begin.status, requirements="new", **ELSEWHERE))
    assert lost.start is None, "not before its pause is over"


def test_an_older_job_that_is_kept_is_no_reason_to_run_again() -> None:
    kept = samples.failed(requirements="old", name="community-aaaaaaaaaa", created=NOW - timedelta(hours=2))
    status = after(ran(), observed_requirements="new", history=(ran(job_name="gone"), ran(job_name=kept.name)))
    assert decide(seen(jobs=(kept,), status=status, requirements="new", **ELSEWHERE)).start is None


def test_the_first_run_of_a_generation_answers_the_requirements_as_well() -> None:
    decided = begun(seen(requirements="there", **ELSEWHERE))
    assert decided.status.active_run is not None
    assert decided.status.active_run.trigger == "Spec/3"
    done = samples.complete(requirements="there")
    assert decide(seen(jobs=(done,), status=decided.status, requirements="there", **ELSEWHERE)).start is None


def test_a_bad_schedule_stalls_and_runs_nothing_not_even_a_new_resource() -> None:
    decided = decide(seen(schedule="61 * * * *"))
    assert decided.start is None
    assert ready(decided.status) == ("False", "InvalidSchedule")
    assert is_true(decided.status) == {"Stalled": "InvalidSchedule"}


def test_a_fault_found_elsewhere_stalls_with_its_reason() -> None:
    decided = decide(seen(fault=Because(reason=Reason.INVALID_SPEC, message="spec.source: no")))
    assert decided.start is None
    assert ready(decided.status) == ("False", "InvalidSpec")
