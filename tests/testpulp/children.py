"""Processes that end with the one that started them, whatever kills that one, and whatever they have started.

A group would not do: gunicorn's workers and Pulp's tasks are children of children, and a task outlives its worker where
that one is killed. As a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) the starter inherits each orphan, and can end it.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_POLL_SECONDS = 0.05
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Make this process the parent of all orphans among its descendants."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def start(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path,
    folder: Path,
    keep_open: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start a process in a session of its own, which the kernel kills when this process ends."""
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            pass_fds=keep_open,
            preexec_fn=_die_with(os.getpid()),
        )


def _die_with(parent: int) -> Callable[[], None]:
    def prepare() -> None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended before it could be watched
            os._exit(1)

    return prepare


def end_all(*, seconds: float = 10.0) -> None:
    """End every descendant of this process: by SIGTERM, and after `seconds` by SIGKILL."""
    for pid in children(os.getpid()):
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while children(os.getpid()):
        if time.monotonic() > deadline:
            for pid in children(os.getpid()):
                _send(pid, signal.SIGKILL)
        _reap()
        time.sleep(_POLL_SECONDS)


def children(pid: int) -> list[int]:
    """The process ids of a process's children; none of a process that has ended."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def is_alive(pid: int) -> bool:
    """Say whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl failed")
