"""What the process takes and what it may take: readings of /proc and of the memory cgroup, in bytes.

The resident set is not what the kernel kills for: a cgroup is also charged for page cache and socket buffers. Both are
read, and neither is passed off as the other.
"""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# cgroup v1 writes "no limit" as the largest multiple of a page that fits in 63 bits.
_NO_LIMIT = 1 << 60


def rss_bytes() -> int:
    """Return the resident set size now; the peak where there is no /proc (proc(5), statm)."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:
        return peak_rss_bytes()


def peak_rss_bytes() -> int:
    """Return the largest resident set size so far, which no sampling could miss (proc(5), status, VmHWM)."""
    try:
        for line in Path("/proc/self/status").read_bytes().splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The memory controller of this process: the files that hold its limits (nearest first) and its peak."""

    limits: tuple[Path, ...] = ()
    peak: Path | None = None
    current: Path | None = None

    def limit_bytes(self) -> int | None:
        """Return the smallest limit that binds; it is read each time, since a resize in place changes it."""
        found = [limit for path in self.limits if (limit := _number(path)) is not None and limit < _NO_LIMIT]
        return min(found, default=None)

    def peak_bytes(self) -> int | None:
        """Return the most that the cgroup was ever charged for, or None where the kernel does not say."""
        return _number(self.peak)

    def current_bytes(self) -> int | None:
        """Return what the cgroup is charged for now."""
        return _number(self.current)


def find_cgroup(proc: Path = Path("/proc/self")) -> Cgroup:
    """Find the memory controller: v1, v2, or both mounted with memory in v1 (cgroups(7), mountinfo in proc(5)).

    Inside a container the path of /proc/self/cgroup may be the host's, and the mount shows only what lies below its
    root: the path is taken relative to that root, and the mount's own top where it does not lie below it.
    """
    try:
        memberships = [line.split(":", 2) for line in (proc / "cgroup").read_text().splitlines()]
        mounts = [line.split() for line in (proc / "mountinfo").read_text().splitlines()]
    except OSError:
        return Cgroup()
    for _, controllers, path in memberships:
        if "memory" in controllers.split(","):
            folders = _folders(mounts, path, kind="cgroup", option="memory")
            return _cgroup(folders, "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.usage_in_bytes")
    for _, controllers, path in memberships:
        if controllers == "":
            folders = _folders(mounts, path, kind="cgroup2", option=None)
            return _cgroup(folders, "memory.max", "memory.peak", "memory.current")
    return Cgroup()


def _folders(mounts: list[list[str]], path: str, *, kind: str, option: str | None) -> list[Path]:
    """Return the process's folder and those above it, up to the mount."""
    for fields in mounts:
        dash = fields.index("-")
        if fields[dash + 1] != kind or (option is not None and option not in fields[dash + 3].split(",")):
            continue
        root, top = fields[3], Path(fields[4])
        below = path[len(root.rstrip("/")) :].strip("/") if (path + "/").startswith(root.rstrip("/") + "/") else ""
        own = top / below
        if not own.is_dir():
            own = top
        return [own, *(folder for folder in own.parents if folder == top or top in folder.parents)]
    return []


def _cgroup(folders: list[Path], limit: str, peak: str, current: str) -> Cgroup:
    if not folders:
        return Cgroup()
    return Cgroup(tuple(folder / limit for folder in folders), folders[0] / peak, folders[0] / current)


def _number(path: Path | None) -> int | None:
    """Read a cgroup file that holds a number, or `max` for none."""
    try:
        return int(path.read_bytes()) if path else None
    except (OSError, ValueError):
        return None
