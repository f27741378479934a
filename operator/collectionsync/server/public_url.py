"""The address that clients reach this server by: as configured, else as they say themselves.

What a client says is believed no further than it can harm that client alone, and only where it is a host.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[-A-Za-z0-9._]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
_SEGMENT = re.compile(r"[-A-Za-z0-9._~!$&'()*+,;=:@]+", re.ASCII)


class PublicUrlError(ValueError):
    """An address that clients could not reach a server by."""


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """`origin` is scheme and host; `prefix` is the path before everything, without its last slash, or empty."""

    origin: str
    prefix: str

    @property
    def segments(self) -> tuple[str, ...]:
        """The prefix as read_target() takes it."""
        return tuple(map(unquote, self.prefix.split("/")[1:]))


def read_public_url(text: str) -> PublicUrl:
    """Return what `--public-url` says.

    Raises:
        PublicUrlError: clients could not reach anything by it.
    """
    if not text.isprintable() or " " in text:
        raise PublicUrlError(f"{text!r} has white space or control characters in it")
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError as error:
        raise PublicUrlError(f"{text!r} is no URL: {error}") from error
    if split.scheme not in ("http", "https"):
        raise PublicUrlError(f"{text!r} is no URL of http or https, such as https://galaxy.example.org")
    if "@" in split.netloc:
        raise PublicUrlError("a public URL has no credentials: whoever is told it would be told them")
    if "?" in text or "#" in text:
        raise PublicUrlError(f"{text!r} has a query or a fragment, and paths could not follow it")
    if not _HOST.fullmatch(split.netloc) or port == 0:
        raise PublicUrlError(f"{text!r} has no host that clients could reach")
    segments = split.path.strip("/").split("/") if split.path.strip("/") else []
    if any(not _SEGMENT.fullmatch(segment) or segment in (".", "..") for segment in segments):
        raise PublicUrlError(f"the path of {text!r} has characters or segments that clients would change")
    return PublicUrl(f"{split.scheme}://{split.netloc.lower()}", "".join(f"/{segment}" for segment in segments))


def claimed_origin(hosts: Sequence[str], forwarded_proto: str | None) -> str | None:
    """Return the origin that a request claims to have reached; None where it names no host, or several.

    `forwarded_proto` is X-Forwarded-Proto, which a proxy that ends TLS sets; any word but the two is passed over.
    """
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return None
    proto = (forwarded_proto or "").strip().lower()
    return f"{proto if proto in ('http', 'https') else 'http'}://{hosts[0]}"
