"""Memory as a budget in bytes: how much a worker of this limit may have in flight, and over how many connections."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
# What each costs beside the imports, measured over TLS by `make bench`.
CONNECTION_BYTES = MEBIBYTE * 6 // 10
SESSION_BYTES = MEBIBYTE
# Below this a single document of the usual size would wait for itself.
SMALLEST_BUDGET_BYTES = 4 * MEBIBYTE
# The kernel counts page cache and sockets too, so the whole limit is never planned for.
_USABLE = 0.9
_IN_FLIGHT = 4  # one part of so many


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How a limit is spent: connections to the source, and bytes of documents that lie in spool files."""

    connections: int
    in_flight_bytes: int


def plan_memory(
    *, limit_bytes: int, base_bytes: int, sessions: int, concurrency: int, max_in_flight_bytes: int
) -> MemoryPlan:
    """Divide what `limit_bytes` leaves above the imports (`base_bytes`) and the database sessions.

    Connections take memory that only the process can give back. Spool files are page cache, which the kernel takes back
    when it must, so they come on top: a quarter of the limit, since less would starve the database and more would slow
    the process down. At least one connection and SMALLEST_BUDGET_BYTES remain in a limit that is too tight, since a
    slow run is better than none. `max_in_flight_bytes` is a wish and is never exceeded: a document that is larger
    passes alone.
    """
    room = int(limit_bytes * _USABLE) - base_bytes - sessions * SESSION_BYTES
    in_flight = max(1, min(max_in_flight_bytes, max(SMALLEST_BUDGET_BYTES, limit_bytes // _IN_FLIGHT)))
    return MemoryPlan(connections=max(1, min(concurrency, room // CONNECTION_BYTES)), in_flight_bytes=in_flight)
