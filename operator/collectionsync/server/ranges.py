"""Which part of an artifact a request asks for (RFC 9110, 14). Pure.

What is no range that is understood here, such as several at once, is passed over, and all is given, as the standard
wants it: a client that asked for a part sees by the status that it has the whole.
"""

import re

from collectionsync.artifacts.reading import Span

# More digits than this are more bytes than anything has; and Python takes long to read very many.
_MOST = 10**15
_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)
NOTHING = Span(0, 0)


def read_range(header: str | None) -> Span | None:
    """Return the part that a header `Range` asks for, of an artifact of any size; None for all of it."""
    match = _RANGE.fullmatch(header) if header is not None else None
    if match is None or not (match[1] or match[2]):
        return None
    first, last = _number(match[1]), _number(match[2])
    if first is None:
        return Span(-last) if last else NOTHING
    if last is None:
        return Span(first)
    return Span(first, last - first + 1) if first <= last else None


def content_range(offset: int, length: int, size: int) -> str:
    """Return the header `Content-Range` of a part."""
    return f"bytes {offset}-{offset + length - 1}/{size}"


def _number(digits: str) -> int | None:
    if not digits:
        return None
    digits = digits.lstrip("0")
    return min(int(digits or "0"), _MOST) if len(digits) <= len(str(_MOST)) else _MOST
