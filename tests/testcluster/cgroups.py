"""The node's own cgroup in every hierarchy of the machine, version 1, version 2 and both side by side.

All pods are below it, so that a node never meets another one's, nor those of the machine's own Kubernetes.
"""

import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_REMOVAL_SECONDS = 10.0


@dataclass(frozen=True)
class Hierarchy:
    """One hierarchy: where it is mounted, its version, and the controllers of a version 1."""

    root: Path
    version: int
    controllers: frozenset[str]


def hierarchies(mounts: str) -> list[Hierarchy]:
    """The hierarchies in a text like that of /proc/mounts."""
    found = []
    for line in mounts.splitlines():
        _, target, kind, options = line.split()[:4]
        if kind in ("cgroup", "cgroup2"):
            controllers = frozenset(options.split(",")) if kind == "cgroup" else frozenset[str]()
            found.append(Hierarchy(Path(target), 2 if kind == "cgroup2" else 1, controllers))
    return found


def create(name: str) -> None:
    """Make the cgroup `name` below the root of each hierarchy, with every controller that can be had."""
    for hierarchy in _machine():
        folder = hierarchy.root / name
        folder.mkdir(exist_ok=True)
        if "cpuset" in hierarchy.controllers:  # starts out empty, and then takes no process
            for setting in ("cpuset.cpus", "cpuset.mems"):
                (folder / setting).write_text((hierarchy.root / setting).read_text())
        if hierarchy.version == 2:
            _pass_on(hierarchy.root)
            _pass_on(folder)


def remove(name: str) -> None:
    """Remove the cgroup `name` and all below it, everywhere. Whatever ran there has just ended, or is about to."""
    for hierarchy in _machine():
        for folder, _, _ in os.walk(hierarchy.root / name, topdown=False):
            _remove_one(Path(folder))


def _machine() -> list[Hierarchy]:
    return hierarchies(Path("/proc/mounts").read_text())


def _pass_on(folder: Path) -> None:
    """Let the children of a version 2 cgroup have its controllers; the kernel keeps back the ones it cannot give."""
    for controller in (folder / "cgroup.controllers").read_text().split():
        with suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _remove_one(folder: Path) -> None:
    end = time.monotonic() + _REMOVAL_SECONDS
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)  # the kernel still counts a process that is dead
        else:
            return
