"""The plan: from what is seen of a resource to what is done, with a clock that stands where the test puts it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed

from collectionsync.controller import jobs, rfc3339
from collectionsync.controller.admission import Slots
from collectionsync.controller.conditions import Because
from collectionsync.controller.plan import Plan, plan
from collectionsync.report import Result
from collectionsync.status import ActiveRun, Reason, Status
from controller import samples
from controller.planning import ASKED, FULL, REQUEST, ROOM, after, begun, decide, is_true, ran, ready, seen
from controller.samples import MI, NOW

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
    assert list(decided.delete) == [stuck]
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
    decided = decide(seen(), running=FULL)
    assert decided.start is None
    assert decided.waiting is not None
    assert ready(decided.status) == ("Unknown", "WaitingForSlot")
    assert is_true(decided.status) == {"Reconciling": "WaitingForSlot"}
    later = plan(seen(), slots=Slots(ROOM, FULL, (decided.waiting,)), now=NOW + timedelta(minutes=1))
    assert later.waiting == decided.waiting


@pytest.mark.parametrize("spec", [{"schedule": "30 11 * * *"}, {"interval": "30m"}])
def test_the_next_run_of_what_waits_for_room_was_due_when_the_clock_made_it_so(spec: dict[str, Any]) -> None:
    decided = decide(seen(status=after(ran()), **spec), running=FULL, now=NOW + timedelta(days=3))
    assert decided.status.next_sync_time == "2026-11-25T11:30:00Z"


def test_the_next_time_of_a_schedule_is_a_reason_to_look_again_while_a_run_waits_for_room() -> None:
    decided = decide(seen(status=after(ran()), schedule="0 * * * *"), running=FULL, now=NOW + timedelta(hours=5))
    assert decided.look_again == NOW + timedelta(hours=6)


def test_a_request_that_waits_for_room_is_due_since_it_waits_and_its_status_is_not_written_anew() -> None:
    what = seen(status=after(ran()), metadata=ASKED, schedule="0 3 * * *")
    first = decide(what, running=FULL)
    assert first.waiting is not None
    assert first.status.next_sync_time == rfc3339.render(NOW)
    slots = Slots(ROOM, FULL, (first.waiting,))
    later = plan(replace(what, status=first.status), slots=slots, now=NOW + timedelta(minutes=10))
    assert later.status == first.status


def test_the_next_run_of_a_request_that_waits_beside_the_schedule_was_due_by_the_schedule() -> None:
    decided = decide(seen(status=after(ran()), metadata=ASKED, schedule="30 11 * * *"), running=FULL)
    assert decided.status.next_sync_time == "2026-11-25T11:30:00Z"


def test_what_overruns_its_own_schedule_waits_since_its_run_has_ended_and_overtakes_nobody() -> None:
    ended = after(ran(), last_attempt_time="2026-11-25T11:50:00Z")
    other = replace(REQUEST, key="mirrors/other", due=NOW - timedelta(minutes=5))
    slots = Slots(ROOM, FULL[:1], (other,))
    decided = plan(seen(status=ended, schedule="*/5 * * * *"), slots=slots, now=NOW)
    assert decided.start is not None, "nobody else has waited longer"
    longer = replace(other, due=NOW - timedelta(minutes=15))
    decided = plan(seen(status=ended, schedule="*/5 * * * *"), slots=Slots(ROOM, FULL[:1], (longer,)), now=NOW)
    assert decided.waiting is not None, "it was due at 11:05, while its own run went on"
    assert decided.waiting.due == NOW - timedelta(minutes=10)
    assert decided.status.next_sync_time == "2026-11-25T11:05:00Z"


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


def test_the_last_run_keeps_its_warnings_and_the_history_does_not() -> None:
    told = samples.said(Result.SUCCEEDED, warnings=["roles are not mirrored"])
    what = seen(jobs=(samples.complete(),), pods=(samples.ended(0, told),))
    first = decide(what)
    assert first.status.last_run is not None
    assert first.status.last_run.warnings == ("roles are not mirrored",)
    assert first.status.history == (changed(first.status.last_run, warnings=()),)
    assert decide(replace(what, status=first.status)).status == first.status


def test_the_warnings_of_a_run_are_told_unless_the_run_before_had_the_same() -> None:
    def told(*warnings: str, before: Status | None = None, number: int) -> Plan:
        message = samples.said(Result.SUCCEEDED, warnings=list(warnings))
        name = f"community-{number:010}"
        job = samples.complete(name=name, run_id=f"{number:010}", created=NOW + timedelta(minutes=number))
        return decide(seen(jobs=(job,), pods=(samples.ended(0, message, job_name=name),), status=before))

    def warned(decided: Plan) -> list[str]:
        return [each.message for each in decided.tell if each.reason == "RunWarnings" and each.warning]

    first = told("a", "b", number=1)
    assert warned(first) == ["a | b"]
    again = told("a", "b", before=first.status, number=2)
    assert warned(again) == []
    assert warned(told("c", before=again.status, number=3)) == ["c"]
    assert warned(told(before=again.status, number=3)) == []


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
    assert {job.name for job in decided.delete} == {job.name for job in jobs[:5]}


# Time


def test_a_scheduled_run_later_than_its_deadline_makes_the_resource_out_of_sync_until_it_starts() -> None:
    what = seen(status=after(ran()), schedule="30 11 * * *", startingDeadline="20m")
    before = decide(what, running=FULL, now=NOW - timedelta(minutes=10))
    assert "OutOfSync" not in is_true(before.status)
    late = decide(what, running=FULL, now=NOW)
    assert is_true(late.status)["OutOfSync"] == "StartingDeadlineExceeded"
    started = decide(what, now=NOW)
    assert started.start is not None
    assert "OutOfSync" not in is_true(started.status)


def test_conditions_keep_their_time_of_transition_while_they_hold() -> None:
    first = decide(seen(status=after(ran())))
    second = decide(seen(status=first.status), now=NOW + timedelta(hours=1))
    assert second.status == first.status
    assert first.status.conditions[0].last_transition_time == rfc3339.render(NOW)
