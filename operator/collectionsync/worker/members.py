"""Where the members of a JSON object lie, found without holding the text: for the few that msgspec is not for.

A parser in C is ten times as fast, but makes the whole text resident, and refuses half a character in a string that
nobody reads, although PostgreSQL keeps it. This one walks from bracket to bracket. It finds spans and judges nothing
else: what lies within a value is PostgreSQL's to refuse.
"""

import itertools
import json
import re
from collections.abc import Callable, Collection, Iterator
from mmap import mmap

_DEEPEST = 1000  # about what msgspec takes
_MOST_STEPS = 500_000  # two seconds' work; real content of the greatest size that is allowed takes hundreds
# As far as one match looks, and so about as much as is resident at a time.
_WINDOW_BYTES = 1024 * 1024

_SPACE = rb"[ \t\r\n]*+"
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PLAIN = rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+'
# Brackets with none in them are passed over as a whole.
_FLAT = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb"|\{" + _PLAIN + rb"\}|\[" + _PLAIN + rb"\])*+", re.DOTALL)
_BRACKET = re.compile(rb"([\[{])|[\]}]")
_KEY = re.compile(_SPACE + rb"(" + _STRING + rb")" + _SPACE + rb":" + _SPACE, re.DOTALL)
_WITHIN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_LITERAL = re.compile(rb'[^"\[\]{},: \t\r\n]++')
_OPENING = re.compile(_SPACE + rb"\{" + _SPACE + rb"(\}?)")
_FOLLOWING = re.compile(_SPACE + rb"([,}])")
_END = re.compile(_SPACE + rb"\Z")


def spans(
    text: bytes | mmap, keys: Collection[str], passed: Callable[[], None] = lambda: None
) -> dict[str, tuple[int, int]]:
    """Return start and end of the values of `keys` in the object that `text` is; of a key that comes twice, the last.

    `passed` is called about once per mebibyte, when nothing before is looked at again.

    Raises:
        ValueError: it is no object, or has too many brackets or members, or they are nested too deeply.
    """
    return {key: (start, end) for key, start, end in _members(text, passed) if key in keys}


def narrowed(value: bytes, keys: Collection[str]) -> bytes:
    """Return the JSON `value` with those members alone that `keys` names; as it is where it is no object.

    Raises:
        ValueError: as for spans().
    """
    if not keys or not value.startswith(b"{"):
        return value
    return joined({key: value[start:end] for key, (start, end) in spans(value, keys).items()})


def joined(values: dict[str, bytes]) -> bytes:
    """Return JSON values as the members of one object."""
    return b"{%b}" % b",".join(json.dumps(key).encode() + b":" + value for key, value in values.items())


def _members(text: bytes | mmap, passed: Callable[[], None]) -> Iterator[tuple[str, int, int]]:
    steps = itertools.count()
    match = _matched(_OPENING, text, 0, "an object")
    more = not match[1]
    at = match.end()
    while more:
        key = _matched(_KEY, text, at, "a key")
        end = _value_end(text, key.end(), steps, passed)
        yield json.loads(key[1]), key.end(), end
        match = _matched(_FOLLOWING, text, end, "a comma or the object's end")
        more, at = match[1] == b",", match.end()
    if not _END.match(text, at):
        raise ValueError(f"nothing more is expected (byte {at})")


def _value_end(text: bytes | mmap, at: int, steps: "itertools.count[int]", passed: Callable[[], None]) -> int:
    depth, reported = 0, at
    while True:
        if depth > _DEEPEST or next(steps) > _MOST_STEPS:
            raise ValueError(f"it is nested too deeply or has too many parts (byte {at})")
        start = at
        if bracket := _BRACKET.match(text, at):
            depth += 1 if bracket[1] else -1
            if depth < 0:
                raise ValueError(f"a value is expected (byte {at})")
            at += 1
        elif text[at : at + 1] == b'"':
            at = _string_end(text, at, passed)
        elif depth == 0:
            return _matched(_LITERAL, text, at, "a value").end()
        if depth <= 0:
            return at
        at = _matched(_FLAT, text, at, "a value").end()
        if at == start:
            raise ValueError(f"it breaks off (byte {at})")
        if at - reported > _WINDOW_BYTES:
            passed()
            reported = at


def _string_end(text: bytes | mmap, at: int, passed: Callable[[], None]) -> int:
    """Return the end of the string that begins at `at`, however long it is."""
    at += 1
    while True:
        end = _matched(_WITHIN_STRING, text, at, "a string").end()
        if text[end : end + 1] == b'"':
            return end + 1
        if end == at:
            raise ValueError(f"a string breaks off (byte {at})")
        at = end
        passed()


def _matched(pattern: re.Pattern[bytes], text: bytes | mmap, at: int, what: str) -> re.Match[bytes]:
    match = pattern.match(text, at, at + _WINDOW_BYTES)
    if match is None:
        raise ValueError(f"{what} is expected (byte {at})")
    return match
