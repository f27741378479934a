"""What was measured. Sizes are in bytes and times in seconds; MB are millions of bytes, MiB are 1024 x 1024."""

from dataclasses import dataclass, field

from bench.curve import Curve
from bench.rows import Row

MIB = 1024 * 1024
MB = 1000 * 1000


@dataclass(frozen=True, slots=True)
class Figures:
    """A first sync. CPU is of the worker's process, of all processes of PostgreSQL, and of the server of collections.

    `connections` is the most that were open to the source at once. `artifact_bytes` are those of Full rows, as they are
    in the store after the run.
    """

    row: Row
    versions: int
    document_bytes: int
    fetched_bytes: int
    requests: int
    seconds: float
    base_bytes: int
    peak_bytes: int
    first_quarter_bytes: int
    last_quarter_bytes: int
    worker_cpu: float
    postgres_cpu: float
    server_cpu: float
    connections: int
    curve: Curve
    artifact_bytes: int = 0

    @property
    def megabytes(self) -> float:
        """What was stored, in MB of documents and artifacts."""
        return (self.document_bytes + self.artifact_bytes) / MB

    @property
    def mb_per_second(self) -> float:
        """Throughput in MB of documents and artifacts."""
        return self.megabytes / self.seconds

    def ms_per_mb(self, cpu_seconds: float) -> float:
        """CPU time in milliseconds for each MB of documents and artifacts."""
        return cpu_seconds * 1000 / self.megabytes


@dataclass(frozen=True, slots=True)
class Load:
    """PostgreSQL alone taking a row's documents from files, by so many sessions."""

    sessions: int
    seconds: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Floor:
    """The loads by one session and by as many as the worker has, of `document_bytes`."""

    document_bytes: int
    single: Load
    several: Load


@dataclass(frozen=True, slots=True)
class Second:
    """A run with nothing changed, beside the first."""

    result: str
    seconds: float
    peak_bytes: int
    fetched_bytes: int
    requests: int
    first_fetched_bytes: int
    first_requests: int


@dataclass(frozen=True, slots=True)
class Confined:
    """A sync in a memory cgroup of its own. `charged_bytes` is the cgroup's peak: page cache and sockets are in it."""

    limit_bytes: int
    exit_code: int
    oom_kills: int
    seconds: float
    peak_bytes: int
    charged_bytes: int


@dataclass(frozen=True, slots=True)
class Connections:
    """Adaptive numbers of connections (default limit, roomy limit) and fixed ones, all at the same latency."""

    adaptive: Figures
    roomy: Figures
    fixed: tuple[Figures, ...]

    @property
    def best(self) -> Figures:
        """The fastest fixed one."""
        return min(self.fixed, key=lambda figures: figures.seconds)


@dataclass(frozen=True, slots=True)
class Together:
    """Two syncs of the same content that started together; `seconds` until the later end."""

    exit_codes: tuple[int, ...]
    created: tuple[int, ...]
    requests: int
    seconds: float
    peak_bytes: int
    versions: int


@dataclass(frozen=True, slots=True)
class Idle:
    """The operator with so many resources and nothing to do; `cpu_share` is of one processor."""

    resources: int
    rss_bytes: int
    cpu_share: float
    requests_per_minute: float


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures are of."""

    cores: int
    processor: str
    memory_bytes: int
    python: str
    postgres: str
    lz4: bool

    def __str__(self) -> str:
        compression = "lz4" if self.lz4 else "pglz, since this build has no lz4"
        return (
            f"{self.cores} cores ({self.processor}), {self.memory_bytes / MIB / 1024:.0f} GiB; "
            f"PostgreSQL {self.postgres} with {compression}; Python {self.python}"
        )


@dataclass(slots=True)
class Results:
    """Everything that a run of the benchmark found."""

    machine: Machine
    command: str
    repeats: int
    rows: list[Figures]
    floors: dict[str, Floor]
    second: Second | None = None
    second_full: Second | None = None
    confined: Confined | None = None
    unmeasured: dict[str, str] = field(default_factory=dict)
    """What this machine does not let be measured, and why."""
    connections: Connections | None = None
    together: Together | None = None
    idle: Idle | None = None

    def row(self, name: str) -> Figures | None:
        """Return the row of that name, if it was measured."""
        return next((figures for figures in self.rows if figures.row.name == name), None)
