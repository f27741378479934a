"""What the command line says of a server."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `collectionsync serve`; None is for what is not said."""

    database_uri: str | None = None
    artifacts: str | None = None
    secrets: Path | None = None
    database_secret: tuple[str, str] = ("collectionsync-database", "uri")
    artifacts_secret: str | None = None
    access_secret: str | None = None
    listen: tuple[str, int] = ("127.0.0.1", 8080)
    metrics_address: tuple[str, int] | None = None
    public_url: str | None = None
    default_repository: tuple[str, str] | None = None
    redirect_artifacts: bool = False
    memory_limit_bytes: int | None = None
    shutdown_delay_seconds: float = 0.0
    spool: Path = field(default_factory=lambda: Path("/tmp"))  # noqa: S108 - files there have no name
