"""When runs are due by intervals and with jitter, and that both questions have one answer."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectionsync.controller.schedule import due_time, next_time
from controller.clocks import CHANGES, DAY, HOUR, MINUTE, SECOND, UID, at, following, spec, surroundings


def test_an_interval_is_counted_from_the_last_run() -> None:
    every, since = spec(interval="1h30m"), at("2026-11-25T06:00")

    assert next_time(every, uid=UID, since=since, now=since) == at("2026-11-25T07:30")
    assert due_time(every, uid=UID, since=since, now=at("2026-11-25T07:29:59")) is None
    assert due_time(every, uid=UID, since=since, now=at("2026-11-25T07:30")) == at("2026-11-25T07:30")


def test_after_a_long_pause_an_interval_is_over_once_and_not_many_times() -> None:
    every, since, now = spec(interval="1m"), at("2026-01-01"), at("2026-11-25")

    assert due_time(every, uid=UID, since=since, now=now) == next_time(every, uid=UID, since=since, now=now)
    assert due_time(every, uid=UID, since=since, now=now) == since + MINUTE


def test_an_interval_with_a_fraction_of_a_second_ends_with_the_next_whole_one() -> None:
    since = at("2026-11-25")

    assert next_time(spec(interval="1m500ms"), uid=UID, since=since, now=since) == since + 61 * SECOND


def jitter_of(uid: str, jitter: str) -> timedelta:
    tick = at("2026-11-25T06:00")
    return next(following(spec("0 6 25 11 *", jitter=jitter), tick - DAY, uid=uid)) - tick


@given(uid=st.uuids().map(str), jitter=st.integers(1, 100_000))
def test_jitter_puts_a_resource_off_by_always_the_same_whole_seconds_and_by_less_than_it_says(
    uid: str, jitter: int
) -> None:
    found = jitter_of(uid, f"{jitter}s")

    assert timedelta(0) <= found < jitter * SECOND
    assert found % SECOND == timedelta(0)
    assert jitter_of(uid, f"{jitter}s") == found


@pytest.mark.parametrize("jitter", ["0s", "500ms", "1s"])
def test_jitter_of_no_whole_second_puts_nothing_off(jitter: str) -> None:
    assert jitter_of(UID, jitter) == timedelta(0)


def test_jitter_spreads_resources_evenly() -> None:
    quarters = [jitter_of(f"uid-{number}", "40m") // (10 * MINUTE) for number in range(400)]

    assert set(quarters) == {0, 1, 2, 3}
    assert all(70 < quarters.count(quarter) < 130 for quarter in range(4))


def test_jitter_puts_off_the_end_of_an_interval_too() -> None:
    since = at("2026-11-25")
    found = next_time(spec(interval="1h", jitter="10m"), uid=UID, since=since, now=since)

    assert found == since + HOUR + jitter_of(UID, "10m")


def test_a_tick_is_not_due_before_the_jitter_has_passed() -> None:
    daily, tick = spec("0 6 * * *", jitter="10h"), at("2026-11-25T06:00")
    due = tick + jitter_of(UID, "10h")

    assert tick < due
    assert due_time(daily, uid=UID, since=tick - HOUR, now=due - SECOND) is None
    assert due_time(daily, uid=UID, since=tick - HOUR, now=due) == due
    assert due_time(daily, uid=UID, since=due, now=due + HOUR) is None


def test_a_tick_is_still_due_that_another_run_came_before_while_it_was_put_off() -> None:
    daily, tick = spec("0 6 * * *", jitter="10h"), at("2026-11-25T06:00")
    due = tick + jitter_of(UID, "10h")

    assert due_time(daily, uid=UID, since=tick + SECOND, now=due) == due


def test_jitter_may_be_longer_than_the_pause_between_two_ticks() -> None:
    hourly = spec("0 * * * *", jitter="50h")
    found = list(islice(following(hourly, at("2026-11-25")), 5))

    assert {later - earlier for earlier, later in pairwise(found)} == {HOUR}
    assert found[0] - at("2026-11-25") <= HOUR


SCHEDULES = st.sampled_from(["* * * * *", "*/7 2 * * *", "30 2 * * *", "0 0 * * MON", "15 */3 1,15 * *", "0 0 29 2 *"])
TIMES = st.datetimes(datetime(2010, 1, 1), datetime(2040, 1, 1)).map(
    lambda each: each.replace(tzinfo=UTC, microsecond=0)
)


@settings(deadline=None)
@given(
    fields=st.fixed_dictionaries({"schedule": SCHEDULES, "time_zone": st.sampled_from(sorted(CHANGES))})
    | st.fixed_dictionaries({"interval": st.integers(60, 10**6).map("{}s".format)}),
    jitter=st.none() | st.integers(0, 10**6).map("{}s".format),
    uid=st.uuids().map(str),
    since=TIMES | surroundings().map(lambda each: each[1]),
    passed=st.integers(0, 10**6) | st.integers(0, 10**9),
)
def test_a_run_is_due_exactly_when_the_next_time_has_come(
    fields: dict[str, str], jitter: str | None, uid: str, since: datetime, passed: int
) -> None:
    schedule, now = spec(**fields, jitter=jitter), since + timedelta(seconds=passed)
    due = due_time(schedule, uid=uid, since=since, now=now)
    upcoming = next_time(schedule, uid=uid, since=since, now=since)

    assert upcoming is not None
    assert upcoming > since
    assert (due is not None) == (upcoming <= now)
    if due is not None:
        assert since < upcoming <= due <= now


@given(since=TIMES, fraction=st.integers(0, 999_999))
def test_fractions_of_a_second_change_nothing(since: datetime, fraction: int) -> None:
    every_minute, later = spec("* * * * *"), since + timedelta(microseconds=fraction)

    assert next_time(every_minute, uid=UID, since=later, now=later) == next_time(
        every_minute, uid=UID, since=since, now=since
    )
    assert due_time(every_minute, uid=UID, since=since - HOUR, now=later) == due_time(
        every_minute, uid=UID, since=since - HOUR, now=since
    )
