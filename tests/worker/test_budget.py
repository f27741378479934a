"""Bytes are lent in order, all of them come back, and a limit is spent on what fits into it."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.byte_budget import ByteBudget
from collectionsync.worker.budget import CONNECTION_BYTES, MEBIBYTE, SESSION_BYTES, plan_memory

BASE = 40 * MEBIBYTE


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def ended(task: "asyncio.Task[int]") -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("limit", "connections", "in_flight"),
    [
        pytest.param(32, 1, 8.0, id="32Mi: less than the imports take, tried all the same"),
        pytest.param(48, 1, 12.0, id="48Mi: nothing above the imports and the sessions"),
        pytest.param(64, 20, 16.0, id="64Mi: the default, as many connections as are asked for"),
        pytest.param(96, 20, 24.0, id="96Mi: more bytes, too"),
        pytest.param(1024, 20, 32.0, id="1Gi: as many bytes as are asked for"),
    ],
)
def test_a_limit_is_divided_between_connections_and_documents(limit: int, connections: int, in_flight: float) -> None:
    plan = plan_memory(
        limit_bytes=limit * MEBIBYTE, base_bytes=BASE, sessions=3, concurrency=20, max_in_flight_bytes=32 * MEBIBYTE
    )

    assert (plan.connections, round(plan.in_flight_bytes / MEBIBYTE, 1)) == (connections, in_flight)


def test_every_connection_that_the_default_limit_allows_fits_it() -> None:
    plan = plan_memory(
        limit_bytes=64 * MEBIBYTE, base_bytes=BASE, sessions=3, concurrency=100, max_in_flight_bytes=32 * MEBIBYTE
    )

    measured_connection = 0.55 * MEBIBYTE  # over TLS: from 4 to 20 of them take 8.2 MiB more
    assert BASE + 3 * MEBIBYTE + plan.connections * measured_connection <= 58 * MEBIBYTE


@pytest.mark.parametrize(("wished", "given_"), [(MEBIBYTE, MEBIBYTE), (0, 1)])
def test_fewer_bytes_in_flight_than_usual_can_be_asked_for(wished: int, given_: int) -> None:
    plan = plan_memory(
        limit_bytes=64 * MEBIBYTE, base_bytes=BASE, sessions=3, concurrency=20, max_in_flight_bytes=wished
    )

    assert plan.in_flight_bytes == given_


@given(
    limit=st.integers(0, 2**40),
    base=st.integers(0, 2**30),
    sessions=st.integers(1, 10),
    concurrency=st.integers(1, 100),
    wished=st.integers(0, 2**40),
)
def test_every_plan_lets_at_least_one_document_pass_and_stays_in_its_limit_where_that_is_possible(
    limit: int, base: int, sessions: int, concurrency: int, wished: int
) -> None:
    plan = plan_memory(
        limit_bytes=limit, base_bytes=base, sessions=sessions, concurrency=concurrency, max_in_flight_bytes=wished
    )

    assert 1 <= plan.connections <= concurrency
    assert 1 <= plan.in_flight_bytes <= max(1, wished)
    if plan.connections > 1:
        assert base + sessions * SESSION_BYTES + plan.connections * CONNECTION_BYTES <= limit


async def test_what_fits_is_lent_at_once() -> None:
    budget = ByteBudget(10)

    assert (await budget.acquire(4), await budget.acquire(6), budget.in_use) == (4, 6, 10)


async def test_a_small_request_does_not_overtake_a_large_one() -> None:
    budget = ByteBudget(10)
    held = await budget.acquire(6)
    large = asyncio.create_task(budget.acquire(8))
    await asyncio.sleep(0)
    small = asyncio.create_task(budget.acquire(1))
    await asyncio.sleep(0)
    assert not small.done()

    budget.release(held)
    await until(small.done)

    assert (large.done(), budget.in_use) == (True, 9)


async def test_a_request_for_more_than_there_is_passes_alone() -> None:
    budget = ByteBudget(10)
    held = await budget.acquire(1)
    huge = asyncio.create_task(budget.acquire(1000))
    await asyncio.sleep(0)
    assert not huge.done()

    budget.release(held)

    assert (await huge, budget.in_use) == (10, 10)


async def test_who_does_not_want_to_wait_takes_what_is_there_and_overtakes_nobody() -> None:
    budget = ByteBudget(10)
    assert budget.acquire_now(6) == 6
    assert budget.acquire_now(5) == 0
    waiting = asyncio.create_task(budget.acquire(8))
    await asyncio.sleep(0)
    assert budget.acquire_now(1) == 0
    budget.release(6)
    assert await waiting == 8
    assert budget.acquire_now(2) == 2


async def test_who_is_cancelled_while_waiting_makes_room_for_the_next() -> None:
    budget = ByteBudget(10)
    await budget.acquire(6)
    large, small = asyncio.create_task(budget.acquire(8)), asyncio.create_task(budget.acquire(2))
    await asyncio.sleep(0)

    large.cancel()

    assert (await small, budget.in_use) == (2, 8)
    await ended(large)


async def test_who_is_woken_and_cancelled_at_once_gives_its_bytes_to_the_next() -> None:
    budget = ByteBudget(10)
    held = await budget.acquire(10)
    first, second = asyncio.create_task(budget.acquire(10)), asyncio.create_task(budget.acquire(10))
    await asyncio.sleep(0)

    budget.release(held)
    first.cancel()

    assert (await second, budget.in_use) == (10, 10)
    await ended(first)


async def test_bytes_that_come_back_in_the_moment_of_a_cancellation_reach_the_next() -> None:
    budget = ByteBudget(10)
    held = await budget.acquire(10)
    first, second = asyncio.create_task(budget.acquire(10)), asyncio.create_task(budget.acquire(10))
    await asyncio.sleep(0)

    first.cancel()
    budget.release(held)

    assert await second == 10
    with pytest.raises(asyncio.CancelledError):
        await first


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("acquire"), st.integers(0, 15)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("release"), st.integers(0, 30)),
        st.tuples(st.just("turn"), st.just(0)),
    ),
    max_size=60,
)


class Borrowers:
    """Tasks that each borrow once, and note the order in which they are served."""

    def __init__(self, capacity: int) -> None:
        self.budget = ByteBudget(capacity)
        self.tasks: list[asyncio.Task[int]] = []
        self.served: list[int] = []
        self.held: dict[int, int] = {}

    async def do(self, what: str, number: int) -> None:
        if what == "acquire":
            for _ in range(3):  # whoever was served already shall be seen first
                await asyncio.sleep(0)
            self.tasks.append(asyncio.create_task(self._borrow(len(self.tasks), number)))
            await asyncio.sleep(0)  # to stand in the queue before anything else happens
        elif what == "cancel" and number < len(self.tasks):
            self.tasks[number].cancel()
        elif what == "release" and self.held:
            self.budget.release(self.held.pop(list(self.held)[number % len(self.held)]))
        elif what == "turn":
            await asyncio.sleep(0)
        assert 0 <= self.budget.in_use <= self.budget.capacity
        assert sum(self.held.values()) <= self.budget.in_use

    async def finish(self) -> None:
        async with asyncio.timeout(10):
            while self.held or not all(task.done() for task in self.tasks):
                await self.do("release", 0)
                await self.do("turn", 0)

    async def _borrow(self, name: int, size: int) -> int:
        self.held[name] = await self.budget.acquire(size)
        self.served.append(name)
        return name


@given(capacity=st.integers(1, 10), operations=OPERATIONS)
def test_no_interleaving_overdraws_loses_bytes_starves_anyone_or_changes_the_order(
    capacity: int, operations: list[tuple[str, int]]
) -> None:
    async def play() -> Borrowers:
        borrowers = Borrowers(capacity)
        for what, number in operations:
            await borrowers.do(what, number)
        await borrowers.finish()
        return borrowers

    borrowers = asyncio.run(play())

    assert borrowers.budget.in_use == 0
    assert borrowers.served == sorted(borrowers.served)
    assert borrowers.served == [name for name, task in enumerate(borrowers.tasks) if not task.cancelled()]
