"""What the kernel tells of processes: readings of /proc (proc(5)), and the arithmetic on them."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_ESTABLISHED = "01"


class Stat(NamedTuple):
    """Of /proc/PID/stat: the parent, and CPU ticks of the process and of those children that it has waited for."""

    parent: int
    own_ticks: int
    waited_ticks: int


def parse_stat(text: str) -> Stat:
    """Read a line of /proc/PID/stat; the second field may hold blanks and parentheses."""
    fields = text.rpartition(")")[2].split()
    return Stat(int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14]))


def family_ticks(stats: dict[int, Stat], pid: int) -> int:
    """Return the CPU ticks of a process and its children, those that have ended included.

    A server's processes are children of one: who reads before and after a time in which some began and some ended
    misses none, since what a child used moves to its parent when it ends.
    """
    members = [stat for number, stat in stats.items() if number == pid or stat.parent == pid]
    return sum(stat.own_ticks + stat.waited_ticks for stat in members)


def family_cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children so far."""
    return family_ticks(_every_stat(), pid) / _TICKS_PER_SECOND


def machine_cpu_seconds() -> float:
    """Return the CPU time that all processes of the machine have taken so far."""
    busy = Path("/proc/stat").read_text().split(maxsplit=9)
    return (
        sum(int(busy[column]) for column in (1, 2, 3, 6, 7, 8)) / _TICKS_PER_SECOND
    )  # not idle, nor waiting for a disk


def _every_stat() -> dict[int, Stat]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it has ended
                found[int(folder.name)] = parse_stat((folder / "stat").read_text(errors="replace"))
    return found


def rss_bytes(pid: int) -> int:
    """Return the resident set size of a process; 0 for one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def parse_tcp(text: str, port: int) -> int:
    """Count the established connections to `port` in a /proc/net/tcp, as their clients see them."""
    rows = (line.split() for line in text.splitlines()[1:])
    return sum(row[3] == _ESTABLISHED and int(row[2].rpartition(":")[2], 16) == port for row in rows)


def connections_to(port: int) -> int:
    """Return how many connections to `port` are open on this machine."""
    return parse_tcp(Path("/proc/net/tcp").read_text(), port)


def free_port() -> int:
    """Return a port of the loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
