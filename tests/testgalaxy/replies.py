"""Answers before they are sent: values that faults can change, whatever made them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from testgalaxy.documents import Document, FilePart, document

JSON = "application/json"
HTML = "text/html; charset=utf-8"
GZIP = "application/gzip"

# The end of a body that does not come to a proper end.
KEEP_OPEN = "keep"  # an ordinary end: the connection is used again
CLOSE = "close"  # what was written goes out, then the connection closes
STALL = "stall"  # nothing more comes, and the connection stays

Source = Callable[[], AsyncIterator[bytes | memoryview]]


@dataclass(frozen=True)
class Reply:
    """One answer. `body` is a document, or for faults a function that makes the pieces to send.

    `length` is the Content-Length to claim; None is the document's own size, and for a function chunks. `excess` is
    written behind the body without regard to what was claimed.
    """

    status: int = 200
    body: Document | Source = field(default_factory=Document)
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    excess: bytes = b""
    ending: str = KEEP_OPEN
    released: asyncio.Event | None = None

    @property
    def is_redirect(self) -> bool:
        """301, 302, 307 and the like."""
        return 300 <= self.status < 400

    def json(self) -> Any:
        """The parsed body of an answer that is a document."""
        assert isinstance(self.body, Document), "a streamed body has no JSON"
        return self.body.json()

    def with_json(self, value: object) -> "Reply":
        """The same answer with another body."""
        return replace(self, body=document(value))

    def with_headers(self, **headers: str) -> "Reply":
        """The same answer with these headers besides; underscores are hyphens."""
        return replace(self, headers={**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})


def json_reply(value: object, status: int = 200) -> Reply:
    """A JSON answer with the headers that a real Pulp sends."""
    body = value if isinstance(value, Document) else document(value)
    return Reply(status, body, {"Content-Type": JSON, "Vary": "Accept, Cookie"})


def html_reply(status: int, text: str) -> Reply:
    """What Django says where no view is."""
    return Reply(status, Document(text.encode()), {"Content-Type": HTML})


def redirect(location: str, status: int = 302) -> Reply:
    """A redirect as Django makes it: no body, typed as HTML."""
    return Reply(status, Document(), {"Location": location, "Content-Type": HTML})


def artifact_reply(artifact: Path | bytes | Document, sha256: str) -> Reply:
    """A tarball, with what a content app says about it."""
    body = as_document(artifact)
    headers = {"Content-Type": GZIP, "ETag": f'"{sha256}"', "X-PULP-ARTIFACT-SIZE": str(body.size)}
    return Reply(200, body, {**headers, "Cache-Control": "public, max-age=0, must-revalidate"})


def as_document(artifact: Path | bytes | Document) -> Document:
    """A tarball as a body."""
    if isinstance(artifact, Document):
        return artifact
    return Document(FilePart(artifact) if isinstance(artifact, Path) else artifact)


def xml_reply(status: int, code: str, message: str) -> Reply:
    """What object storage says when it will not."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Reply(status, Document(text.encode()), {"Content-Type": "application/xml"})


def encoded(reply: Reply) -> Reply:
    """The same answer as gzip; one that is not a plain document stays as it is."""
    if not isinstance(reply.body, Document) or "Content-Encoding" in reply.headers or not reply.body.size:
        return reply
    packed = Document(*reply.body.gzip_parts())
    return replace(reply, body=packed).with_headers(Content_Encoding="gzip")
