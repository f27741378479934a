"""What was asked of a server, and how: cheap enough to stay on under a benchmark."""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_OF_INTEREST = ("Authorization", "Accept", "Accept-Encoding", "User-Agent", "Range", "Host")


@dataclass(slots=True)
class Request:
    """One request. `kind` is what it turned out to ask for (see `faults.kind`), or redirect or unknown. `status` is 0
    while the answer is on its way, and where the connection was dropped.
    """

    method: str
    path: str
    headers: dict[str, str]
    peer: int
    kind: str = ""
    status: int = 0
    bytes: int = 0
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None


class RequestLog:
    """All requests in their order, with counters."""

    def __init__(self) -> None:
        self.entries: list[Request] = []
        self.in_flight = 0
        self.max_in_flight = 0

    def begin(self, method: str, path: str, headers: Mapping[str, str], peer: int) -> Request:
        """Note a request that came in."""
        kept = {name: headers[name] for name in _OF_INTEREST if name in headers}
        request = Request(method, path, kept, peer)
        self.entries.append(request)
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        return request

    def end(self, request: Request) -> None:
        """Note that a request is over, well or badly."""
        request.ended = time.monotonic()
        self.in_flight -= 1

    def clear(self) -> None:
        """Forget what was asked until now; requests under way stay in flight."""
        self.entries.clear()
        self.max_in_flight = self.in_flight

    def of(self, kind: str) -> list[Request]:
        """The requests of one kind."""
        return [request for request in self.entries if request.kind == kind]

    def matching(self, pattern: str) -> list[Request]:
        """The requests whose raw path (with its query) contains a match of the pattern."""
        found = re.compile(pattern)
        return [request for request in self.entries if found.search(request.path)]

    def count(self, kind: str) -> int:
        """How many requests of one kind there were."""
        return sum(request.kind == kind for request in self.entries)

    @property
    def kinds(self) -> Counter[str]:
        """How many requests there were of each kind."""
        return Counter(request.kind for request in self.entries)

    @property
    def statuses(self) -> Counter[int]:
        """How many answers there were with each status."""
        return Counter(request.status for request in self.entries)

    @property
    def per_path(self) -> Counter[str]:
        """How often each path was asked: nothing should be fetched twice."""
        return Counter(request.path for request in self.entries)

    @property
    def bytes(self) -> int:
        """The bytes of all bodies sent."""
        return sum(request.bytes for request in self.entries)

    @property
    def connections(self) -> int:
        """How many connections the requests came over."""
        return len({request.peer for request in self.entries})

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Request]:
        return iter(self.entries)
