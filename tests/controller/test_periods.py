"""How much time there is between two runs, and that it is not worked out anew at each scrape."""

from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.controller import schedule
from collectionsync.controller.cache import Cache
from collectionsync.controller.metrics import periods
from collectionsync.controller.metrics.periods import Periods
from collectionsync.controller.schedule import Period, due_time, period
from controller import samples
from controller.clocks import DAY, HOUR, MINUTE, SECOND, UID, at, following, spec

WORKING_HOURS = "0 9-17 * * MON-FRI"


def length(now: str, fields: dict[str, Any]) -> timedelta | None:
    found = period(spec(**fields), uid=UID, now=at(now))
    return None if found is None else found.length


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"schedule": "17 3 * * *"}, DAY),
        ({"schedule": "@hourly"}, HOUR),
        ({"schedule": "0 6 * * MON"}, 7 * DAY),
        ({"schedule": "17 3 * * *", "jitter": "2h"}, DAY),
        ({"interval": "90s"}, 90 * SECOND),
        ({}, None),
    ],
)
def test_the_period_is_the_time_between_two_runs(fields: dict[str, Any], expected: timedelta | None) -> None:
    assert length("2026-11-25T12:00", fields) == expected


def test_jitter_lengthens_the_period_of_an_interval() -> None:
    found = length("2026-11-25T12:00", {"interval": "1h", "jitter": "10m"})
    assert found is not None
    assert HOUR < found < HOUR + 10 * MINUTE


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-27T16:30", HOUR),  # a Friday
        ("2026-11-27T17:30", 64 * HOUR),
        ("2026-11-30T09:30", 64 * HOUR),  # a Monday, whose first run has had no other before it for the weekend
        ("2026-11-30T10:30", HOUR),
        ("2026-11-30T17:30", 16 * HOUR),
    ],
)
def test_of_unlike_periods_it_is_the_longer_one_of_this_and_the_last(now: str, expected: timedelta) -> None:
    assert length(now, {"schedule": WORKING_HOURS}) == expected


def test_the_period_of_a_day_is_longer_when_clocks_are_put_back() -> None:
    zurich = {"schedule": "0 12 * * *", "time_zone": "Europe/Zurich"}
    assert length("2026-10-24T12:00", zurich) == 25 * HOUR
    assert length("2026-10-27T12:00", zurich) == DAY


@given(
    schedule=st.sampled_from([WORKING_HOURS, "0 0 1 * *", "*/7 * * * *", "0 3 * * MON,TUE", "0 0 29 2 *", "@daily"]),
    jitter=st.sampled_from([None, "45m"]),
    start=st.integers(0, 400 * 24 * 3600),
    later=st.integers(0, 9 * 24 * 3600),
)
def test_who_has_seen_no_run_for_twice_the_period_has_missed_two(
    schedule: str, jitter: str | None, start: int, later: int
) -> None:
    what = spec(schedule, jitter=jitter)
    success = next(following(what, at("2026-01-01") + timedelta(seconds=start)))
    now = success + timedelta(seconds=later)
    found = period(what, uid=UID, now=now)
    assert found is not None
    if now - success > 2 * found.length:
        last = due_time(what, uid=UID, since=success, now=now)
        assert last is not None
        assert due_time(what, uid=UID, since=success, now=last - SECOND) is not None


@given(
    schedule=st.sampled_from([WORKING_HOURS, "0 0 1 * *", "*/7 * * * *", "0 3 * * MON,TUE", "@daily"]),
    jitter=st.sampled_from([None, "45m"]),
    start=st.integers(0, 400 * 24 * 3600),
)
def test_the_last_but_one_time_is_the_one_before_the_last_that_has_come(
    schedule: str, jitter: str | None, start: int
) -> None:
    what = spec(schedule, jitter=jitter)
    first, second, third = islice(following(what, at("2026-01-01") + timedelta(seconds=start)), 3)
    for now in (second, third - SECOND):
        found = period(what, uid=UID, now=now)
        assert found is not None
        assert found.last_but_one(now) == first


def test_by_an_interval_the_last_but_one_time_is_two_of_them_ago() -> None:
    found = period(spec(interval="90m"), uid=UID, now=at("2026-11-25T12:00"))
    assert found is not None
    assert found.last_but_one(at("2026-11-25T12:00")) == at("2026-11-25T09:00")


def test_a_mirror_that_has_missed_two_of_its_working_hours_has_done_so_at_night_as_well() -> None:
    what, success = spec(WORKING_HOURS), at("2026-11-30T12:05")  # a Monday
    late = []
    for hours in range(100):
        now = success + hours * HOUR
        found = period(what, uid=UID, now=now)
        assert found is not None
        late.append(success < found.last_but_one(now))
    assert late == [False] * 2 + [True] * 98


def test_a_period_holds_from_one_due_time_to_the_next() -> None:
    daily = spec("0 6 * * *", jitter="10m")
    found = period(daily, uid=UID, now=at("2026-11-25T12:00"))
    assert found is not None
    assert found.since == due_time(daily, uid=UID, since=at("2026-11-25"), now=at("2026-11-25T12:00"))
    assert found.until == found.since + DAY


def cache_of(*specs: dict[str, Any]) -> Cache:
    cache = Cache()
    for number, each in enumerate(specs):
        cache.saw_resource(samples.body(metadata={"name": f"m{number}", "uid": f"u{number}"}, **each))
    return cache


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The schedules that were worked out, one after the other."""
    made: list[str | None] = []

    def noted(what: Any, **options: Any) -> Period | None:
        made.append(what.schedule)
        return schedule.period(what, **options)

    monkeypatch.setattr(periods, "period", noted)
    return made


def test_a_schedule_is_worked_out_once_until_it_is_due_however_many_have_it(walks: list[str | None]) -> None:
    cache, remembered = cache_of(*[{"schedule": "0 3 * * *"}] * 3), Periods()
    for minutes in (0, 1, 14 * 60 + 59):
        found = remembered.of(cache.resources, samples.NOW + timedelta(minutes=minutes))
        assert [each.length for each in found.values()] == [DAY] * 3
    assert len(walks) == 1
    remembered.of(cache.resources, samples.NOW + timedelta(hours=15))
    assert len(walks) == 2


def test_a_schedule_that_has_changed_is_worked_out_at_once(walks: list[str | None]) -> None:
    remembered = Periods()
    remembered.of(cache_of({"schedule": "0 3 * * *"}).resources, samples.NOW)
    assert remembered.of(cache_of({"schedule": "0 * * * *"}).resources, samples.NOW)["mirrors/m0"].length == HOUR
    assert walks == ["0 3 * * *", "0 * * * *"]
