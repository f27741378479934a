"""What is measured: the rows of the table, and the names to choose them by."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

SEED_COLLECTIONS = (
    "amazon.aws",
    "community.general",
    "ansible.netcommon",
    "ansible.posix",
    "ansible.utils",
    "community.crypto",
)
BIG_COLLECTIONS = ("bulk.documents",)
"""What testgalaxy names its collection of twenty documents of 30 MB."""

LATENCIES_MS = (0, 20, 100)
FIXED_CONNECTIONS = (4, 8, 12, 16, 20)
ROOMY_LIMIT = "128Mi"
"""A memory limit in which every number of FIXED_CONNECTIONS has room; the default one allows fewer."""


class Transport(StrEnum):
    """How documents come from the source."""

    PLAIN = "plain"
    TLS = "tls"
    GZIP = "gzip"
    """TLS, and compressed by the source."""

    @property
    def encrypted(self) -> bool:
        """Whether it is TLS."""
        return self is not Transport.PLAIN


class Special(StrEnum):
    """Rows that are more than one first sync."""

    SECOND = "second"
    """A second run with nothing changed."""
    SECOND_FULL = "second-full"
    """The same with artifacts."""
    CONFINED = "confined"
    """A first sync with artifacts, in a memory cgroup of its own."""
    CONNECTIONS = "connections"
    """The adaptive number of connections against fixed ones, at 100 ms."""
    TOGETHER = "together"
    """Two syncs of the same content that start together."""
    OPERATOR = "operator"
    """The operator of a real cluster, with a thousand resources and nothing to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """A first sync into an empty database. `plan` is what testgalaxy serves: 630, 2000 or big.

    `limit` is spec.resources.limits.memory, None for the default; `connections` fixes their number where it is given.
    `full` is contentPolicy Full: artifacts too, into a folder.
    """

    plan: str
    transport: Transport
    latency_ms: int = 0
    limit: str | None = None
    connections: int | None = None
    full: bool = False

    @property
    def name(self) -> str:
        """What the row is chosen by."""
        parts = [self.served_plan, self.transport.value, str(self.latency_ms)]
        if self.connections is not None:
            parts.append(f"fixed{self.connections}")
        elif self.limit is not None:
            parts.append(self.limit)
        return "-".join(parts)

    @property
    def served_plan(self) -> str:
        """What testgalaxy calls it: its restamped versions have tarballs only where they are asked for."""
        return f"{self.plan}-full" if self.full else self.plan

    @property
    def collections(self) -> tuple[str, ...]:
        """What the sync asks for."""
        return BIG_COLLECTIONS if self.plan == "big" else SEED_COLLECTIONS


SECOND = Row("630", Transport.TLS)
SECOND_FULL = Row("630", Transport.TLS, full=True)
CONFINED = Row("630", Transport.TLS, full=True)
TOGETHER = Row("630", Transport.TLS)
ADAPTIVE = (Row("630", Transport.TLS, 100), Row("630", Transport.TLS, 100, ROOMY_LIMIT))
FIXED = tuple(Row("630", Transport.TLS, 100, ROOMY_LIMIT, number) for number in FIXED_CONNECTIONS)

_FIRST_SYNCS = (
    *(Row(plan, transport, latency) for plan in ("630", "2000") for transport in Transport for latency in LATENCIES_MS),
    Row("big", Transport.PLAIN),
    Row("big", Transport.TLS),
)
_FULL = (
    Row("630", Transport.PLAIN, full=True),
    Row("630", Transport.TLS, full=True),
    Row("630", Transport.TLS, LATENCIES_MS[-1], full=True),
)
EVERY: dict[str, Row | Special] = {row.name: row for row in (*_FIRST_SYNCS, *_FULL)} | {
    each.value: each for each in Special
}
SETS = {
    "all": tuple(EVERY),
    "quick": ("630-plain-0", "630-tls-0", Special.SECOND.value),
    "full": (*(row.name for row in _FULL), Special.SECOND_FULL.value, Special.CONFINED.value),
}


class UnknownRowError(ValueError):
    """There is no row of that name."""


def choose(text: str) -> list[Row | Special]:
    """Return the rows that `text` names: names and sets with commas between, each row once.

    Raises:
        UnknownRowError: one of the names is none.
    """
    return [EVERY[name] for name in dict.fromkeys(_names(text))]


def _names(text: str) -> Iterator[str]:
    for word in filter(None, map(str.strip, text.split(","))):
        if word not in EVERY and word not in SETS:
            raise UnknownRowError(f"{word!r} is no row; there are {', '.join([*SETS, *EVERY])}")
        yield from SETS.get(word, (word,))
