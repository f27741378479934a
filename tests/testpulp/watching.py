"""A task of Pulp's worker as the kernel sees it: a process of its own, whose peak is read until it has gone."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from testpulp.children import children, is_alive
from testpulp.installing import PulpError

_EVERY_SECONDS = 0.02
_ASK_SECONDS = 2.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a task took. The peak is the largest VmHWM (proc(5)) of its process; 0 for one too short to be seen."""

    peak_bytes: int
    cpu_seconds: float


async def watch(worker: int, has_ended: Callable[[], Awaitable[bool]]) -> Usage:
    """Watch the worker's children until the task has ended, and its process as well.

    The task's end is asked for when a child has gone, and now and then: to ask costs the machine more than to look.

    Raises:
        PulpError: the worker has ended, so that nobody will do the task.
    """
    before = _waited_ticks(worker)
    peak = 0
    asked = time.monotonic()
    seen = False
    while is_alive(worker):
        running = children(worker)
        for pid in running:
            peak = max(peak, high_water_bytes(pid))
        if (seen and not running) or time.monotonic() > asked + _ASK_SECONDS:
            asked = time.monotonic()
            if await has_ended() and not children(worker):
                return Usage(peak, (_waited_ticks(worker) - before) / _TICKS_PER_SECOND)
        seen = bool(running)
        await asyncio.sleep(_EVERY_SECONDS)
    raise PulpError(
        f"Pulp's worker (process {worker}) has ended in the middle of a task; see worker.log in its folder."
    )


def high_water_bytes(pid: int) -> int:
    """The largest resident set that a process has had; 0 for one that has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _waited_ticks(pid: int) -> int:
    """The CPU ticks of those children that a process has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[13]) + int(fields[14])
