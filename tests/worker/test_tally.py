"""Counters count what happened, and latencies fall into the bucket that they belong to."""

import time
from types import SimpleNamespace

import pytest

from collectionsync.worker.tally import LATENCY_BUCKETS, Tally


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.01, 0), (0.011, 1), (60.0, len(LATENCY_BUCKETS) - 1), (61.0, len(LATENCY_BUCKETS))],
)
def test_a_duration_is_counted_in_the_bucket_whose_bound_it_does_not_exceed(seconds: float, bucket: int) -> None:
    tally = Tally()

    tally.fetch_latency.observe(seconds)

    counts = [count for _, count in tally.fetch_latency.buckets()]
    assert (counts.index(1), counts[-1], tally.fetch_latency.sum) == (bucket, 1, seconds)


def test_a_request_is_under_way_until_it_ends() -> None:
    tally = Tally()
    tally.request_started()
    tally.request_started()

    tally.request_ended("detail", "200")

    assert (tally.inflight_requests, tally.requests) == (1, {("detail", "200"): 1})


def test_idle_time_tells_of_waits_that_are_over_and_of_those_that_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally()
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    with tally.insert_waiting():
        clock.now = 103.0
        with tally.insert_waiting():
            clock.now = 104.0
            during = tally.database_idle_seconds
    clock.now = 200.0

    assert (during, tally.database_idle_seconds) == (5.0, 5.0)


def test_a_wait_that_is_cancelled_is_over() -> None:
    tally = Tally()
    with pytest.raises(RuntimeError), tally.insert_waiting():
        raise RuntimeError

    assert tally.inserters_waiting == 0
