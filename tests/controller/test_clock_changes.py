"""When runs are due where clocks are put forward and back: never lost, and never twice."""

from datetime import datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.clocks import (
    DAY,
    HOUR,
    MINUTE,
    ZURICH,
    at,
    backwards,
    following,
    refusal,
    spec,
    surroundings,
    until,
)


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        (None, "2026-07-01T06:30"),
        ("UTC", "2026-07-01T06:30"),
        ("Etc/UTC", "2026-07-01T06:30"),
        ("Europe/Zurich", "2026-07-01T04:30"),
        ("Asia/Kathmandu", "2026-07-01T00:45"),
        ("America/Argentina/Buenos_Aires", "2026-07-01T09:30"),
        ("Etc/GMT+5", "2026-07-01T11:30"),
    ],
)
def test_a_schedule_goes_by_the_clocks_of_its_time_zone(zone: str | None, first: str) -> None:
    schedule = spec("30 6 * * *", time_zone=zone)

    assert next(following(schedule, at("2026-07-01"))) == at(first)


@pytest.mark.parametrize(
    "zone",
    [
        *("Europe/Zürich", "Mars/Olympus", "europe/zurich", "Europe", "Europe/", "Europe//Zurich", "CEST", "", " "),
        *("..", "../../etc/localtime", "Europe/../../passwd", "/etc/localtime", "/usr/share/zoneinfo/UTC", "~/zone"),
        *("localtime", "posixrules", "right/UTC", "posix/UTC", "Factory", "zone.tab", "leapseconds", "tzdata", "-"),
        *("a\0b", "UTC\n", "x" * 64, "a/" * 31 + "a", "+VERSION"),
    ],
)
def test_what_is_no_time_zone_is_refused_by_its_name(zone: str) -> None:
    message = refusal(schedule="30 6 * * *", time_zone=zone)

    assert message.startswith(f"spec.timeZone: {zone!r} ")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("30 1 * * *", ["01:30+01:00", "01:30+02:00"]),
        ("30 2 * * *", ["03:00+02:00", "02:30+02:00"]),
        ("0,15,30 2 * * *", ["03:00+02:00", "02:00+02:00"]),
        ("0 3 * * *", ["03:00+02:00", "03:00+02:00"]),
        ("0 2,3 * * *", ["03:00+02:00", "02:00+02:00"]),
        ("30 3 * * *", ["03:30+02:00", "03:30+02:00"]),
    ],
)
def test_a_time_that_clocks_jump_over_is_due_when_they_jump_and_once(schedule: str, expected: list[str]) -> None:
    start = at("2026-03-29T00:00+01:00")
    found = until(spec(schedule, **ZURICH), start, start + 23 * HOUR)
    (next_day,) = islice(following(spec(schedule, **ZURICH), at("2026-03-30T00:00+02:00")), 1)

    assert [found[0], next_day] == [at(f"2026-03-29T{expected[0]}"), at(f"2026-03-30T{expected[1]}")]
    assert len(found) == len(set(found)) == 1


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("30 1 * * *", ["01:30+02:00"]),
        ("30 2 * * *", ["02:30+02:00"]),
        ("*/30 2 * * *", ["02:00+02:00", "02:30+02:00"]),
        ("0 2,3 * * *", ["02:00+02:00", "03:00+01:00"]),
        ("0 3 * * *", ["03:00+01:00"]),
    ],
)
def test_a_time_that_clocks_show_twice_is_due_the_first_time_and_once(schedule: str, expected: list[str]) -> None:
    start = at("2026-10-25T00:00+02:00")

    assert until(spec(schedule, **ZURICH), start, start + 24 * HOUR) == [at(f"2026-10-25T{each}") for each in expected]


@pytest.mark.parametrize("day", ["2026-03-29T00:00+01:00", "2026-10-25T00:00+02:00"])
@pytest.mark.parametrize(("schedule", "pause"), [("7 * * * *", HOUR), ("*/20 * * * *", 20 * MINUTE)])
def test_what_is_due_every_hour_is_so_whatever_clocks_show(day: str, schedule: str, pause: timedelta) -> None:
    found = until(spec(schedule, **ZURICH), at(day), at(day) + DAY)

    assert {later - earlier for earlier, later in pairwise(found)} == {pause}


def test_every_time_of_a_day_that_a_country_left_out_is_due_when_the_next_one_begins() -> None:
    schedule = spec("0 */6 * * *", time_zone="Pacific/Apia")
    found = until(schedule, at("2011-12-29T18:00-10:00"), at("2011-12-31T06:00+14:00"))

    assert found == [at("2011-12-31T00:00+14:00"), at("2011-12-31T06:00+14:00")]


def by_the_minute(minutes: set[int], hours: set[int], zone: str, start: datetime, end: datetime) -> list[datetime]:
    """What is due after `start` until `end`, from its definition: by looking at a clock every minute."""
    found, latest = [], None
    moment = start - 2 * DAY
    while moment <= end:
        shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        due = shown.minute in minutes and shown.hour in hours
        if len(hours) < 24 and latest is not None:
            if shown <= latest:
                due = False  # shown before
            skipped = [latest + each * MINUTE for each in range(1, (shown - latest) // MINUTE)]
            due = due or any(each.minute in minutes and each.hour in hours for each in skipped)
        latest = shown if latest is None else max(latest, shown)
        if due and moment > start:
            found.append(moment)
        moment += MINUTE
    return found


def sets(highest: int) -> st.SearchStrategy[set[int]]:
    numbers = st.integers(0, highest)
    return st.sets(numbers, min_size=1, max_size=4) | st.just(set(range(highest + 1)))


def listed(numbers: set[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


@settings(max_examples=150, deadline=None)
@given(minutes=sets(59), hours=sets(23), where=surroundings())
def test_forwards_and_backwards_the_times_are_those_that_a_look_at_a_clock_every_minute_finds(
    minutes: set[int], hours: set[int], where: tuple[str, datetime, datetime]
) -> None:
    zone, start, end = where
    schedule = spec(f"{listed(minutes)} {listed(hours)} * * *", time_zone=zone)
    # A clock is looked at on whole minutes; what comes after a time comes after the minute that it is in.
    expected = by_the_minute(minutes, hours, zone, start.replace(second=0), end)

    assert until(schedule, start, end) == expected
    assert backwards(schedule, start, end) == expected
