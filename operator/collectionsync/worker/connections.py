"""How many connections keep the pipe full: as few as that takes, since each costs memory.

Starts small and grows while that pays: more connections help only where the process waits for the source, not where it
or the database is busy already.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, replace

START = 4
WINDOW_SECONDS = 0.5
_BUSY = 0.85  # of a core: asyncio has one thread, so more connections only wait for each other
_WORTH = 0.3  # growth by a half has to bring at least this share of a half more throughput
_LONGEST_REST = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """What one window showed. Shares are of the window: 0.0 to 1.0."""

    bytes_per_second: float
    saturated: bool
    cpu_share: float
    database_idle_share: float
    throttled: bool
    memory_short: bool


@dataclass(frozen=True, slots=True)
class Ramp:
    """The limit in force, what it replaced, and for how many windows nothing is tried."""

    limit: int
    maximum: int
    before: int | None = None
    throughput_before: float = 0.0
    resting: int = 1
    next_rest: int = 2

    def after(self, sample: Sample) -> "Ramp":
        """Return the ramp after a window. Pure: everything that it decides on is in the sample."""
        if sample.throttled:
            return replace(self, limit=max(1, self.limit // 2), before=None, resting=_LONGEST_REST)
        if sample.memory_short:
            return replace(self, limit=max(1, self.limit - 1), before=None, resting=_LONGEST_REST)
        if self.before is not None and not self._paid(sample):
            return replace(
                self,
                limit=self.before,
                before=None,
                resting=self.next_rest,
                next_rest=min(_LONGEST_REST, self.next_rest * 2),
            )
        if self.resting:
            return replace(self, before=None, resting=self.resting - 1)
        if sample.saturated and self.limit < self.maximum and _waits_for_source(sample):
            grown = min(self.maximum, self.limit + max(1, self.limit // 2))
            return replace(self, limit=grown, before=self.limit, throughput_before=sample.bytes_per_second)
        return replace(self, before=None)

    def _paid(self, sample: Sample) -> bool:
        assert self.before is not None
        grown = self.limit / self.before - 1
        return sample.bytes_per_second >= self.throughput_before * (1 + _WORTH * grown)


def _waits_for_source(sample: Sample) -> bool:
    return sample.cpu_share < _BUSY and sample.database_idle_share > 0.1


class Slots:
    """A semaphore whose limit moves; for `async with`. Lowering it takes effect as slots come back."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_use = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def saturated(self) -> bool:
        """Whether every slot is taken."""
        return self.in_use >= self.limit

    def move(self, limit: int) -> None:
        """Set another limit."""
        self.limit = limit
        self._wake()

    async def __aenter__(self) -> None:
        if self.in_use < self.limit and not self._waiting:
            self.in_use += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.in_use -= 1
            else:
                self._waiting.remove(turn)
            self._wake()
            raise

    async def __aexit__(self, *_: object) -> None:
        self.in_use -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self.in_use < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_use += 1
                turn.set_result(None)
