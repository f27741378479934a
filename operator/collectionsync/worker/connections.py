"""How many connections keep the pipe full: as few as that takes, since each costs memory.

Starts small and grows while that pays: more connections help only where the process waits for the source, not where it
or the database is busy already.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, replace

START = 4
WINDOW_SECONDS = 0.5
_SHORTEST_REST = 2
_LONGEST_REST = 16
_BUSY = 0.85  # of a core: asyncio has one thread, so more connections only wait for each other
WORTH = 0.3  # growth by a half has to bring more than this share of a half more throughput


@dataclass(frozen=True, slots=True)
class Sample:
    """What one window showed. Shares are of the window: 0.0 to 1.0; `cpu_share` has waiting for a processor in it."""

    bytes_per_second: float
    saturated: bool
    cpu_share: float
    database_idle_share: float
    throttled: bool
    memory_short: bool


@dataclass(frozen=True, slots=True)
class Ramp:
    """The limit in force, what it replaced while it is on trial, and for how many windows nothing is tried.

    `throughput` is what the limit is known to bring, or the one before it during a trial, in bytes per second.
    `settling` says that the window under way began with a move: it tells of handshakes more than of the new limit.
    """

    limit: int
    maximum: int
    before: int | None = None
    throughput: float = 0.0
    settling: bool = True
    resting: int = 0
    next_rest: int = _SHORTEST_REST

    def after(self, sample: Sample) -> "Ramp":
        """Return the ramp after a window. Pure: everything that it decides on is in the sample."""
        if sample.throttled:
            return self._lowered(self.limit // 2)
        if sample.memory_short:
            return self._lowered(self.limit - 1)
        if self.settling:
            return replace(self, settling=False)
        if self.before is not None:
            grown = self.limit / self.before - 1
            if sample.bytes_per_second <= self.throughput * (1 + WORTH * grown):
                return self._stepped_back(self.before)
        known = self._having_seen(sample)
        if known.resting:
            return replace(known, resting=known.resting - 1)
        if sample.saturated and self.limit < self.maximum and _waits_for_source(sample):
            return replace(known, limit=self._larger(sample), before=self.limit, settling=True)
        return known

    def _having_seen(self, sample: Sample) -> "Ramp":
        """Take note of what the limit brings; one on trial has paid, and is kept."""
        if self.before is not None:
            return replace(self, before=None, throughput=sample.bytes_per_second, next_rest=_SHORTEST_REST)
        if not sample.saturated:  # tells of the lack of work
            return self
        # One window is noisy, and the mean of all would not see the source change.
        mean = (self.throughput + sample.bytes_per_second) / 2 if self.throughput else sample.bytes_per_second
        return replace(self, throughput=mean)

    def _larger(self, sample: Sample) -> int:
        # Most of the time is spent waiting: to come up slowly would cost more than to come up too high.
        step = self.limit if sample.cpu_share < _BUSY / 2 else max(1, self.limit // 2)
        return min(self.maximum, self.limit + step)

    def _stepped_back(self, limit: int) -> "Ramp":
        longer = min(_LONGEST_REST, self.next_rest * 2)
        return replace(self, limit=limit, before=None, settling=True, resting=self.next_rest, next_rest=longer)

    def _lowered(self, limit: int) -> "Ramp":
        return replace(self, limit=max(1, limit), before=None, throughput=0.0, settling=True, resting=_LONGEST_REST)


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
            # Woken and cancelled at once: the slot was granted already, so it goes to whoever is next.
            if not turn.cancelled():
                self.in_use -= 1
            self._wake()
            raise

    async def __aexit__(self, *_: object) -> None:
        self.in_use -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self.in_use < self.limit:
            turn = self._waiting.popleft()
            if not turn.cancelled():  # who was cancelled while waiting is passed over
                self.in_use += 1
                turn.set_result(None)
