"""What is sampled moves the slots."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace

import pytest

from collectionsync.memory import Cgroup
from collectionsync.worker import steering
from collectionsync.worker.connections import Ramp, Slots
from collectionsync.worker.steering import steer
from collectionsync.worker.tally import Tally

AMPLE = 1 << 40


@pytest.fixture(autouse=True)
def _short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "WINDOW_SECONDS", 0.005)


@contextlib.asynccontextmanager
async def steered(slots: Slots, tally: Tally, *, limit_bytes: int = AMPLE) -> AsyncIterator[None]:
    ramp = Ramp(limit=slots.limit, maximum=20)
    task = asyncio.create_task(steer(slots, ramp, tally, cgroup=Cgroup(), limit_bytes=limit_bytes, sessions=3))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool], *, meanwhile: Callable[[], None] = lambda: None) -> None:
    async with asyncio.timeout(20):
        while not condition():
            meanwhile()
            await asyncio.sleep(0.001)


async def test_requests_that_are_throttled_lower_the_limit() -> None:
    slots, tally = Slots(8), Tally()
    async with steered(slots, tally):
        await until(lambda: slots.limit == 1, meanwhile=lambda: tally.retried("RateLimited"))


async def test_other_retries_do_not() -> None:
    slots, tally = Slots(8), Tally()
    async with steered(slots, tally):
        await until(
            lambda: tally.retries["SourceUnavailable"] > 30, meanwhile=lambda: tally.retried("SourceUnavailable")
        )

    assert slots.limit == 8


async def test_a_resident_set_near_the_limit_lowers_it() -> None:
    slots = Slots(8)
    async with steered(slots, Tally(), limit_bytes=1):
        await until(lambda: slots.limit == 1)


async def test_slots_that_are_always_taken_raise_it() -> None:
    slots, tally = Slots(4), Tally()
    for _ in range(4):
        await slots.__aenter__()

    def receive() -> None:
        tally.received(slots.limit**2)

    with tally.insert_waiting():
        async with steered(slots, tally):
            await until(lambda: slots.limit > 4, meanwhile=receive)


def reading(tally: Tally, *, at: float) -> "steering._Reading":
    made = steering._Reading(tally)
    made.at = at
    return made


def test_a_sample_is_a_rate_over_its_window() -> None:
    tally = Tally()
    before = reading(tally, at=10.0)
    tally.received(5000)
    sample = steering._sample(before, reading(tally, at=12.0), saturated=True, sessions=3, limit=AMPLE)

    assert (sample.bytes_per_second, sample.saturated, sample.throttled, sample.memory_short) == (
        2500,
        True,
        False,
        False,
    )


def test_an_inserter_that_waits_for_the_whole_window_is_idle_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally()
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    with tally.insert_waiting():
        clock.now = 110.0
        before = steering._Reading(tally)
        clock.now = 112.0
        sample = steering._sample(before, steering._Reading(tally), saturated=True, sessions=2, limit=AMPLE)

    assert sample.database_idle_share == pytest.approx(0.5)
