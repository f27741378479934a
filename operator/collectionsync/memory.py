"""What the process takes and what it may take: readings of /proc and of the memory cgroup, in bytes.

The resident set is not what the kernel kills for: a cgroup is also charged for page cache and socket buffers. Both are
read, and neither is passed off as the other.
"""

import os
import re
import resource
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# cgroup v1 writes "no limit" as the largest multiple of a page that fits in 63 bits.
_NO_LIMIT = 1 << 60
_OCTAL = re.compile(r"\\([0-7]{3})")


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
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


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

    def limit_within(self, wanted: int) -> int:
        """Return the limit that binds where `wanted` is another, in bytes."""
        return min(wanted, self.limit_bytes() or wanted)

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
        # Names of cgroups and of folders are bytes.
        memberships = [line.split(":", 2) for line in os.fsdecode((proc / "cgroup").read_bytes()).splitlines()]
        mounts = [line.split() for line in os.fsdecode((proc / "mountinfo").read_bytes()).splitlines()]
    except OSError:
        return Cgroup()
    v1 = [path for _, controllers, path in memberships if "memory" in controllers.split(",")]
    if v1 and (folders := _folders(_mounted(mounts, "cgroup", option="memory"), v1[0])):
        return _cgroup(folders, "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.usage_in_bytes")
    v2 = [path for _, controllers, path in memberships if controllers == ""]
    if v2 and (folders := _folders(_mounted(mounts, "cgroup2"), v2[0])):
        return _cgroup(folders, "memory.max", "memory.peak", "memory.current")
    return Cgroup()


def _mounted(mounts: list[list[str]], kind: str, *, option: str | None = None) -> Iterator[tuple[str, Path]]:
    """Yield root and mount point of each mount of this type; optional fields end with a dash."""
    for fields in mounts:
        if "-" in fields[6:-3]:
            dash = fields.index("-", 6)
            if fields[dash + 1] == kind and (option is None or option in fields[dash + 3].split(",")):
                yield _unescaped(fields[3]), Path(_unescaped(fields[4]))


def _unescaped(field: str) -> str:
    """Put back what the kernel writes in octal: white space and backslashes (proc(5))."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)


def _folders(mounted: Iterable[tuple[str, Path]], path: str) -> list[Path]:
    """Return the process's folder and those above it, up to the mount: of the mount that shows it, else of any."""
    tops = []
    for root, top in mounted:
        below = _below(root, path)
        if below is not None and (top / below).is_dir():
            return [top / below, *(top / above for above in Path(below).parents)] if below else [top]
        tops.append(top)
    return tops[:1]


def _below(root: str, path: str) -> str | None:
    """Return `path` relative to `root`; None where it lies elsewhere, or outside of the cgroup namespace (`/..`)."""
    prefix = root.rstrip("/") + "/"
    if not f"{path}/".startswith(prefix) or ".." in path.split("/"):
        return None
    return path[len(prefix) :].strip("/")


def _cgroup(folders: list[Path], limit: str, peak: str, current: str) -> Cgroup:
    return Cgroup(tuple(folder / limit for folder in folders), folders[0] / peak, folders[0] / current)


def _number(path: Path | None) -> int | None:
    """Read a cgroup file that holds a number, or `max` for none."""
    try:
        return int(path.read_bytes()) if path else None
    except (OSError, ValueError):
        return None
