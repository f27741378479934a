"""Who the worker is to a source, and the one place that decides which host may hear it."""

import base64
from dataclasses import dataclass, field

from yarl import URL


@dataclass(frozen=True, slots=True)
class Credentials:
    """An Authorization header and the only origin (scheme, host and port) that it is ever sent to."""

    origin: URL
    header: str | None = field(default=None, repr=False)

    @classmethod
    def token(cls, url: URL, token: str) -> "Credentials":
        """Galaxy's own token scheme (`Authorization: Token …`)."""
        return cls(url.origin(), f"Token {token}")

    @classmethod
    def basic(cls, url: URL, username: str, password: str) -> "Credentials":
        """User name and password (RFC 7617, in UTF-8)."""
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        return cls(url.origin(), f"Basic {pair}")

    def headers(self, url: URL) -> dict[str, str]:
        """Return the headers that a request to `url` may carry."""
        if self.header is None or url.origin() != self.origin:
            return {}
        return {"Authorization": self.header}
