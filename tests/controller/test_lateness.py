"""Which scheduled times count as missed: those whose starting deadline has passed since, and no run has answered."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from collectionsync.controller.lateness import MOST_MISSED
from collectionsync.controller.plan import Plan
from collectionsync.report import Result
from controller.planning import ASKED, FULL, after, decide, is_true, ran, seen
from controller.samples import NOW


def waiting(*, now: datetime = NOW, **spec: Any) -> Plan:
    """The plan for a resource whose last run started at 11:00, and that has no room for another."""
    return decide(seen(status=after(ran()), **spec), now=now, running=FULL)


def hours(decided: Plan) -> list[str]:
    """The scheduled times that were missed, whose deadline is an hour later."""
    return [f"{each - timedelta(hours=1):%d %H:%M}" for each in decided.missed]


@pytest.mark.parametrize("schedule", ["0 * * * *", "*/5 * * * *"])
def test_a_resource_that_is_due_more_often_than_its_deadline_allows_is_out_of_sync_when_none_starts(
    schedule: str,
) -> None:
    first = NOW if schedule.startswith("0") else NOW - timedelta(minutes=55)
    in_time = waiting(schedule=schedule, now=first + timedelta(hours=1))
    assert "OutOfSync" not in is_true(in_time.status)
    late = waiting(schedule=schedule, now=first + timedelta(hours=1, seconds=1))
    assert is_true(late.status)["OutOfSync"] == "StartingDeadlineExceeded"


def test_what_is_late_is_told_with_the_first_time_that_no_run_has_answered() -> None:
    late = waiting(schedule="0 * * * *", now=NOW + timedelta(hours=5))
    (told,) = (each.message for each in late.status.conditions if each.type == "OutOfSync")
    assert told.startswith("the run that was due at 2026-11-25T12:00:00Z was to start by 2026-11-25T13:00:00Z")


def test_a_plan_is_made_again_when_the_deadline_of_the_first_time_passes() -> None:
    due = waiting(schedule="0 0 1 1,12 *", startingDeadline="20m", now=datetime.fromisoformat("2026-12-01T00:05Z"))
    assert due.look_again == datetime.fromisoformat("2026-12-01T00:20Z")


def test_each_time_is_missed_whose_deadline_has_passed_the_latest_first() -> None:
    assert hours(waiting(schedule="0 * * * *", now=NOW + timedelta(hours=1))) == []
    assert hours(waiting(schedule="0 * * * *", now=NOW + timedelta(hours=3, minutes=30))) == [
        "25 14:00",
        "25 13:00",
        "25 12:00",
    ]


def test_of_an_interval_one_time_is_missed_since_the_next_counts_from_the_next_run() -> None:
    assert hours(waiting(interval="1h", now=NOW + timedelta(hours=30))) == ["25 12:00"]


def test_what_was_missed_while_no_operator_was_there_is_told_by_the_plan_that_makes_up_for_it() -> None:
    decided = decide(seen(status=after(ran()), schedule="0 */6 * * *"), now=NOW + timedelta(hours=19))
    assert decided.start is not None
    assert hours(decided) == ["26 00:00", "25 18:00", "25 12:00"], "the one of 06:00 is made up for in time"
    assert "OutOfSync" not in is_true(decided.status)


def test_what_is_late_stays_so_though_a_request_waits_as_well() -> None:
    asked = waiting(schedule="0 * * * *", metadata=ASKED, now=NOW + timedelta(hours=3, minutes=30))
    assert is_true(asked.status)["OutOfSync"] == "StartingDeadlineExceeded"
    assert hours(asked) == ["25 14:00", "25 13:00", "25 12:00"]


def test_what_is_late_stays_so_though_a_changed_secret_starts_the_next_run() -> None:
    failed = after(ran(Result.FAILED, "SourceUnavailable"), observed_inputs="old")
    what = seen(status=failed, inputs="new", schedule="0 * * * *")
    decided = decide(what, now=NOW + timedelta(hours=1, minutes=30), running=FULL)
    assert is_true(decided.status)["OutOfSync"] == "StartingDeadlineExceeded"
    assert hours(decided) == ["25 12:00"]


def test_a_request_that_waits_is_looked_at_again_when_the_deadline_of_a_scheduled_run_passes() -> None:
    asked = waiting(schedule="0 * * * *", startingDeadline="20m", metadata=ASKED, now=NOW + timedelta(minutes=5))
    assert asked.look_again == NOW + timedelta(minutes=20)


def test_a_request_that_starts_a_run_tells_of_the_times_that_were_missed_before() -> None:
    decided = decide(seen(status=after(ran()), schedule="0 * * * *", metadata=ASKED), now=NOW + timedelta(minutes=90))
    assert decided.start is not None
    assert decided.start.trigger == "Requested/today"
    assert hours(decided) == ["25 12:00"]


def test_nothing_is_late_while_a_generation_waits_for_its_first_run() -> None:
    what = seen(status=after(ran(generation=2)), schedule="0 * * * *")
    decided = decide(what, now=NOW + timedelta(hours=5, minutes=30), running=FULL)
    assert "OutOfSync" not in is_true(decided.status)
    assert decided.missed == ()


def test_a_month_of_minutes_is_not_counted_to_its_end() -> None:
    decided = waiting(schedule="* * * * *", now=NOW + timedelta(days=30))
    assert len(decided.missed) == MOST_MISSED
    assert decided.missed[0] == NOW + timedelta(days=30) - timedelta(minutes=1)


@pytest.mark.parametrize("fields", [{"suspend": True}, {"collections": [{"name": "a.b"}], "schedule": None}])
def test_nothing_is_missed_where_no_run_is_to_start_by_the_clock(fields: dict[str, Any]) -> None:
    assert waiting(now=NOW + timedelta(days=1), **{"schedule": "0 * * * *", **fields}).missed == ()


def test_nothing_is_missed_of_what_waits_for_somebody() -> None:
    stalled = after(ran(Result.FAILED, "SecretNotFound"))
    assert decide(seen(status=stalled, schedule="0 * * * *"), now=NOW + timedelta(days=1)).missed == ()
