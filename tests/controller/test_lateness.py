"""Which scheduled times count as missed: those whose starting deadline has passed since, and no run has answered."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from collectionsync.controller.plan import Plan
from collectionsync.controller.story import MOST_MISSED
from collectionsync.report import Result
from controller.planning import REQUEST, after, decide, is_true, ran, seen
from controller.samples import NOW

FULL = tuple(replace(REQUEST, key=f"mirrors/{number}") for number in range(2))
"""Runs that take all the room there is for the source."""


def waiting(*, now: datetime = NOW, **spec: Any) -> Plan:
    """The plan for a resource whose last run started at 11:00, and that has no room for another."""
    return decide(seen(status=after(ran()), **spec), now=now, running=FULL)


def hours(decided: Plan) -> list[str]:
    return [f"{each:%d %H:%M}" for each in decided.missed]


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


def test_a_month_of_minutes_is_not_counted_to_its_end() -> None:
    decided = waiting(schedule="* * * * *", now=NOW + timedelta(days=30))
    assert len(decided.missed) == MOST_MISSED
    assert decided.missed[0] == NOW + timedelta(days=30) - timedelta(hours=1, minutes=1)


@pytest.mark.parametrize("fields", [{"suspend": True}, {"collections": [{"name": "a.b"}], "schedule": None}])
def test_nothing_is_missed_where_no_run_is_to_start_by_the_clock(fields: dict[str, Any]) -> None:
    assert waiting(now=NOW + timedelta(days=1), **{"schedule": "0 * * * *", **fields}).missed == ()


def test_nothing_is_missed_of_what_waits_for_somebody() -> None:
    stalled = after(ran(Result.FAILED, "SecretNotFound"))
    assert decide(seen(status=stalled, schedule="0 * * * *"), now=NOW + timedelta(days=1)).missed == ()
