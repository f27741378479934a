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

DISK_BYTES = 768 * MEBIBYTE
"""Of spool files, which are page cache: the kernel takes that back when it must. The chart's volume has more."""

DOCUMENTS = 512
"""How many documents that nobody reads are kept: each is an open file."""

# The kernel counts page cache and sockets too, so the whole limit is never planned for.
_USABLE = 0.9
# Parts of the limit.
_IN_FLIGHT = 16
_COMPRESSION = 16
_REMEMBERED = 32
_SMALLEST_BUDGET_BYTES = 2 * MEBIBYTE
_FEWEST_CONNECTIONS = 32
# A connection, and a document that it reads.
_FILES_EACH = 2
# Sessions, the object store's, and documents that nobody reads.
_OTHER_FILES = 256 + DOCUMENTS


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """`sessions` with the database, `connections` of clients, and bytes: of answers that are in memory on their way, of
    compressors, and of answers that are kept.
    """

    sessions: int
    connections: int
    in_flight_bytes: int
    compression_bytes: int
    remembered_bytes: int
    inline_bytes: int = INLINE_BYTES
    disk_bytes: int = DISK_BYTES


def plan_memory(*, limit_bytes: int, base_bytes: int, open_files: int) -> MemoryPlan:
    """Divide what `limit_bytes` leaves above the imports (`base_bytes`); `open_files` may be open at once.

    In a limit that is too tight a few connections and the smallest budget remain: slow is better than nothing.
    """
    in_flight = max(_SMALLEST_BUDGET_BYTES, limit_bytes // _IN_FLIGHT)
    compression, remembered = limit_bytes // _COMPRESSION, limit_bytes // _REMEMBERED
    fixed = base_bytes + (SESSIONS + 1) * _SESSION_BYTES + in_flight + compression + remembered
    room = int(limit_bytes * _USABLE) - fixed
    connections = min(room // CONNECTION_BYTES, (open_files - _OTHER_FILES) // _FILES_EACH)
    return MemoryPlan(
        sessions=SESSIONS,
        connections=max(_FEWEST_CONNECTIONS, connections),
        in_flight_bytes=in_flight,
        compression_bytes=max(1, compression),
        remembered_bytes=remembered,
    )
