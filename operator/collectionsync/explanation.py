"""Why a document is no CollectionSync, or no part of one: from a decoder's complaint to a path and a sentence.

Imported only when there is something to explain, so that a run with a sound manifest does not pay for it. It judges
nothing itself.
"""

import difflib
import re
import sys
from typing import Any

import msgspec
from msgspec import inspect

from collectionsync.resource import CollectionSync

_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_MISTYPED = re.compile(r"Expected `(.*)`, got `(.*)`")
_STEP = re.compile(r"\[(\d+)\]|\[([^\]]*)\]|([^.\[\]]+)")
_WORDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
}
_BOUNDS = (
    (re.compile(r"Expected `str` of length <= (\d+)"), "longer than {} characters"),
    (re.compile(r"Expected `array` of length <= (\d+)"), "more than {} entries"),
    (re.compile(r"Expected `object` of length <= (\d+)"), "more than {} entries"),
    (re.compile(r"Expected `\w+` of length >= (\d+)"), "must not be empty"),
    (re.compile(r"Expected `(?:int|float)` <= (\S+)"), "must be at most {}"),
    (re.compile(r"Expected `(?:int|float)` >= (\S+)"), "must be at least {}"),
    (re.compile(r"Expected `(?:int|float)` > (\S+)"), "must be more than {}"),
)
# Credentials and the query of a URL, wherever one was written.
_PRIVATE = re.compile(r"(?<=//)[^/]*(?=@)|(?<=\?).*", re.DOTALL)
_SHOWN = 60


def explain(complaint: str, document: object, kind: type[msgspec.Struct] = CollectionSync) -> tuple[str, str]:
    """Return the path and the problem that msgspec's `complaint` about a `document` of some kind comes down to."""
    what, _, where = complaint.partition(" - at ")
    # "`$.a[0]`", or "`key` in `$.a`" where the key of a map is meant.
    path = where.rpartition(" ")[2].strip("`").removeprefix("$").removeprefix(".")
    if where.startswith("`key`"):
        return path, f"a key of it is too long: {what}" if "length" in what else "a key is not text; put it in quotes"
    if path.endswith("[...]"):
        path = _offender(path.removesuffix("[...]"), document)
    if match := _UNKNOWN.fullmatch(what):
        return _joined(path, match[1]), _unknown(match[1], path, _expected(path, kind))
    if match := _MISSING.fullmatch(what):
        return _joined(path, match[1]), "missing, and it is required"
    found, expected = _found(path, document), _expected(path, kind)
    if match := _MISTYPED.fullmatch(what):
        return path, _mistyped(match[1], found, expected, is_member=path.endswith("]"))
    return path, _bound(what, found, expected)


def _unknown(name: str, path: str, expected: inspect.Type | None) -> str:
    struct = _bare(expected)
    known = [field.encode_name for field in struct.fields] if isinstance(struct, inspect.StructType) else []
    if name in {"password", "token", "username"}:
        where = path if path.startswith("spec.sources[") else "spec.source"
        return f"unknown field; credentials belong in the Secret that {where}.secretRef names"
    by_lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return (
        f"unknown field; did you mean {by_lower[close[0]]}?" if close else f"unknown field; known: {', '.join(known)}"
    )


def _mistyped(wanted: str, found: object, expected: inspect.Type | None, *, is_member: bool) -> str:
    kinds = [kind for kind in wanted.split(" | ") if kind != "null"]
    problem = f"must be {' or '.join(_WORDS.get(kind, kind) for kind in kinds)}, found {_shown(found)}"
    if "str" in kinds and isinstance(found, bool | int | float):
        return f"{problem}; put it in quotes"
    struct = _bare(expected)
    if is_member and isinstance(found, str) and isinstance(struct, inspect.StructType):
        required = [field.encode_name for field in struct.fields if field.required]
        return f"{problem}; write {required[0]}: {_short(found)}" if len(required) == 1 else problem
    return problem


def _bound(what: str, found: object, expected: inspect.Type | None) -> str:
    if what.startswith("Invalid enum value"):
        return f"must be {_allowed(expected)}, found {_shown(found)}"
    if "matching regex" in what:
        return f"must look like {_example(expected) or 'its description says'}, found {_shown(found)}"
    for pattern, problem in _BOUNDS:
        if match := pattern.fullmatch(what):
            shown = f", found {_shown(found)}" if isinstance(found, int | float) else ""
            return problem.format(match[1].removesuffix(".0")) + shown
    return what.replace("`", "")


def _allowed(expected: inspect.Type | None) -> str:
    choice = _bare(expected)
    return " or ".join(member.value for member in choice.cls) if isinstance(choice, inspect.EnumType) else "another"


def _expected(path: str, kind: type[msgspec.Struct]) -> inspect.Type | None:
    """Return what belongs at `path`, as its field declares it; None where nothing is known of it."""
    at: inspect.Type | None = inspect.type_info(kind)
    for _, _, name in _STEP.findall(path):
        at = _within(_bare(at), name)
    return at


def _within(at: inspect.Type | None, name: str) -> inspect.Type | None:
    if isinstance(at, inspect.StructType):
        return next((field.type for field in at.fields if field.encode_name == name), None)
    if isinstance(at, inspect.VarTupleType):
        return at.item_type
    return None


def _bare(at: inspect.Type | None) -> inspect.Type | None:
    """Return the type without what is told about it, and without null."""
    while isinstance(at, inspect.Metadata | inspect.UnionType):
        at = at.type if isinstance(at, inspect.Metadata) else _without_null(at)
    return at


def _without_null(union: inspect.UnionType) -> inspect.Type:
    return next(each for each in union.types if not isinstance(each, inspect.NoneType))


def _example(at: inspect.Type | None) -> str:
    """Return an example of the type's values, or nothing."""
    while isinstance(at, inspect.Metadata | inspect.UnionType):
        if isinstance(at, inspect.Metadata) and (examples := (at.extra_json_schema or {}).get("examples")):
            return str(examples[0])
        at = at.type if isinstance(at, inspect.Metadata) else _without_null(at)
    return ""


def _found(path: str, document: object) -> object:
    at: Any = document
    for index, key, name in _STEP.findall(path):
        if index and isinstance(at, list) and int(index) < len(at):
            at = at[int(index)]
        elif isinstance(at, dict):
            at = at.get(index or key or name)
        else:
            return None
    return at


def _offender(path: str, document: object) -> str:
    """Return the path of the text in the map at `path` that is none, or is too long."""
    texts = _found(path, document)
    entries = texts.items() if isinstance(texts, dict) else ()
    keys = sorted(entries, key=lambda entry: len(entry[1]) if isinstance(entry[1], str) else sys.maxsize)
    return f"{path}[{keys[-1][0]}]" if keys else path


def _shown(found: object) -> str:
    if isinstance(found, dict):
        return "a mapping"
    if isinstance(found, list):
        return "a list"
    return _short(msgspec.json.encode(_PRIVATE.sub("…", found) if isinstance(found, str) else found).decode())


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _joined(path: str, field: str) -> str:
    return ".".join(filter(None, (path, field)))
