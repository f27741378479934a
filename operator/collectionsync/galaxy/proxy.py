"""The proxy on the way to a source, and what is meant by its refusals."""

from dataclasses import dataclass, field

from yarl import URL

from collectionsync.galaxy.credentials import basic
from collectionsync.galaxy.errors import AuthenticationError, GalaxyError, TransientError, shown


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy (RFC 9110, sections 7.3.2 and 9.3.6) and the credentials that it alone is told.

    It forwards requests to `http` URLs and tunnels those to `https` ones. With an `https` address it is spoken to over
    TLS itself.
    """

    url: URL
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, address: str, username: str | None = None, password: str = "") -> "Proxy":
        """Return the proxy at `http://HOST:PORT` or `https://HOST:PORT`, and who we are to it (RFC 7617).

        Raises:
            ValueError: it is no such address; the message is an end of a sentence, with nothing of the address.
        """
        try:
            url = URL(address)
            port = url.port
        except ValueError:
            raise ValueError("is not a URL") from None
        if url.scheme not in ("http", "https") or not url.host or not port:
            raise ValueError("is not a proxy's address such as http://proxy.example.org:3128")
        if url.user is not None or url.password is not None or "@" in address:
            raise ValueError("holds credentials, which belong in the keys username and password")
        if url.path not in ("", "/") or url.query_string or url.fragment:
            raise ValueError("is more than the address of a proxy: leave out what follows the host and port")
        return cls(url.origin(), None if username is None else basic(username, password))

    def __str__(self) -> str:
        return shown(self.url)

    def is_at(self, host: str, port: int | None) -> bool:
        """Say whether a connection to that host and port is one to the proxy."""
        return (host.lower(), port) == ((self.url.raw_host or "").lower(), self.url.port)

    def refusal(self, status: int, asked: URL, *, field: str, retry_after: float | None = None) -> GalaxyError:
        """Return what it means that the proxy itself answers with `status` when it is asked for `asked`."""
        if status == 407:
            said = "refuses its credentials" if self.authorization else "wants credentials"
            return AuthenticationError(
                f"the proxy {self} {said} (it answered 407); "
                f"check `username` and `password` in the Secret named in {field}.proxySecretRef"
            )
        return TransientError(
            f"the proxy {self} answered {status} when it was asked for {asked.origin()}; "
            f"see that it lets this host through, or check the Secret named in {field}.proxySecretRef",
            retry_after=retry_after,
        )
