"""The folder with all that one node writes, and what becomes of one whose keeper could not remove it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from testcluster import cgroups
from testcluster.caching import cluster_cache, locked

_PARENT = Path("/var/tmp")
"""On a disk, where /tmp may be memory, which pods would be charged for; and short, since sockets' paths have to be."""
_PREFIX = "collectionsync-node-"
_LOCK = "lock"


class State(NamedTuple):
    """The folder, and the open file whose lock says that it is in use as long as anybody has it open."""

    folder: Path
    lock: int


@contextmanager
def in_use() -> Iterator[State]:
    """Make the folder of a new node. Whoever inherits its lock has to remove it; else it is removed as a stale one."""
    with _alone():
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_PARENT))
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
    folder.chmod(0o711)
    for name in ("log", "ended"):
        (folder / name).mkdir()
    try:
        yield State(folder, lock)
    finally:
        os.close(lock)


def cgroup_name(state: Path) -> str:
    """The name of the node's cgroups; nothing else has such a name."""
    return state.name


def remove_stale() -> None:
    """Remove what nodes left whose keeper was killed."""
    with _alone():
        for state in _PARENT.glob(f"{_PREFIX}*"):
            if _is_stale(state):
                cgroups.remove(cgroup_name(state))
                shutil.rmtree(state, ignore_errors=True)


def _alone() -> AbstractContextManager[None]:
    return locked(cluster_cache() / ".state.lock")


def _is_stale(state: Path) -> bool:
    try:
        lock = os.open(state / _LOCK, os.O_RDWR)
    except OSError:
        return False  # being removed
    try:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False
    finally:
        os.close(lock)
