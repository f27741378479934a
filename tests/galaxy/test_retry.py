"""When to ask again, and when not any more."""

import email.utils
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.galaxy.errors import TransientError
from collectionsync.galaxy.retry import RetryPolicy, parse_retry_after

NOW = 1_790_000_000.0


@pytest.fixture
def far_from_greenwich() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "EST5")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 0.5), (2, 1.0), (3, 2.0), (7, 30.0), (20, 30.0)])
def test_a_pause_grows_with_every_attempt_up_to_its_cap(attempt: int, ceiling: float) -> None:
    pauses = [RetryPolicy().pause(attempt) for _ in range(300)]
    assert all(0 <= pause <= ceiling for pause in pauses)
    assert max(pauses) > ceiling / 2


def test_pauses_are_not_alike_so_that_many_connections_do_not_come_back_as_one() -> None:
    assert len({RetryPolicy().pause(3) for _ in range(20)}) > 10


@pytest.mark.parametrize("asked", [0.0, 1.0, 120.0])
def test_a_pause_that_the_source_asks_for_is_never_shortened(asked: float) -> None:
    pauses = [RetryPolicy().pause(5, retry_after=asked) for _ in range(100)]
    assert all(asked <= pause <= asked + 1 for pause in pauses)


@pytest.mark.parametrize("asked", [None, 0.0, 300.0])
def test_a_run_waits_as_long_as_the_source_asks(asked: float | None) -> None:
    error = TransientError("busy", retry_after=asked)
    assert RetryPolicy(longest_wait_seconds=300).pause_after(error, 1) >= (asked or 0)


@pytest.mark.parametrize("asked", [300.5, float("inf")])
def test_but_not_for_ever(asked: float) -> None:
    error = TransientError("it is busy", reason="Busy", retry_after=asked)
    with pytest.raises(TransientError, match=r"it is busy and asks .* longer than a run waits; run again") as caught:
        RetryPolicy(longest_wait_seconds=300).pause_after(error, 1)
    assert caught.value.reason == "Busy"


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("9" * 400, float("inf")),
        (email.utils.formatdate(NOW + 90, usegmt=True), 90.0),
        (email.utils.formatdate(NOW - 90, usegmt=True), 0.0),
        ("Mon Sep 21 14:14:20 2026", 60.0),
        ("Mon, 21 Sep 2026 14:14:20 -0000", 60.0),
        ("Mon, 99 Sep 99999 14:14:20 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, now=NOW) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ [\d:]+ \S+"))
def test_no_header_breaks_the_reader(header: str) -> None:
    seconds = parse_retry_after(header, now=NOW)
    assert seconds is None or seconds >= 0
