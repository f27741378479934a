"""Actions on what an answer says: documents that are not what they should be, lists that lie, details of others."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from testgalaxy import rendering
from testgalaxy.documents import Document
from testgalaxy.faults import Action, Exchange, on_content
from testgalaxy.replies import Reply
from testgalaxy.wirefaults import body

Edit = Callable[[Any], Any]

HOSTILE_VERSIONS = (
    "../../etc",
    "1.0.0/../x",
    "",
    "9" * 500 + ".0.0",
    "1.0.0-é漢",
    "1.0",
    "1.0.0+build",
    "1.0.0?limit=1",
    "1.0.0#x",
    "1.0.0\u0000",
    "%2e%2e",
    "01.0.0",
    " 1.0.0",
)
# Bodies for a docs blob that PostgreSQL or a JSON parser may not like; some are valid JSON all the same.
BODIES: dict[str, bytes] = {
    "not json": b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>",
    "empty": b"",
    "only a list": b"[]",
    "only null": b"null",
    "empty object": b"{}",
    "docs_blob null": b'{"docs_blob":null}',
    "docs_blob empty": b'{"docs_blob":{}}',
    "docs_blob a string": b'{"docs_blob":"x"}',
    "bad utf-8": b'{"docs_blob":{"x":"\xff\xfe"}}',
    "nul escape": b'{"docs_blob":{"x":"a\\u0000b"}}',
    "escaped backslash before u0000": b'{"docs_blob":{"x":"a\\\\u0000b"}}',
    "raw nul": b'{"docs_blob":{"x":"a\x00b"}}',
    "lone high surrogate": b'{"docs_blob":{"x":"\\ud800"}}',
    "lone low surrogate": b'{"docs_blob":{"x":"\\udc00x"}}',
    "NaN": b'{"docs_blob":{"x":NaN}}',
    "huge number": b'{"docs_blob":{"x":1e999999}}',
    "byte order mark": b'\xef\xbb\xbf{"docs_blob":{}}',
    "trailing garbage": b'{"docs_blob":{}} {"more":1}',
    "twice the key": b'{"docs_blob":{"a":1},"docs_blob":{"b":2}}',
    "cut off": b'{"docs_blob":{"contents":[',
}


def bad_body(name: str) -> Action:
    """One of `BODIES` by its name."""
    return body(BODIES[name])


def deep_nesting(depth: int = 100_000) -> Action:
    """Valid JSON that is nested so deep that recursive parsers give up or crash."""
    return body(b'{"docs_blob":{"x":' + b"[" * depth + b"]" * depth + b"}}")


def edit_json(edit: Callable[[Any, Exchange], Any]) -> Action:
    """Change the parsed body: in place, or by giving back another value."""

    def effect(exchange: Exchange, reply: Reply) -> Reply:
        if reply.status != 200 or not isinstance(reply.body, Document):
            return reply
        value = reply.json()
        changed = edit(value, exchange)
        return reply.with_json(value if changed is None else changed)

    return on_content(effect)


def afterwards(change: Callable[[], object]) -> Action:
    """Leave the answer as it is and change the catalog (or anything) behind it: pages shift between two requests."""

    def effect(_: Exchange, reply: Reply) -> Reply:
        change()
        return reply

    return on_content(effect)


def without(*keys: str) -> Action:
    """Leave members out of the top level of the body."""
    return edit_json(lambda value, _: {key: member for key, member in value.items() if key not in keys})


def with_members(**members: Any) -> Action:
    """Put other values for members of the top level: `artifact=None`, `version="9.9.9"`, `namespace={"name": "x"}`."""
    return edit_json(lambda value, _: {**value, **members})


def with_artifact(**members: Any) -> Action:
    """Change members of a detail's artifact: `sha256="not hex"`, `size=-1`."""
    return edit_json(lambda value, _: {**value, "artifact": {**value["artifact"], **members}})


def without_links() -> Action:
    """Lists without `links`, as old servers send them."""
    return without("links")


def next_is(value: str | None) -> Action:
    """Another `links.next`: None for a list that says too early that it is over; `{path}` is what was asked."""

    def edit(page: Any, exchange: Exchange) -> None:
        page["links"]["next"] = value.replace("{path}", exchange.path) if value else value

    return edit_json(edit)


def absolute_next() -> Action:
    """`links.next` with scheme and host."""

    def edit(page: Any, exchange: Exchange) -> None:
        if page["links"]["next"]:
            page["links"]["next"] = exchange.layout.origin + page["links"]["next"]

    return edit_json(edit)


def wrong_count(delta: int) -> Action:
    """A `meta.count` that is off."""

    def edit(page: Any, _: Exchange) -> None:
        page["meta"]["count"] += delta

    return edit_json(edit)


def duplicates() -> Action:
    """Each page after the first begins with the last item of the page before, as when something was added meanwhile."""
    last: dict[str, Any] = {}

    def edit(page: Any, exchange: Exchange) -> None:
        listing = exchange.path.partition("?")[0]
        before = last.get(listing)
        if page["data"]:
            last[listing] = page["data"][-1]
        if before is not None:
            page["data"].insert(0, before)

    return edit_json(edit)


def hostile_versions(versions: Sequence[str] = HOSTILE_VERSIONS) -> Action:
    """A list of versions with items that no honest server has, each with an href made of its version."""

    def edit(page: Any, exchange: Exchange) -> None:
        stem = exchange.path.partition("?")[0]
        items = [{**_plain_item(), "version": version, "href": f"{stem}{version}/"} for version in versions]
        page["data"] = items + page["data"]
        page["meta"]["count"] += len(items)

    return edit_json(edit)


def _plain_item() -> dict[str, Any]:
    return {
        "created_at": "2026-08-01T12:00:00.000000Z",
        "updated_at": "2026-08-01T12:00:00.000000Z",
        "requires_ansible": None,
        "marks": [],
    }


def error_page(code: int, title: str) -> Action:
    """The error envelope of a real server under status 200: a body that is JSON and not what was asked for."""
    return body(bytes(rendering.errors(code, "error", title)))


def raw_json(value: object) -> Action:
    """Any value as the body, in ASCII with escapes: NaN and lone surrogates as Python writes them."""
    return body(json.dumps(value).encode())
