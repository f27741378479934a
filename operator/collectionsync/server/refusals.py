"""Answers that are errors, in the form that Galaxy's clients read: what is wrong, and what to do.

Never 429: a client with a cold cache dies of it. Who has to wait is let wait, and a 503 says when to come back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from collectionsync.server.sessions import OldSchemaError
from collectionsync.server.spill import SpoolFullError
from collectionsync.store.database import RejectedDocumentError, StoreError

RETRY_SECONDS = 5
REALM = 'Basic realm="collectionsync"'

_WORDS = {
    400: ("invalid", "Invalid request."),
    401: ("not_authenticated", "Authentication credentials were not provided or are not right."),
    404: ("not_found", "Not found."),
    405: ("method_not_allowed", "Method not allowed."),
    412: ("precondition_failed", "Precondition failed."),
    413: ("too_large", "Request too large."),
    416: ("range_not_satisfiable", "Range not satisfiable."),
    431: ("too_large", "Request header too large."),
    500: ("error", "Internal server error."),
    503: ("unavailable", "Service temporarily unavailable."),
}


@dataclass
class Refusal(Exception):  # noqa: N818 - most are answers like any other
    """A request that is answered with an error; `detail` is for people, and holds nothing that others must not see."""

    status: int
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """Return the answer that says so."""
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "Server": "collectionsync"}
        return web.Response(status=self.status, body=self.body, headers={**headers, **self.headers})

    @property
    def body(self) -> bytes:
        """The error as JSON."""
        code, title = _WORDS.get(self.status, ("invalid", "Invalid request."))
        error = {"status": str(self.status), "code": code, "title": title, "detail": self.detail}
        # Of an error at the root, which every client asks for first, ansible-galaxy shows `default` alone.
        return json.dumps({"errors": [error], "default": self.detail}, ensure_ascii=False).encode("utf-8", "replace")


class BrokenOffError(ConnectionError):
    """What an answer is made of failed when it had begun: the connection is broken, and nothing is said any more."""


def not_found(detail: str) -> Refusal:
    """Return the refusal of what is not there."""
    return Refusal(404, detail)


def invalid(detail: str) -> Refusal:
    """Return the refusal of a request that makes no sense."""
    return Refusal(400, detail)


def not_allowed() -> Refusal:
    """Return the refusal of a method that changes something."""
    return Refusal(405, "this server is read-only: use GET or HEAD", {"Allow": "GET, HEAD"})


def not_authenticated() -> Refusal:
    """Return the refusal of who may not read a repository, be it there or not."""
    return Refusal(
        401,
        "send a token that may read this repository, as `Authorization: Token …` or as the password of Basic",
        {"WWW-Authenticate": REALM},
    )


def unavailable(detail: str) -> Refusal:
    """Return the refusal of what can be had later."""
    return Refusal(503, detail, {"Retry-After": str(RETRY_SECONDS)})


def refusal_of(error: Exception) -> Refusal:
    """Return what a client is told of an error: of one that nobody foresaw nothing, which is a status of 500."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, SpoolFullError):
        return unavailable("this server has no room on its disk for the answer now; try again in some seconds")
    if isinstance(error, OldSchemaError):
        return unavailable(str(error))
    if isinstance(error, StoreError) and not isinstance(error, RejectedDocumentError):
        return unavailable("the database with the collections cannot be read now; try again in some seconds")
    return Refusal(500, "something happened that nobody foresaw; the server's log has it whole")
