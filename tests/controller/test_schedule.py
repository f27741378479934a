"""When runs are due by cron expressions: what is one, what it means, and what was missed."""

import time
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectionsync.controller.schedule import ScheduleError, due_time, next_time
from controller.clocks import DAY, HOUR, SECOND, UID, at, following, refusal, spec


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
