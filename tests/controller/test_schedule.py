"""When runs are due: by cron expressions wherever clocks are put forward and back, by intervals, and with jitter."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectionsync.controller.schedule import ScheduleError, due_time, next_time
from collectionsync.resource import CollectionRequirement, Source, Spec

UID = "6f1a0d6e-1f0e-4b55-9a51-0a2b7f0f8a11"
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZURICH = {"time_zone": "Europe/Zurich"}

# Days on which clocks are put forward or back: by an hour, by half of one, at midnight, by two; and one that never was.
CHANGES = {
    "Europe/Zurich": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Africa/Cairo": ["2026-04-24", "2026-10-30"],
    "America/Sao_Paulo": ["2018-02-18", "2018-11-04"],
    "Antarctica/Troll": ["2026-03-29", "2026-10-25"],
    "Pacific/Apia": ["2011-12-30", "2012-04-01"],
    "Asia/Kathmandu": ["2026-01-01"],
    "UTC": ["2026-02-28"],
}


def spec(schedule: str | None = None, **fields: Any) -> Spec:
    return Spec(
        source=Source(url="https://galaxy.example.com/api/"),
        collections=(CollectionRequirement(name="community.general"),),
        schedule=schedule,
        **fields,
    )


def at(text: str) -> datetime:
    """A time: in UTC, or with an offset of its own."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def following(schedule: Spec, after: datetime, *, uid: str = UID) -> Iterator[datetime]:
    """The times that come after a time, one after the other."""
    while (found := next_time(schedule, uid=uid, since=after, now=after)) is not None:
        yield found
        after = found


def until(schedule: Spec, start: datetime, end: datetime, *, uid: str = UID) -> list[datetime]:
    """The times after `start` until `end`."""
    found = []
    for each in following(schedule, start, uid=uid):
        if each > end:
            break
        found.append(each)
    return found


def backwards(schedule: Spec, start: datetime, end: datetime, *, uid: str = UID) -> list[datetime]:
    """The same, found from their end."""
    found: list[datetime] = []
    while (last := due_time(schedule, uid=uid, since=start, now=end)) is not None:
        found.append(last)
        end = last - SECOND
    return found[::-1]


def refusal(**fields: Any) -> str:
    with pytest.raises(ScheduleError) as caught:
        due_time(spec(**fields), uid=UID, since=at("2026-11-25"), now=at("2026-11-25"))
    with pytest.raises(ScheduleError) as again:
        next_time(spec(**fields), uid=UID, since=at("2026-11-25"), now=at("2026-11-25"))
    assert str(caught.value) == str(again.value)
    return str(caught.value)


# Cron expressions


@pytest.mark.parametrize(
    ("schedule", "after", "first", "second"),
    [
        ("17 3 * * *", "2026-11-25T03:16:59", "2026-11-25T03:17", "2026-11-26T03:17"),
        ("17 3 * * *", "2026-11-25T03:17:00", "2026-11-26T03:17", "2026-11-27T03:17"),
        ("* * * * *", "2026-11-25T03:17:01", "2026-11-25T03:18", "2026-11-25T03:19"),
        ("*/5 * * * *", "2026-11-25T03:17", "2026-11-25T03:20", "2026-11-25T03:25"),
        ("1/20 * * * *", "2026-11-25T03:17", "2026-11-25T03:21", "2026-11-25T03:41"),
        ("10-40/15 9 * * *", "2026-11-25T03:17", "2026-11-25T09:10", "2026-11-25T09:25"),
        ("1-5,7 0 * * *", "2026-11-25T00:04", "2026-11-25T00:05", "2026-11-25T00:07"),
        ("0 6 * * MON", "2026-11-25", "2026-11-30T06:00", "2026-12-07T06:00"),
        ("0 6 * * mon-fri", "2026-11-27T07:00", "2026-11-30T06:00", "2026-12-01T06:00"),
        ("0 6 * * 0", "2026-11-25", "2026-11-29T06:00", "2026-12-06T06:00"),
        ("0 6 * * 7", "2026-11-25", "2026-11-29T06:00", "2026-12-06T06:00"),
        ("0 6 1 JAN,jul *", "2026-11-25", "2027-01-01T06:00", "2027-07-01T06:00"),
        ("0 6 L * *", "2026-11-25", "2026-11-30T06:00", "2026-12-31T06:00"),
        ("0 6 LW * *", "2027-01-01", "2027-01-29T06:00", "2027-02-26T06:00"),
        ("0 6 * * 5L", "2026-11-25", "2026-11-27T06:00", "2026-12-25T06:00"),
        ("0 6 * * MON#1", "2026-11-25", "2026-12-07T06:00", "2027-01-04T06:00"),
        ("0 0 13 * FRI", "2026-11-25", "2026-11-27", "2026-12-04"),  # either of the two, as everywhere
        ("0 0 29 2 *", "2026-11-25", "2028-02-29", "2032-02-29"),
        ("0 0 * 2 MON#5", "2026-11-25", "2044-02-29", "2072-02-29"),
        ("@hourly", "2026-11-25T03:17", "2026-11-25T04:00", "2026-11-25T05:00"),
        ("@daily", "2026-11-25T03:17", "2026-11-26", "2026-11-27"),
        ("@midnight", "2026-11-25T03:17", "2026-11-26", "2026-11-27"),
        ("@weekly", "2026-11-25T03:17", "2026-11-29", "2026-12-06"),
        ("@monthly", "2026-11-25T03:17", "2026-12-01", "2027-01-01"),
        ("@yearly", "2026-11-25T03:17", "2027-01-01", "2028-01-01"),
        ("@annually", "2026-11-25T03:17", "2027-01-01", "2028-01-01"),
        ("  17  3 * * * ", "2026-11-25", "2026-11-25T03:17", "2026-11-26T03:17"),
    ],
)
def test_a_cron_expression_means_what_it_says(schedule: str, after: str, first: str, second: str) -> None:
    assert list(islice(following(spec(schedule), at(after)), 2)) == [at(first), at(second)]


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("", "five fields"),
        ("17 3 * *", "five fields"),
        ("foo * * * * *", "five fields"),
        ("0 17 3 * * *", "five fields"),
        ("TZ=Europe/Zurich 17 3 * * *", "five fields"),
        ("tomorrow", "five fields"),
        ("@dailyfoo", "@daily"),
        ("@reboot", "@daily"),
        ("@DAILY", "@daily"),
        ("@every 1h", "spec.interval"),
        ("@daily * * * *", "@daily"),
        ("60 * * * *", "'60' is no minute"),
        ("-1 * * * *", "'-1' is no minute"),
        ("1.5 * * * *", "'1.5' is no minute"),
        ("*/0 * * * *", "'*/0' is no minute"),
        ("5-1 * * * *", "'5-1' is no minute"),
        ("1,,2 * * * *", "'1,,2' is no minute"),
        ("1/ * * * *", "'1/' is no minute"),
        ("? * * * *", "'?' is no minute"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 L * * *", "'L' is no hour"),
        ("0 0 0 * *", "'0' is no day of the month"),
        ("0 0 32 * *", "'32' is no day of the month"),
        ("0 0 15W * *", "'15W' is no day of the month"),
        ("0 0 * 13 *", "'13' is no month"),
        ("0 0 * JANUARY *", "'JANUARY' is no month"),
        ("0 0 * * 8", "'8' is no day of the week"),
        ("0 0 * * MON#6", "'MON#6' is no day of the week"),
        ("0 0 * * SAT-SUN", "'SAT-SUN' is no day of the week"),
        ("0 0 * * \N{LATIN SMALL LETTER DOTLESS I}", "five fields"),
        ("\N{ARABIC-INDIC DIGIT ONE} 0 * * *", "five fields"),
    ],
)
def test_what_is_no_cron_expression_is_refused_with_what_is_wrong(schedule: str, said: str) -> None:
    message = refusal(schedule=schedule)

    assert message.startswith(f"spec.schedule: {schedule!r} ")
    assert said in message


