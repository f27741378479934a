"""What a run has done so far: plain counters that the stages add to, and that report, metrics and progress read."""

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectionsync.histogram import Histogram

log = logging.getLogger(__name__)

_WARNINGS_KEPT = 20
LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(slots=True)
class Tally:
    """Counters of one run. It is told of the wire as an Observer of the Galaxy transport."""

    started: float = field(default_factory=time.monotonic)
    fetched_bytes: int = 0
    inflight_requests: int = 0
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    collections_required: int = 0
    collections_listed: int = 0
    versions_discovered: int = 0
    versions_left_out: int = 0
    versions_done: Counter[str] = field(default_factory=Counter)
    documents_created: int = 0
    document_bytes: int = 0
    artifacts_created: int = 0
    artifact_bytes: int = 0
    warnings: list[str] = field(default_factory=list)
    rows_inserted: Counter[str] = field(default_factory=Counter)
    fetch_latency: Histogram = field(default_factory=lambda: Histogram(LATENCY_BUCKETS))
    insert_latency: Histogram = field(default_factory=lambda: Histogram(LATENCY_BUCKETS))
    insert_idle_seconds: float = 0.0
    inserters_waiting: int = 0

    def request_started(self) -> None:
        """One more request is under way."""
        self.inflight_requests += 1

    def request_ended(self, endpoint: str, code: str) -> None:
        """A request ended with this HTTP status, or with `error`."""
        self.inflight_requests -= 1
        self.requests[endpoint, code] += 1

    def received(self, size: int) -> None:
        """So many bytes came over the wire."""
        self.fetched_bytes += size

    def retried(self, reason: str) -> None:
        """A request will be repeated."""
        self.retries[reason] += 1

    def warn(self, message: str) -> None:
        """Tell of what was passed over, or needs a look: in the log, and in the report as far as there is room."""
        if message in self.warnings:
            return
        log.warning("%s", message)
        if len(self.warnings) < _WARNINGS_KEPT:
            self.warnings.append(message)

    @contextlib.contextmanager
    def insert_waiting(self) -> Iterator[None]:
        """Count the time inside as an inserter's wait for something to insert."""
        # The sum of "until" less "since", so that a wait that is not over can be told of at any moment.
        self.insert_idle_seconds -= time.monotonic()
        self.inserters_waiting += 1
        try:
            yield
        finally:
            self.insert_idle_seconds += time.monotonic()
            self.inserters_waiting -= 1

    @property
    def database_idle_seconds(self) -> float:
        """How long inserters have waited so far, those included that wait now; summed over all of them."""
        return self.insert_idle_seconds + self.inserters_waiting * time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return time.monotonic() - self.started
