"""The plan: from what is seen of a resource to what is done, with a clock that stands where the test puts it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed

from collectionsync.controller import jobs, rfc3339
from collectionsync.controller.admission import Budget, Request, Slots
from collectionsync.controller.conditions import Because
from collectionsync.controller.observed import JobFacts, PodFacts
from collectionsync.controller.plan import Plan, Seen, plan
from collectionsync.controller.triggers import STALLING
from collectionsync.report import Result
from collectionsync.status import ActiveRun, ConditionStatus, Reason, Run, Status
from controller import samples
from controller.samples import MI, NOW

ROOM = Budget(simultaneous_runs=4, total_memory_bytes=512 * MI, per_source_host=2)
REQUEST = Request(key="mirrors/community", memory_bytes=64 * MI, source_host="galaxy.example.com", due=NOW)
ASKED = {"annotations": {"collectionsync.dev/requestedAt": "today"}}


def seen(
    *,
    status: Status | None = None,
    jobs: tuple[JobFacts, ...] = (),
    pods: tuple[PodFacts, ...] = (),
    fault: Because | None = None,
    inputs: str = "",
    metadata: dict[str, Any] | None = None,
    **spec: Any,
) -> Seen:
    resource = samples.resource(metadata=metadata, **spec)
    return Seen(
        resource=resource,
        status=status or Status(),
        jobs=jobs,
        pods=pods,
        request=REQUEST,
        fault=fault,
        inputs=inputs,
    )


def decide(what: Seen, *, now: datetime = NOW, running: tuple[Request, ...] = ()) -> Plan:
    return plan(what, slots=Slots(ROOM, running, ()), now=now)


def begun(what: Seen, *, now: datetime = NOW) -> Plan:
    """The plan once the Job is there that the plan before asked for."""
    start = decide(what, now=now).start
    assert start is not None
    metadata = what.resource.metadata
    run_id = jobs.run_id(metadata.uid, metadata.generation, start.trigger, start.after)
    name = jobs.job_name(metadata.name, run_id)
    made = samples.job(
        name=name, run_id=run_id, trigger=start.trigger, generation=metadata.generation, created=now, inputs=what.inputs
    )
    return decide(replace(what, jobs=(*what.jobs, made)), now=now)


def ran(result: Result = Result.SUCCEEDED, reason: str = "Succeeded", **fields: Any) -> Run:
    """A run of the sample's generation that started an hour ago."""
    told: dict[str, Any] = {
        "id": "aaaaaaaaaa",
        "job_name": "community-aaaaaaaaaa",
        "generation": 3,
        "trigger": "Spec/3",
        "start_time": "2026-11-25T11:00:00Z",
        "message": "it is over",
    }
    return Run(**told | {"result": result, "reason": reason} | fields)


def after(run: Run, **fields: Any) -> Status:
    """The status that such a run has left."""
    told: dict[str, Any] = {"last_attempt_time": "2026-11-25T11:01:00Z", "observed_generation": 3}
    told["consecutive_failures"] = int(run.result is Result.FAILED)
    return Status(**told | {"last_run": run, "history": (run,)} | fields)


def is_true(status: Status) -> dict[str, str]:
    """The reason of each condition that is True."""
    return {each.type: each.reason for each in status.conditions if each.status is ConditionStatus.TRUE}


def ready(status: Status) -> tuple[str, str]:
    (found,) = (each for each in status.conditions if each.type == "Ready")
    return found.status.value, found.reason


# What starts a run


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


def test_a_bad_schedule_stalls_and_runs_nothing_not_even_a_new_resource() -> None:
    decided = decide(seen(schedule="61 * * * *"))
    assert decided.start is None
    assert ready(decided.status) == ("False", "InvalidSchedule")
    assert is_true(decided.status) == {"Stalled": "InvalidSchedule"}


def test_a_fault_found_elsewhere_stalls_with_its_reason() -> None:
    decided = decide(seen(fault=Because(reason=Reason.INVALID_SPEC, message="spec.all is not supported yet")))
    assert decided.start is None
    assert ready(decided.status) == ("False", "InvalidSpec")


# One run at a time


