"""One gate through which every request to a source passes, so that rate limits hold across connections."""

import asyncio


class Pace:
    """Spaces requests evenly, first come, first served, and holds all of them back when the source says so.

    `rate` is in requests per second; None sets no pace. Holding is for the whole source: a 429 that one connection
    receives is meant for the client, not for the connection.
    """

    def __init__(self, rate: float | None = None) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._next = 0.0
        self._held_until = 0.0
        # Whoever waits has no moment of its own yet: moments given out before a hold would all come due at its end.
        self._first = asyncio.Lock()

    async def turn(self) -> None:
        """Wait for the next free moment."""
        loop = asyncio.get_running_loop()
        async with self._first:
            while (wait := max(self._next, self._held_until) - loop.time()) > 0:
                await asyncio.sleep(wait)
            self._next = loop.time() + self._interval

    def hold(self, seconds: float) -> None:
        """Let nothing through for so many seconds from now."""
        self._held_until = max(self._held_until, asyncio.get_running_loop().time() + seconds)
