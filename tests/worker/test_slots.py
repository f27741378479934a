"""Slots are lent in order under a limit that moves, and none is lost."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.worker.connections import Slots


class Users:
    """Tasks that each take a slot, and leave when they are told to."""

    def __init__(self, limit: int) -> None:
        self.slots = Slots(limit)
        self.largest = limit
        self.tasks: list[asyncio.Task[None]] = []
        self.leaving: dict[int, asyncio.Event] = {}
        self.inside: set[int] = set()
        self.served: list[int] = []

    async def do(self, what: str, number: int) -> None:
        if what == "enter":
            for _ in range(3):  # whoever was served already shall be seen first
                await asyncio.sleep(0)
            self.tasks.append(asyncio.create_task(self._use(len(self.tasks))))
            await asyncio.sleep(0)  # to stand in the queue before anything else happens
        elif what == "cancel" and number < len(self.tasks):
            self.tasks[number].cancel()
        elif what == "leave" and self.leaving:
            self.leaving.pop(list(self.leaving)[number % len(self.leaving)]).set()
        elif what == "move":
            self.slots.move(1 + number % 5)
            self.largest = max(self.largest, self.slots.limit)
        elif what == "turn":
            await asyncio.sleep(0)
        assert 0 <= len(self.inside) <= self.slots.in_use <= self.largest

    async def finish(self) -> None:
        async with asyncio.timeout(10):
            while not all(task.done() for task in self.tasks):
                await self.do("leave", 0)
                await self.do("turn", 0)

    async def _use(self, name: int) -> None:
        async with self.slots:
            self.served.append(name)
            self.inside.add(name)
            self.leaving[name] = asyncio.Event()
            try:
                await self.leaving[name].wait()
            finally:
                self.leaving.pop(name, None)
                self.inside.remove(name)


async def test_a_higher_limit_lets_waiters_in_at_once() -> None:
    users = Users(1)
    for _ in range(3):
        await users.do("enter", 0)
    await users.do("turn", 0)
    assert (users.inside, users.slots.saturated) == ({0}, True)

    users.slots.move(4)
    users.largest = 4
    await users.do("turn", 0)

    assert (users.inside, users.slots.saturated) == ({0, 1, 2}, False)
    await users.finish()


async def test_a_lower_limit_takes_effect_as_slots_come_back() -> None:
    users = Users(3)
    for _ in range(4):
        await users.do("enter", 0)
    await users.do("turn", 0)

    users.slots.move(1)
    for _ in range(2):
        await users.do("leave", 0)
        await users.do("turn", 0)
    assert users.inside == {2}
    await users.do("leave", 0)
    await users.do("turn", 0)
    await users.do("turn", 0)

    assert users.inside == {3}
    await users.finish()


async def test_a_slot_that_comes_back_in_the_moment_of_a_cancellation_reaches_the_next() -> None:
    users = Users(1)
    for _ in range(3):
        await users.do("enter", 0)
    await users.do("turn", 0)

    await users.do("leave", 0)
    users.tasks[1].cancel()
    await users.finish()

    assert users.served == [0, 2]
    with pytest.raises(asyncio.CancelledError):
        await users.tasks[1]


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.just(0)),
        st.tuples(st.sampled_from(["cancel", "leave", "move"]), st.integers(0, 30)),
        st.tuples(st.just("turn"), st.just(0)),
    ),
    max_size=60,
)


@given(limit=st.integers(1, 5), operations=OPERATIONS)
def test_no_interleaving_exceeds_the_limits_loses_a_slot_or_changes_the_order(
    limit: int, operations: list[tuple[str, int]]
) -> None:
    async def play() -> Users:
        users = Users(limit)
        for what, number in operations:
            await users.do(what, number)
        await users.finish()
        return users

    users = asyncio.run(play())

    assert users.slots.in_use == 0
    assert users.served == sorted(users.served)
    assert {name for name, task in enumerate(users.tasks) if not task.cancelled()} <= set(users.served)