def test_while_a_run_goes_on_no_other_is_started_and_what_is_due_is_pending() -> None:
    going_on = samples.job(generation=2, created=NOW - timedelta(minutes=5))
    started = samples.pod(started=True)
    decided = decide(seen(jobs=(going_on,), pods=(started,), status=after(ran(generation=2))))
    assert decided.start is None
    assert decided.delete == ()
    assert is_true(decided.status)["Reconciling"] == "Running"
    assert decided.status.active_run is not None
    assert decided.status.active_run.job_name == going_on.name


def test_a_job_that_is_there_already_is_the_run_whatever_the_status_says() -> None:
    """As after a crash between the creation of the Job and the writing of the status."""
    decided = decide(seen(jobs=(samples.job(),)))
    assert decided.start is None
    assert decided.status.active_run is not None


@pytest.mark.parametrize("trigger", ["Requested/today", "Schedule/2026-11-25T11:59:00Z"])
def test_a_job_answers_its_trigger_though_the_status_was_never_written(trigger: str) -> None:
    going_on = samples.job(trigger=trigger)
    decided = decide(seen(jobs=(going_on,), metadata=ASKED, status=after(ran())))
    kind, _, value = trigger.partition("/")
    if kind == "Requested":
        assert decided.status.last_handled_reconcile_at == value
    else:
        assert decided.status.last_schedule_time == value


def test_a_job_whose_pod_never_ran_makes_way_for_a_changed_spec() -> None:
    stuck = samples.job(generation=2)
    waiting = samples.pod(waiting_reason="Unschedulable", waiting_message="no node matches")
    decided = decide(seen(jobs=(stuck,), pods=(waiting,)))
    assert [each.job for each in decided.delete] == [stuck]
    assert decided.start is None, "not before it is gone"
    assert decided.status.active_run is None


def test_why_a_pod_does_not_start_is_told_while_it_does_not() -> None:
    waiting = samples.pod(waiting_reason="ImagePullBackOff", waiting_message="no such image")
    decided = decide(seen(jobs=(samples.job(),), pods=(waiting,)))
    (told,) = (each for each in decided.status.conditions if each.type == "Reconciling")
    assert "ImagePullBackOff: no such image" in told.message


def test_a_run_whose_job_was_deleted_has_failed_and_is_tried_again() -> None:
    active = ActiveRun(job_name="community-bbbbbbbbbb", start_time="2026-11-25T11:59:00Z", generation=3)
    decided = decide(seen(status=Status(active_run=active)))
    assert decided.status.last_run is not None
    assert (decided.status.last_run.id, decided.status.last_run.reason) == ("bbbbbbbbbb", "PodFailed")
    assert decided.start is None
    again = decide(seen(status=decided.status), now=NOW + timedelta(minutes=1))
    assert again.start is not None
    assert again.start.trigger == "Retry/bbbbbbbbbb"


def test_inputs_that_come_back_start_a_run_of_their_own() -> None:
    first = begun(seen(status=after(ran(Result.FAILED, "SecretNotFound"), observed_inputs="x"), inputs="m"))
    later = ran(Result.FAILED, "AuthenticationFailed", id="bbbbbbbbbb", job_name="community-bbbbbbbbbb")
    again = begun(seen(status=after(later, observed_inputs="y"), inputs="m"))
    assert first.status.active_run is not None
    assert again.status.active_run is not None
    assert again.status.active_run.job_name != first.status.active_run.job_name


def test_a_request_for_what_was_asked_for_before_the_last_one_is_a_new_run() -> None:
    ids = {value: jobs.run_id(samples.UID, 3, f"Requested/{value}") for value in "ab"}
    done = tuple(
        samples.complete(
            name=f"community-{ids[each]}",
            run_id=ids[each],
            trigger=f"Requested/{each}",
            created=NOW - timedelta(minutes=ago),
        )
        for each, ago in (("a", 40), ("b", 20))
    )
    history = tuple(ran(id=ids[each], job_name=f"community-{ids[each]}") for each in "ba")
    status = after(history[0], history=history, last_handled_reconcile_at="b")
    asked = {"annotations": {"collectionsync.dev/requestedAt": "a"}}
    decided = begun(seen(status=status, jobs=done, metadata=asked))
    assert decided.status.active_run is not None
    assert decided.status.active_run.job_name not in {each.name for each in done}