@pytest.mark.parametrize("schedule", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 */10 2 0#5", "0 0 LW * */6"])
def test_a_date_that_there_is_in_no_year_is_said_never_to_come(schedule: str) -> None:
    assert "never comes" in refusal(schedule=schedule)


@given(st.text("0123456789*/,-#LWMONFEB@? ", max_size=30) | st.text(max_size=128))
@example("0 0 L/2 * *")
@example("* * * * 1#2/3")
@example("9" * 128)
def test_any_text_is_a_schedule_or_is_refused_as_one(schedule: str) -> None:
    now = at("2026-11-25T12:00:00")
    try:
        found = next_time(spec(schedule), uid=UID, since=now, now=now)
    except ScheduleError:
        return
    assert found is not None
    assert found > now


def test_a_time_is_due_in_its_own_second_and_not_before() -> None:
    daily, tick = spec("0 6 * * *"), at("2026-11-25T06:00")

    assert due_time(daily, uid=UID, since=at("2026-11-25T05:00"), now=tick) == tick
    assert due_time(daily, uid=UID, since=at("2026-11-25T05:00"), now=tick - SECOND) is None


def test_a_time_that_was_answered_is_not_due_again() -> None:
    tick = at("2026-11-25T06:00")

    assert due_time(spec("0 6 * * *"), uid=UID, since=tick, now=tick + HOUR) is None


def test_of_several_times_that_were_missed_the_latest_is_due() -> None:
    found = due_time(spec("0 6 * * *"), uid=UID, since=at("2026-11-20"), now=at("2026-11-25T12:00"))

    assert found == at("2026-11-25T06:00")


def test_the_next_time_by_a_cron_expression_is_after_now_whatever_was_missed() -> None:
    found = next_time(spec("0 6 * * *"), uid=UID, since=at("2026-11-20"), now=at("2026-11-25T12:00"))

    assert found == at("2026-11-26T06:00")


def test_a_year_of_minutes_that_were_missed_costs_no_more_than_one() -> None:
    every_minute, now = spec("* * * * *"), at("2026-11-25T12:00:30")
    began = time.process_time()

    assert due_time(every_minute, uid=UID, since=now - 365 * DAY, now=now) == at("2026-11-25T12:00")
    assert next_time(every_minute, uid=UID, since=now - 365 * DAY, now=now) == at("2026-11-25T12:01")
    assert time.process_time() - began < 0.5, "half a million steps would take many times as long"


def test_without_schedule_and_interval_nothing_is_ever_due() -> None:
    assert due_time(spec(), uid=UID, since=at("2000-01-01"), now=at("2026-11-25")) is None
    assert next_time(spec(), uid=UID, since=at("2000-01-01"), now=at("2026-11-25")) is None


# Time zones


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


@st.composite
def surroundings(draw: st.DrawFn) -> tuple[str, datetime, datetime]:
    """A zone, and a span of time in which its clocks may be put forward or back, of whole seconds."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = at(draw(st.sampled_from(CHANGES[zone])))
    start = middle + timedelta(seconds=draw(st.integers(-36 * 3600, 36 * 3600)))
    return zone, start, start + timedelta(seconds=draw(st.integers(0, 36 * 3600)))


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


# Intervals and jitter


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
