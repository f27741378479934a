"""One gate through which every request to a source passes, so that rate limits hold across connections."""

import asyncio


class Pace:
    """Spaces requests evenly and holds all of them back when the source says so.

    `rate` is in requests per second; None sets no pace. Holding is for the whole source: a 429 that one connection
    receives is meant for the client, not for the connection.
    """

    def __init__(self, rate: float | None = None) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._next = 0.0
        self._held_until = 0.0

    async def turn(self) -> None:
        """Wait for the next free moment."""
        loop = asyncio.get_running_loop()
        start = max(loop.time(), self._next)
        self._next = start + self._interval
        while (wait := max(start, self._held_until) - loop.time()) > 0:
            await asyncio.sleep(wait)

    def hold(self, seconds: float) -> None:
        """Let nothing through for so many seconds from now."""
        self._held_until = max(self._held_until, asyncio.get_running_loop().time() + seconds)