def test_a_run_whose_job_was_deleted_is_no_reason_to_think_that_inputs_have_changed() -> None:
    going_on = decide(seen(jobs=(samples.job(inputs="abc"),)))
    lost = decide(seen(status=going_on.status))
    assert decide(seen(status=lost.status, inputs="abc")).start is None, "not before its pause is over"


def test_a_request_that_was_refused_during_the_run_of_an_earlier_one_stays_refused() -> None:
    going_on = samples.job(generation=2, trigger="Requested/yesterday")
    status = after(ran(generation=2), last_handled_reconcile_at="yesterday")
    what = seen(jobs=(going_on,), pods=(samples.pod(started=True),), status=status, metadata=ASKED, suspend=True)
    refused = decide(what)
    again = decide(replace(what, status=refused.status))
    assert again.status == refused.status
    assert again.tell == ()


def test_a_job_that_is_forbidden_for_now_is_waited_for_and_stalls_nothing() -> None:
    decided = decide(seen(fault=Because(reason=Reason.JOB_FORBIDDEN, message="exceeded quota")))
    assert ready(decided.status) == ("False", "JobForbidden")
    assert is_true(decided.status) == {"Reconciling": "JobForbidden"}


# Room


def test_a_run_without_room_waits_says_so_and_keeps_its_place() -> None:
    others = tuple(replace(REQUEST, key=f"mirrors/{number}") for number in range(2))
    decided = decide(seen(), running=others)
    assert decided.start is None
    assert decided.waiting is not None
    assert ready(decided.status) == ("Unknown", "WaitingForSlot")
    assert is_true(decided.status) == {"Reconciling": "WaitingForSlot"}
    later = plan(seen(), slots=Slots(ROOM, others, (decided.waiting,)), now=NOW + timedelta(minutes=1))
    assert later.waiting == decided.waiting


# How a run ended


def test_a_run_that_ended_well_is_in_the_status_with_its_peak_and_what_is_published() -> None:
    done = samples.complete()
    decided = decide(seen(jobs=(done,), pods=(samples.ended(0, samples.said(Result.SUCCEEDED)),)))
    status = decided.status
    assert status.last_run is not None
    assert (status.last_run.result, status.last_run.peak_rss) == (Result.SUCCEEDED, "57Mi")
    assert status.history == (status.last_run,)
    assert status.last_success_time == status.last_attempt_time == "2026-11-25T12:02:00Z"
    assert status.consecutive_failures == 0
    assert status.content is not None
    assert status.content.revision == "sha256:" + "ab" * 32
    assert status.observed_inputs == done.inputs
    assert status.active_run is None
    assert [each.reason for each in decided.tell] == ["Succeeded"]


def test_a_run_is_harvested_once() -> None:
    done, pods = samples.complete(), (samples.ended(0, samples.said(Result.SUCCEEDED)),)
    first = decide(seen(jobs=(done,), pods=pods))
    second = decide(seen(jobs=(done,), pods=pods, status=first.status), now=NOW + timedelta(hours=1))
    assert second.status == first.status
    assert second.tell == ()


def test_a_job_that_has_left_the_history_is_never_harvested_again() -> None:
    old = samples.complete(name="community-0000000000", created=NOW - timedelta(hours=5))
    full = (ran(), *(ran(id=f"{number:010}", job_name=f"community-{number:010}") for number in range(1, 5)))
    decided = decide(seen(jobs=(old,), status=after(ran(), history=full)))
    assert decided.status.last_run == ran()


def test_of_two_runs_at_once_the_older_one_counts_though_it_ends_last() -> None:
    """As two operators may bring about for a moment."""
    older = samples.complete(name="community-0000000000", created=NOW - timedelta(hours=2))
    decided = decide(seen(jobs=(older,), status=after(ran())))
    assert older.name in {run.job_name for run in decided.status.history}


