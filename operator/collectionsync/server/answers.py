"""What a route answers with, before anybody knows how it is sent; and what its head says to caches. Pure."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from aiohttp import web

from collectionsync.server.call import Call
from collectionsync.store.catalog.details import Answer as Parts

JSON = "application/json"
# A picture may be an SVG with a script, or a page that a source calls a picture: no browser is to run it in this
# server's name.
_INERT = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}


@dataclass(slots=True)
class Body:
    """An answer that is in memory. Without an `etag` of its own it is known by its bytes."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    etag: str | None = None


@dataclass(slots=True)
class Array:
    """A JSON array of items that come in batches; `etag` tells one state of them from another."""

    etag: str
    batches: AsyncIterator[list[bytes]]


Answer: TypeAlias = "Body | Parts | Array | web.StreamResponse"
"""`Parts` are JSON, some of it on disk; a response is sent as it is, or has been sent."""


def digest(body: bytes) -> str:
    """Return what a body is known by."""
    return blake2b(body, digest_size=16).hexdigest()


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether a client has the answer of this tag, in whichever encoding (RFC 9110, section 13.1.2)."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/").strip('"').removesuffix("-gzip") for tag in if_none_match.split(",")]
    return etag in tags or if_none_match.strip() == "*"


def head(call: Call, content_type: str, *, etag: str | None, gzip: bool, weak: bool = False) -> dict[str, str]:
    """Return the headers of an answer: caches may keep it, and have to ask each time whether it still holds."""
    headers = {
        "Content-Type": content_type,
        "Cache-Control": "private, no-cache" if call.private else "no-cache",
        "Vary": "Accept-Encoding",
        "Server": "collectionsync",
    }
    if content_type != JSON:
        headers |= _INERT
    if etag is not None:
        headers["ETag"] = f'{"W/" if weak else ""}"{etag}{"-gzip" if gzip else ""}"'
    if gzip:
        headers["Content-Encoding"] = "gzip"
    return headers


def not_modified(headers: dict[str, str]) -> web.Response:
    """Return the answer to a client that has the one with this head already."""
    kept = {name: text for name, text in headers.items() if name not in ("Content-Type", "Content-Encoding")}
    return web.Response(status=304, headers=kept)
