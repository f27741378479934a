"""Where a server hands out what a resource publishes: the URL that clients name as their server. PURE.

The operator asks no server. It is told where one is, and which paths repositories have there is part of the protocol.
"""

from urllib.parse import urlsplit

from collectionsync.controller.jobs import JobDefaults
from collectionsync.resource import CollectionSync


def server_url(text: str) -> str:
    """Return the URL below which a server has its repositories, without a last slash.

    Raises:
        ValueError: it cannot be one.
    """
    if not text.isprintable() or " " in text:
        raise ValueError(f"{text!r} has white space or other characters that no URL has")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is no URL of a server: http://HOST[:PORT][/PATH], or https://…")
    if "@" in parts.netloc:
        raise ValueError("the URL of a server is shown to everybody, and must not hold a user or a password")
    if "?" in text or "#" in text:
        raise ValueError(f"{text!r} has a query or a fragment, and repositories are paths below it")
    _ = parts.port  # raises for one that is no number
    return text.rstrip("/")


def served_at(resource: CollectionSync, *, below: str | None, defaults: JobDefaults) -> str | None:
    """Return the URL of the resource's repository on the server `below`; None where no server is known to have it.

    The server reads the database that the operator was installed with, so that it has nothing of a resource that names
    another Secret for its own.
    """
    metadata, target = resource.metadata, resource.spec.target
    if below is None or (target.database_secret_ref or defaults.database_secret) != defaults.database_secret:
        return None
    return f"{below}/{metadata.namespace}/{target.repository}/api/"
