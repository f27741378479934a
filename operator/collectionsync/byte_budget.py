"""Bytes as something to wait for: how much of them a process has in flight at once, and whose turn it is."""

import asyncio
from collections import deque


class ByteBudget:
    """A semaphore that is weighted in bytes and serves in order, so that a large document is never starved.

    A request for more than the capacity counts as the whole capacity: a huge document passes, alone.
    """

    def __init__(self, capacity: int) -> None:
        assert capacity > 0, "nothing would ever wait"
        self.capacity = capacity
        self.in_use = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def acquire(self, size: int) -> int:
        """Wait for `size` bytes and return what release() has to give back."""
        weight = min(size, self.capacity)
        if not self._waiting and self.in_use + weight <= self.capacity:
            self.in_use += weight
            return weight
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((weight, turn))
        try:
            await turn
        except asyncio.CancelledError:
            # Woken and cancelled at once: the bytes were granted already, so they go to whoever is next.
            if not turn.cancelled():
                self.in_use -= weight
            self._wake()
            raise
        return weight

    def acquire_now(self, size: int) -> int:
        """Return what release() has to give back, or 0 where that would have to be waited for."""
        weight = min(size, self.capacity)
        if self._waiting or self.in_use + weight > self.capacity:
            return 0
        self.in_use += weight
        return weight

    def release(self, weight: int) -> None:
        """Give back what acquire() returned."""
        self.in_use -= weight
        assert self.in_use >= 0, "more bytes came back than were lent"
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            weight, turn = self._waiting[0]
            if not turn.cancelled():  # who was cancelled while waiting is passed over, and is in nobody's way
                if self.in_use + weight > self.capacity:
                    return
                self.in_use += weight
                turn.set_result(None)
            self._waiting.popleft()
