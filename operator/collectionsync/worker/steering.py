"""Steers the number of connections: samples the run, and moves the slots to what the ramp decides."""

import asyncio
import time
from pathlib import Path

from collectionsync.memory import Cgroup, rss_bytes
from collectionsync.worker.connections import WINDOW_SECONDS, Ramp, Sample, Slots
from collectionsync.worker.tally import Tally

_SHORT = 0.9  # of the memory limit
_LOOKS = 5  # per window


async def steer(slots: Slots, ramp: Ramp, tally: Tally, *, cgroup: Cgroup, limit_bytes: int, sessions: int) -> None:
    """Sample and move for ever; ends by being cancelled."""
    while True:
        before = _Reading(tally)
        taken = 0
        for _ in range(_LOOKS):
            await asyncio.sleep(WINDOW_SECONDS / _LOOKS)
            taken += slots.saturated
        limit = min(limit_bytes, cgroup.limit_bytes() or limit_bytes)
        ramp = ramp.after(_sample(before, _Reading(tally), saturated=taken == _LOOKS, sessions=sessions, limit=limit))
        if ramp.limit != slots.limit:
            slots.move(ramp.limit)


class _Reading:
    """The counters that a window is the difference of."""

    def __init__(self, tally: Tally) -> None:
        self.at = time.monotonic()
        self.cpu = _processor_seconds()
        self.bytes = tally.fetched_bytes
        self.idle = tally.database_idle_seconds
        self.throttled = tally.retries["RateLimited"]


def _processor_seconds() -> float:
    """Return how long the event loop's thread has run, or was ready to (sched-stats.rst of the kernel, schedstat).

    Beside a busy neighbour it waits for the processor as if it were working: more connections would not help it.
    """
    try:
        ran, waited, _ = Path("/proc/self/schedstat").read_bytes().split()
        return (int(ran) + int(waited)) / 1e9
    except (OSError, ValueError):
        return time.process_time()


def _sample(before: _Reading, now: _Reading, *, saturated: bool, sessions: int, limit: int) -> Sample:
    seconds = now.at - before.at
    return Sample(
        bytes_per_second=(now.bytes - before.bytes) / seconds,
        saturated=saturated,
        cpu_share=(now.cpu - before.cpu) / seconds,
        database_idle_share=(now.idle - before.idle) / (seconds * sessions),
        throttled=now.throttled > before.throttled,
        memory_short=rss_bytes() > limit * _SHORT,
    )
