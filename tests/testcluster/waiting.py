"""Waiting for conditions of a node that starts; a component that dies meanwhile ends the waiting with its log."""

import time
from collections.abc import Callable
from pathlib import Path

from testcluster.commands import tail
from testcluster.errors import ClusterError

_PAUSE_SECONDS = 0.05


def wait(state: Path, what: str, condition: Callable[[], bool], *, seconds: float = 120.0) -> None:
    """Wait until `condition` holds. Raises ClusterError where a component has ended, or none of it comes."""
    end = time.monotonic() + seconds
    while not condition():
        check(state)
        if time.monotonic() > end:
            raise ClusterError(f"The test cluster has no {what} after {seconds:.0f} s.\n{logs(state)}")
        time.sleep(_PAUSE_SECONDS)


def check(state: Path) -> None:
    """Raise ClusterError where a component has ended, or all of them have."""
    if not state.is_dir():
        raise ClusterError("The test cluster has ended: somebody killed its first process.")
    for ended in sorted((state / "ended").iterdir()):
        log = tail((state / "log" / ended.name).read_text(errors="replace"))
        raise ClusterError(f"{ended.name} of the test cluster ended (exit status {ended.read_text()}):\n{log}")


def logs(state: Path) -> str:
    """The ends of all logs."""
    return "\n".join(f"--- {log.name}\n{tail(log.read_text(errors='replace'))}" for log in (state / "log").iterdir())
