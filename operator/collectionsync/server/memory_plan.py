"""How a memory limit is spent: on sessions, on connections, and on answers in flight. Pure."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
DEFAULT_LIMIT_BYTES = 128 * MEBIBYTE

SESSIONS = 4
"""With the database, for requests: more than PostgreSQL has processors for would only wait there."""

# Another one looks whether the database is there.
_SESSION_BYTES = MEBIBYTE

CONNECTION_BYTES = 160 * 1024
"""What a client that reads slowly takes, by measurement: 96 KiB here, and in the kernel what it may leave unsent."""

ANSWER_BYTES = 128 * 1024
"""What an answer takes until the kernel or the disk has it."""

INLINE_BYTES = 32 * 1024
"""The largest document that comes along with its detail; larger ones go by the disk."""

DISK_BYTES = 256 * MEBIBYTE
"""Of spool files, which are page cache: the kernel takes that back when it must."""

# The kernel counts page cache and sockets too, so the whole limit is never planned for.
_USABLE = 0.9
_IN_FLIGHT = 8  # one part of so many
_SMALLEST_BUDGET_BYTES = 2 * MEBIBYTE
_FEWEST_CONNECTIONS = 32
# Files that are no connections: sessions, spool files, those of the object store.
_OTHER_FILES = 256


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """`sessions` with the database, `connections` of clients, and `in_flight_bytes` of answers that are in memory."""

    sessions: int
    connections: int
    in_flight_bytes: int
    inline_bytes: int = INLINE_BYTES
    disk_bytes: int = DISK_BYTES


def plan_memory(*, limit_bytes: int, base_bytes: int, open_files: int) -> MemoryPlan:
    """Divide what `limit_bytes` leaves above the imports (`base_bytes`); `open_files` may be open at once.

    In a limit that is too tight a few connections and the smallest budget remain: slow is better than nothing.
    """
    in_flight = max(_SMALLEST_BUDGET_BYTES, limit_bytes // _IN_FLIGHT)
    room = int(limit_bytes * _USABLE) - base_bytes - (SESSIONS + 1) * _SESSION_BYTES - in_flight
    connections = min(room // CONNECTION_BYTES, open_files - _OTHER_FILES)
    return MemoryPlan(sessions=SESSIONS, connections=max(_FEWEST_CONNECTIONS, connections), in_flight_bytes=in_flight)
