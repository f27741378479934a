"""What the operator is told at its start, by its command line: whom it serves, with what, and how much at once."""

from dataclasses import dataclass

from collectionsync.controller.admission import Budget
from collectionsync.controller.jobs import JobDefaults


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`namespaces` is empty for all. The addresses are host and port, of /healthz and of /metrics.

    `server_url` is the URL below which a server has the repositories; None where there is none.
    """

    namespaces: tuple[str, ...]
    jobs: JobDefaults
    budget: Budget
    health_address: tuple[str, int]
    metrics_address: tuple[str, int]
    server_url: str | None = None

    @property
    def scopes(self) -> tuple[str | None, ...]:
        """The namespaces to list and watch one by one; a single None for the whole cluster."""
        return self.namespaces or (None,)
