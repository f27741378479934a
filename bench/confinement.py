"""A memory cgroup of one process, with the limit that a Job would have: cgroups(7), version 1 or 2.

The kernel kills in it as it does in a Job. Not every machine lets one be made: that takes root, and a memory controller
that its own cgroup may pass on.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from testcluster import cgroups

# In version 1 and in version 2: the limit, the peak, the file that counts OOM kills.
_V1 = ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control")
_V2 = ("memory.max", "memory.peak", "memory.events")
_NO_SWAP = "memory.swap.max"
_ENTER = 'echo $$ > "$0" && exec "$@"'


class NoCgroupError(Exception):
    """This machine lets no memory cgroup be made; says why."""


class Readings(NamedTuple):
    """What the kernel counted: bytes charged at most, and processes that it killed."""

    charged_bytes: int
    oom_kills: int


class MemoryCgroup:
    """A cgroup with a limit in bytes, for `with`. Whatever runs in it must have ended before the end.

    Raises:
        NoCgroupError: there can be none.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._name = f"bench-{os.getpid()}"

    def __enter__(self) -> Self:
        try:
            cgroups.create(self._name)
            self._folder, self._files = self._found()
            (self._folder / self._files[0]).write_text(str(self._limit_bytes))
            if (self._folder / _NO_SWAP).exists():
                (self._folder / _NO_SWAP).write_text("0")
        except OSError as error:
            self.__exit__()
            raise NoCgroupError(f"no cgroup can be made here: {error.strerror}: {error.filename}") from error
        except NoCgroupError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        cgroups.remove(self._name)

    def command(self, command: Sequence[str]) -> list[str]:
        """Return how to start a command in it: by a shell that enters, and becomes the command."""
        return ["/bin/sh", "-c", _ENTER, str(self._folder / "cgroup.procs"), *command]

    def readings(self) -> Readings:
        """Return what was counted so far."""
        _, peak, events = ((self._folder / name).read_text() for name in self._files)
        return Readings(int(peak), oom_kills(events))

    def _found(self) -> tuple[Path, tuple[str, str, str]]:
        """The cgroup's folder in the hierarchy that has the memory controller, with the names of its files."""
        for hierarchy in cgroups.hierarchies(Path("/proc/mounts").read_text()):
            files = _V2 if hierarchy.version == 2 else _V1
            folder = hierarchy.root / self._name
            if all((folder / name).exists() for name in files):
                return folder, files
        raise NoCgroupError("no cgroup hierarchy of this machine has the memory controller to give")


def oom_kills(text: str) -> int:
    """Return the count of `oom_kill` in a memory.events or memory.oom_control; older kernels have none in the latter.

    Raises:
        NoCgroupError: it is not there.
    """
    for line in text.splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill":
            return int(count)
    raise NoCgroupError("this kernel does not count the OOM kills of a cgroup")
