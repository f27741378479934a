"""Who the worker is to a source, and the one place that decides which host may hear it."""

import base64
from dataclasses import dataclass, field

from yarl import URL


def origin_of(url: URL) -> URL:
    """Return scheme, host and port as RFC 6454 compares them: in lower case, and the usual port is no port.

    Raises:
        ValueError: the URL is not one of a host.
    """
    return URL(str(url.origin()).lower())


@dataclass(frozen=True, slots=True)
class Credentials:
    """An Authorization header and the only origin (scheme, host and port) that it is ever sent to."""

    origin: URL
    header: str | None = field(default=None, repr=False)

    @classmethod
    def token(cls, url: URL, token: str) -> "Credentials":
        """Galaxy's own token scheme (`Authorization: Token …`)."""
        return cls(origin_of(url), f"Token {token}")

    @classmethod
    def basic(cls, url: URL, username: str, password: str) -> "Credentials":
        """User name and password (RFC 7617, in UTF-8)."""
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        return cls(origin_of(url), f"Basic {pair}")

    def are_for(self, url: URL) -> bool:
        """Say whether `url` belongs to the origin that they are for."""
        return origin_of(url) == origin_of(self.origin)

    def headers(self, url: URL) -> dict[str, str]:
        """Return the headers that a request to `url` may carry."""
        if self.header is None or not self.are_for(url):
            return {}
        return {"Authorization": self.header}
