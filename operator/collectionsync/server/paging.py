"""Pages of a list: which one is asked for, and where the others are. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

DEFAULT_LIMIT = 10
LARGEST_LIMIT = 100
_LARGEST_OFFSET = 2**53
_LONGEST_NUMBER = 400


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a list: at most `limit` items from `offset` on."""

    limit: int
    offset: int


def read_window(query: Mapping[str, str]) -> Window:
    """Return which part of a list a query asks for; a limit above LARGEST_LIMIT is that.

    Raises:
        ValueError: a number is none, or not one that a list can be asked by; the message says which.
    """
    limit = _number(query, "limit", 1)
    offset = _number(query, "offset", 0)
    return Window(DEFAULT_LIMIT if limit is None else min(limit, LARGEST_LIMIT), min(offset or 0, _LARGEST_OFFSET))


def read_flag(query: Mapping[str, str], name: str) -> bool | None:
    """Return a query's truth value; None where it has none of that name.

    Raises:
        ValueError: it is neither true nor false.
    """
    text = query.get(name)
    if text is None:
        return None
    flag = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
    if flag is None:
        raise ValueError(f"{name} is true or false")
    return flag


def _number(query: Mapping[str, str], name: str, smallest: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > _LONGEST_NUMBER or int(text) < smallest:
        raise ValueError(f"{name} is a whole number from {smallest} on")
    return int(text)


@dataclass(frozen=True, slots=True)
class Links:
    """The pages around a window, each as a path with a query; `previous` and `next` are None where there is none."""

    first: str
    previous: str | None
    next: str | None
    last: str


def links(path: str, query: Mapping[str, str], window: Window, count: int) -> Links:
    """Return the links of a page of a list of `count` items under the path that was asked.

    Old clients put them behind the host's name as they are, so that they must begin with a slash.
    """
    others = {name: text for name, text in query.items() if name not in ("limit", "offset")}

    def at(offset: int) -> str:
        return f"{path}?{urlencode({**others, 'limit': window.limit, 'offset': offset})}"

    last = (count - 1) // window.limit * window.limit if count else 0
    after = window.offset + window.limit
    return Links(
        first=at(0),
        previous=at(max(0, min(window.offset - window.limit, last))) if window.offset else None,
        next=at(after) if after < count else None,
        last=at(last),
    )


def page_body(count: int, found: Links, items: bytes) -> bytes:
    """Return a page as the v3 API has it, around items that are JSON already."""
    head = {
        "meta": {"count": count},
        "links": {"first": found.first, "previous": found.previous, "next": found.next, "last": found.last},
    }
    return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"data":' + items + b"}"


def namespaces_body(count: int, found: Links, items: bytes) -> bytes:
    """Return a page of namespaces, which have another envelope."""
    head = {"count": count, "next": found.next, "previous": found.previous}
    return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"results":' + items + b"}"
