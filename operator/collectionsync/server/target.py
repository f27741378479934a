"""What a request asks for, read off the raw request line: nothing is decoded twice, joined or normalised.

A router that decodes first would let `%2F` and `..` lead elsewhere, and take the `+` of a version for a space.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

_MOST_FIELDS = 32


@dataclass(frozen=True, slots=True)
class Target:
    """`path` is as it was asked; `segments` are decoded, and without those of the prefix where it is `prefixed`."""

    path: str
    segments: tuple[str, ...]
    query: str
    prefixed: bool


def read_target(raw: str, prefix: tuple[str, ...] = ()) -> Target | None:
    """Return what a request line asks for; None for what no path of this server can be.

    One slash at the end is of no meaning. `prefix` is what a proxy in front may have left or taken away.
    """
    path, _, query = _origin_form(raw).partition("?")
    if not path.startswith("/"):
        return None
    encoded = path[1:].split("/")
    if encoded[-1] == "":
        del encoded[-1]
    segments: list[str] = []
    for segment in encoded:
        text = _decoded(segment)
        if text is None:
            return None
        segments.append(text)
    prefixed = bool(prefix) and tuple(segments[: len(prefix)]) == prefix
    if prefixed:
        del segments[: len(prefix)]
    return Target(path, tuple(segments), query, prefixed)


def read_query(query: str) -> dict[str, str]:
    """Return the fields of a query, by the rules of HTML forms; of one that is there twice the last.

    Raises:
        ValueError: it is not UTF-8, or has too many fields.
    """
    if not query:
        return {}
    if query.count("&") >= _MOST_FIELDS:
        raise ValueError(f"a query has at most {_MOST_FIELDS} fields")
    try:
        query.encode()
        return dict(parse_qsl(query, keep_blank_values=True, errors="strict"))
    except UnicodeError as error:
        raise ValueError("the query is not text in UTF-8") from error


def _origin_form(raw: str) -> str:
    """Return path and query of the form that proxies are sent, `http://host/path` (RFC 9112, section 3.2.2)."""
    if raw.startswith("/"):
        return raw
    scheme, separator, rest = raw.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return raw
    _, slash, path = rest.partition("/")
    return f"/{path}" if slash else "/"


def _decoded(segment: str) -> str | None:
    """Return a segment's text; None where it is empty, leads elsewhere, or is no text."""
    try:
        text = unquote_to_bytes(segment).decode() if "%" in segment else segment
        text.encode()
    except UnicodeError:
        return None
    if text in ("", ".", "..") or "/" in text or "\0" in text:
        return None
    return text
