"""Who the worker is to a source, and the one place that decides which host may hear it."""

import base64
from dataclasses import dataclass, field

from yarl import URL

CLIENT_ID = "cloud-services"
"""Who asks for a token where nobody says otherwise, as with ansible-galaxy: the client of Red Hat's Automation Hub."""


def origin_of(url: URL) -> URL:
    """Return scheme, host and port as RFC 6454 compares them: in lower case, and the usual port is no port.

    Raises:
        ValueError: the URL is not one of a host.
    """
    return URL(str(url.origin()).lower())


def basic(username: str, password: str) -> str:
    """Return user name and password as an Authorization header has them (RFC 7617, in UTF-8)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Grant:
    """A refresh token, and the only place that it is ever sent to: the token endpoint (RFC 6749, section 6)."""

    auth_url: URL
    refresh_token: str = field(repr=False)
    client_id: str = CLIENT_ID


@dataclass(frozen=True, slots=True)
class Credentials:
    """An Authorization header, or a grant that brings one, and the only origin that it is ever sent to.

    An origin is a scheme, a host and a port. `header` is None for nobody and with a `grant`.
    """

    origin: URL
    header: str | None = field(default=None, repr=False)
    grant: Grant | None = None

    @classmethod
    def token(cls, url: URL, token: str) -> "Credentials":
        """Galaxy's own token scheme (`Authorization: Token …`)."""
        return cls(origin_of(url), f"Token {token}")

    @classmethod
    def basic(cls, url: URL, username: str, password: str) -> "Credentials":
        """User name and password."""
        return cls(origin_of(url), basic(username, password))

    @classmethod
    def refreshed(cls, url: URL, auth_url: URL, refresh_token: str, client_id: str = CLIENT_ID) -> "Credentials":
        """Tokens that live for minutes (`Authorization: Bearer …`, RFC 6750), got by one that lives for long."""
        return cls(origin_of(url), grant=Grant(auth_url, refresh_token, client_id))

    def are_for(self, url: URL) -> bool:
        """Say whether `url` belongs to the origin that they are for."""
        return origin_of(url) == origin_of(self.origin)

    def headers(self, url: URL) -> dict[str, str]:
        """Return the fixed headers that a request to `url` may carry: none elsewhere, and none that a grant brings."""
        if self.header is None or not self.are_for(url):
            return {}
        return {"Authorization": self.header}
