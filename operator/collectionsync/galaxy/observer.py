"""Who is told what happens on the wire."""

from typing import Protocol


class Observer(Protocol):
    """Who is told what happens on the wire."""

    def request_started(self) -> None:
        """One more request is under way."""

    def request_ended(self, endpoint: str, code: str) -> None:
        """A request ended with this HTTP status, or with `error` where there was none."""

    def received(self, size: int) -> None:
        """So many bytes came over the wire."""

    def retried(self, reason: str) -> None:
        """A request will be repeated."""
