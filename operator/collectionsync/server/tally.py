"""What is counted of answers, as cheaply as each request has to pay for it."""

from collections import Counter

from collectionsync.histogram import Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bounds of the histogram in seconds: from a small answer to a slow reader's large one."""


class Tally:
    """What happened since the start."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.bytes: Counter[str] = Counter()
        self.durations: dict[str, Histogram] = {}
        self.aborted: Counter[str] = Counter(Stalled=0, Disconnected=0, StoreFailed=0)
        self.inflight_requests = 0

    def answered(self, route: str, status: int, size: int, seconds: float) -> None:
        """Count an answer: its bytes on the wire, and the time to the last one."""
        self.requests[route, str(status)] += 1
        self.bytes[route] += size
        durations = self.durations.get(route)
        if durations is None:
            durations = self.durations[route] = Histogram(BUCKETS)
        durations.observe(seconds)
