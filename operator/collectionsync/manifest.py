"""From a file to a CollectionSync, with the same refusals that the API server has, each in one clear sentence.

The worker reads its manifest through this. It imports yaml for a YAML manifest only, since that costs a megabyte which
a Job never needs, and it neither looks into Secrets nor talks to anything: version ranges, cron expressions and time
zones are judged by those who understand them.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from collectionsync.pod_template import ImagePullSecret
from collectionsync.resource import API_VERSION, KIND, CollectionRequirement, CollectionSync, Exclude
from collectionsync.rules import RULES, Rule
from collectionsync.source import NamedSource

MAX_MANIFEST_BYTES = 1536 * 1024
"""The largest manifest that is read, in bytes: as much as etcd takes in one request by default."""

# What the API server tells apart in lists that are maps (x-kubernetes-list-map-keys).
_LIST_KEYS: dict[type[msgspec.Struct], tuple[str, ...]] = {
    CollectionRequirement: ("name",),
    Exclude: ("name", "version"),
    ImagePullSecret: ("name",),
    NamedSource: ("name",),
}
# Free text, which may well end in a line break.
_FREE_TEXT = frozenset({"suspendReason"})


class ManifestError(ValueError):
    """A manifest that cannot be used as it is.

    `path` leads to what is at fault, such as `spec.collections[3].name`, and is empty for the file as a whole;
    `problem` says what is wrong with it and, where that helps, what to write instead.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


class _Head(msgspec.Struct, rename="camel"):
    api_version: object = None
    kind: object = None


def load(data: bytes) -> CollectionSync:
    """Return the resource that a manifest holds: as JSON where its first character is `{`, as YAML otherwise.

    Raises:
        ManifestError: it is not one whole and valid CollectionSync.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise ManifestError("", f"the manifest is larger than {MAX_MANIFEST_BYTES} bytes, which no cluster would take")
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ManifestError("", f"the manifest is not text in UTF-8 (byte {error.start})") from error
    if not text:
        raise ManifestError("", "the manifest is empty")
    try:
        return _from_json(text.encode()) if text.startswith("{") else from_object(_from_yaml(text))
    except RecursionError as error:
        raise ManifestError("", "the manifest is nested too deeply") from error


def from_object(document: object) -> CollectionSync:
    """Return the resource that a decoded document holds, such as the body that a cluster's API answers.

    Raises:
        ManifestError: it is not a valid CollectionSync.
    """
    if not isinstance(document, Mapping):
        raise ManifestError("", "the manifest is no mapping; expected apiVersion, kind, metadata and spec")
    _check_head(document.get("apiVersion"), document.get("kind"))
    body = {key: value for key, value in document.items() if key != "status"}
    try:
        resource = msgspec.convert(body, CollectionSync)
    except msgspec.ValidationError as error:
        raise _explained(error, body) from error
    check(resource)
    return resource


def _from_json(data: bytes) -> CollectionSync:
    try:
        head = msgspec.json.decode(data, type=_Head)
        _check_head(head.api_version, head.kind)
        resource = msgspec.json.decode(data, type=CollectionSync)
    except msgspec.ValidationError as error:
        raise _explained(error, _plain(data)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestError("", f"the manifest starts with {{ and is not JSON: {error}") from error
    check(resource)
    return resource


def _plain(data: bytes) -> object:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _from_yaml(text: str) -> object:
    from collectionsync import manifest_yaml

    try:
        return manifest_yaml.document(text)
    except manifest_yaml.UnreadableError as error:
        raise ManifestError("", str(error)) from error


def _explained(error: msgspec.ValidationError, document: object) -> ManifestError:
    from collectionsync.explanation import explain

    return ManifestError(*explain(str(error), document))


def _check_head(api_version: object, kind: object) -> None:
    if isinstance(kind, str) and kind.endswith("List") and kind != KIND:
        raise ManifestError("kind", f"a {kind} holds several objects; pass one {KIND} in a manifest")
    for path, found, expected in (("apiVersion", api_version, API_VERSION), ("kind", kind, KIND)):
        if found is None:
            raise ManifestError(path, f"missing; expected {expected}")
        if found != expected:
            # Never the text of a whole document: with aliases, a short one can be endless.
            shown = repr(found[:80]) if isinstance(found, str) else "no text"
            raise ManifestError(path, f"expected {expected}, found {shown}")


def check(whole: msgspec.Struct) -> None:
    """Hold a part of a resource, and all that is within, against the rules; paths begin at `whole`.

    Raises:
        ManifestError: it breaks one of them.
    """
    for path, part in _parts("", whole):
        _check_line_ends(path, part)
        for rule in RULES:
            if isinstance(part, rule.on):
                _check_rule(path, part, rule)


def _check_rule(path: str, part: msgspec.Struct, rule: Rule) -> None:
    value = _field(part, rule.field) if rule.of_field else part
    if rule.holds is None or value is None:
        return
    problem = rule.message.removeprefix(rule.field).lstrip(": ")
    if rule.of_field:
        problem = f"{problem}, found {str(value) if isinstance(value, StrEnum) else value!r}"
    try:
        held = rule.holds(value)
    except ValueError as error:
        held, problem = False, str(error)
    if not held:
        raise ManifestError(_joined(path, rule.field), problem)


def _check_line_ends(path: str, part: msgspec.Struct) -> None:
    """Refuse texts that end in a line break: Python's `$` admits one where the API server's does not."""
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and text.endswith("\n") and field.encode_name not in _FREE_TEXT:
                raise ManifestError(_joined(path, field.encode_name), "ends in a line break; write it on one line")


class _Step(NamedTuple):
    path: str
    part: msgspec.Struct


def _parts(path: str, part: msgspec.Struct) -> Iterator[_Step]:
    """Yield `part` and every struct within, with its path; lists that are maps are checked on the way."""
    yield _Step(path, part)
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        where = _joined(path, field.encode_name)
        if isinstance(value, msgspec.Struct):
            yield from _parts(where, value)
        elif isinstance(value, list | tuple):
            yield from _members(where, value)


def _members(path: str, members: list[Any] | tuple[Any, ...]) -> Iterator[_Step]:
    first: dict[tuple[str, ...], int] = {}
    for index, member in enumerate(members):
        if not isinstance(member, msgspec.Struct):
            continue
        if keys := _LIST_KEYS.get(type(member)):
            identity = tuple(getattr(member, key) for key in keys)
            earlier = first.setdefault(identity, index)
            if earlier != index:
                raise ManifestError(f"{path}[{index}].name", f"{identity[0]} is listed already, as {path}[{earlier}]")
        yield from _parts(f"{path}[{index}]", member)


def _field(part: msgspec.Struct, name: str) -> Any:
    return next(getattr(part, each.name) for each in msgspec.structs.fields(part) if each.encode_name == name)


def _joined(path: str, field: str) -> str:
    return ".".join(filter(None, (path, field)))
