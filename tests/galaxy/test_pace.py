"""Requests are spaced and held back; the clock here is one that jumps, so that nothing is waited for."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from collectionsync.galaxy.pace import Pace


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop that never sleeps: where nothing is left to do, its clock jumps to the next timer."""

    clock = 1000.0

    def time(self) -> float:
        return self.clock

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.clock = max(self.clock, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


async def moments(pace: Pace, count: int) -> list[float]:
    """Pass the gate with `count` tasks at once and return when each did, in the order in which they asked."""
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def passed() -> float:
        await pace.turn()
        return round(loop.time() - start, 6)

    return await asyncio.gather(*(passed() for _ in range(count)))


def in_no_time(act: Callable[[], Awaitable[list[float]]]) -> list[float]:
    async def run() -> list[float]:
        return await act()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(run())


def test_a_rate_spaces_requests_evenly_in_the_order_in_which_they_came() -> None:
    assert in_no_time(lambda: moments(Pace(4), 5)) == [0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("rate", [None, 0])
def test_without_a_rate_nobody_waits(rate: float | None) -> None:
    assert in_no_time(lambda: moments(Pace(rate), 50)) == [0] * 50


def test_a_rate_is_no_allowance_that_could_be_saved_up() -> None:
    async def act() -> list[float]:
        pace = Pace(4)
        await pace.turn()
        await asyncio.sleep(60)
        return await moments(pace, 3)

    assert in_no_time(act) == [0, 0.25, 0.5]


def test_a_hold_stops_those_who_come_and_those_who_wait_already() -> None:
    async def act() -> list[float]:
        pace = Pace()
        pace.hold(10)
        waiting = asyncio.create_task(moments(pace, 2))
        await asyncio.sleep(1)
        return await moments(pace, 1) + await waiting

    assert in_no_time(act) == [9, 10, 10]


def test_after_a_hold_requests_are_as_far_apart_as_before() -> None:
    async def act() -> list[float]:
        pace = Pace(4)
        waiting = asyncio.create_task(moments(pace, 4))
        await asyncio.sleep(0.3)
        pace.hold(10)
        return await waiting

    assert in_no_time(act) == [0, 0.25, 10.3, 10.55]


def test_a_shorter_hold_does_not_end_a_longer_one() -> None:
    async def act() -> list[float]:
        pace = Pace()
        pace.hold(10)
        pace.hold(1)
        return await moments(pace, 1)

    assert in_no_time(act) == [10]


def test_who_is_cancelled_takes_no_turn() -> None:
    async def act() -> list[float]:
        pace = Pace(1)
        await pace.turn()
        given_up = asyncio.create_task(pace.turn())
        await asyncio.sleep(0.5)
        given_up.cancel()
        return await moments(pace, 2)

    assert in_no_time(act) == [0.5, 1.5]