def test_a_failed_run_counts_and_keeps_what_is_published() -> None:
    good = decide(seen(jobs=(samples.complete(),), pods=(samples.ended(0, samples.said(Result.SUCCEEDED)),)))
    bad = samples.failed(name="community-cccccccccc", created=NOW + timedelta(hours=1))
    pods = (samples.ended(69, samples.said(reason="SourceUnavailable"), job_name=bad.name),)
    decided = decide(seen(jobs=(bad,), pods=pods, status=good.status), now=NOW + timedelta(hours=2))
    assert decided.status.consecutive_failures == 1
    assert decided.status.content == good.status.content
    assert decided.status.last_success_time == good.status.last_success_time
    assert ready(decided.status) == ("False", "SourceUnavailable")


def test_memory_pressure_warns_from_ninety_per_cent_of_the_limit() -> None:
    tight = ran(peak_rss_bytes=58 * MI, memory_limit_bytes=64 * MI, peak_rss="58Mi", memory_limit="64Mi")
    easy = changed(tight, peak_rss_bytes=57 * MI)
    assert is_true(decide(seen(status=after(tight))).status)["MemoryPressure"] == "NearLimit"
    assert "MemoryPressure" not in is_true(decide(seen(status=after(easy))).status)


def test_what_is_no_pressure_on_the_limit_is_not_called_so() -> None:
    """Pages that the resident set shares with other containers, and page cache, which the kernel takes back."""
    limit: dict[str, Any] = {"memory_limit_bytes": 64 * MI, "memory_limit": "64Mi"}
    shared = ran(peak_rss_bytes=70 * MI, cgroup_peak_bytes=50 * MI, **limit)
    cached = ran(peak_rss_bytes=50 * MI, cgroup_peak_bytes=64 * MI, **limit)
    both = ran(peak_rss_bytes=70 * MI, cgroup_peak_bytes=60 * MI, **limit)
    assert "MemoryPressure" not in is_true(decide(seen(status=after(shared))).status)
    assert "MemoryPressure" not in is_true(decide(seen(status=after(cached))).status)
    assert is_true(decide(seen(status=after(both))).status)["MemoryPressure"] == "NearLimit"


def test_a_run_that_was_killed_for_its_memory_is_ready_false_and_under_pressure() -> None:
    killed = samples.failed("PodFailurePolicy")
    pods = (samples.ended(137, samples.said(Result.RUNNING), reason="OOMKilled"),)
    decided = decide(seen(jobs=(killed,), pods=pods))
    assert ready(decided.status) == ("False", "OOMKilled")
    assert is_true(decided.status)["MemoryPressure"] == "OOMKilled"
    assert "Stalled" not in is_true(decided.status)


def test_the_history_is_short_and_jobs_beyond_the_limits_are_deleted_oldest_first() -> None:
    jobs = tuple(
        samples.complete(
            name=f"community-{number:010}", run_id=f"{number:010}", created=NOW + timedelta(minutes=number)
        )
        for number in range(7)
    )
    pods = tuple(samples.ended(0, samples.said(Result.NO_CHANGE), job_name=job.name, uid=job.name) for job in jobs)
    decided = decide(seen(jobs=jobs, pods=pods, successfulRunsHistoryLimit=2))
    assert [run.id for run in decided.status.history] == [f"{number:010}" for number in (6, 5, 4, 3, 2)]
    assert {each.job.name for each in decided.delete} == {job.name for job in jobs[:5]}


# Time


def test_a_scheduled_run_later_than_its_deadline_makes_the_resource_out_of_sync_until_it_starts() -> None:
    others = tuple(replace(REQUEST, key=f"mirrors/{number}") for number in range(2))
    what = seen(status=after(ran()), schedule="30 11 * * *", startingDeadline="20m")
    before = decide(what, running=others, now=NOW - timedelta(minutes=10))
    assert "OutOfSync" not in is_true(before.status)
    late = decide(what, running=others, now=NOW)
    assert is_true(late.status)["OutOfSync"] == "StartingDeadlineExceeded"
    started = decide(what, now=NOW)
    assert started.start is not None
    assert "OutOfSync" not in is_true(started.status)


def test_conditions_keep_their_time_of_transition_while_they_hold() -> None:
    first = decide(seen(status=after(ran())))
    second = decide(seen(status=first.status), now=NOW + timedelta(hours=1))
    assert second.status == first.status
    assert first.status.conditions[0].last_transition_time == rfc3339.render(NOW)
