"""What a requirements.yml asks for, read as ansible-galaxy reads it (Ansible's page "Installing collections").

Where ansible-galaxy stops with an error of any kind, this does so with a sentence. What a mirror has no use for, such
as roles, is named in a warning and passed over. A YAML parser is imported only where there is such a file.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from collectionsync.galaxy.versions import InvalidRange, Range
from collectionsync.manifest import ManifestError, check
from collectionsync.resource import CollectionRequirement, CollectionType
from collectionsync.rules import is_pinned

MAX_REQUIREMENTS_BYTES = 1024 * 1024
"""The largest file that is read, in bytes: as much as a ConfigMap holds."""

_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(CollectionRequirement) if field.name != "latest")
_FROM_ELSEWHERE = (
    "{} is not from a Galaxy server, and a mirror has only what one published; build the collection, upload it to one,"
    " and require it by its name"
)
_WITH_RANGE = re.compile(r"\w+\.\w+\s*[:=<>!~]")
_SHOWN = 60


class Requirements(NamedTuple):
    """The collections of a file, each range of each source once, and sentences on what was passed over."""

    collections: tuple[CollectionRequirement, ...]
    warnings: tuple[str, ...]


def read_requirements(data: bytes, *, path: str) -> Requirements:
    """Return what a requirements.yml asks for; `path` is what messages call the file.

    Two ranges of one collection are two requirements, and both are mirrored, though ansible-galaxy installs only what
    is in both. Whether a source is known is for those to judge who know the sources.

    Raises:
        ManifestError: the file, or one of its entries, cannot be used.
    """
    warnings = _Warnings()
    merged: dict[tuple[str, str, str | None], CollectionRequirement] = {}
    try:
        for index, entry in enumerate(_entries(_document(data), warnings)):
            requirement = _requirement(entry, index, warnings)
            key = (requirement.name, requirement.version, requirement.source)
            if key in merged:
                signatures = tuple(dict.fromkeys(merged[key].signatures + requirement.signatures))
                requirement = msgspec.structs.replace(requirement, signatures=signatures)
            merged[key] = requirement
    except ManifestError as error:
        raise ManifestError(path, str(error)) from error
    return Requirements(tuple(merged.values()), tuple(f"{path}: {sentence}" for sentence in warnings.sentences()))


class _Warnings:
    """What was passed over, told once for all entries of which it is true."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], str] = {}
        self._more: dict[tuple[str, str], int] = {}

    def add(self, field: str, problem: str, index: int | None = None) -> None:
        """Take note of a problem with a field: of the file, or of the entry with this index."""
        key = (_shortened(field), problem)
        if key in self._first:
            self._more[key] = self._more.get(key, 0) + 1
        else:
            self._first[key] = key[0] if index is None else f"collections[{index}].{key[0]}"

    def sentences(self) -> Iterator[str]:
        for key, where in self._first.items():
            more = f", and so it is with {self._more[key]} more" if key in self._more else ""
            yield f"{where}: {key[1]}{more}"


def _document(data: bytes) -> dict[Any, Any]:
    from collectionsync import manifest_yaml

    if len(data) > MAX_REQUIREMENTS_BYTES:
        raise ManifestError("", f"the file is larger than {MAX_REQUIREMENTS_BYTES} bytes")
    try:
        document = manifest_yaml.document(data.decode("utf-8-sig"), "the file")
    except UnicodeDecodeError as error:
        raise ManifestError("", f"the file is not text in UTF-8 (byte {error.start})") from error
    except manifest_yaml.UnreadableError as error:
        raise ManifestError("", str(error)) from error
    except RecursionError as error:
        raise ManifestError("", "the file is nested too deeply") from error
    if isinstance(document, list):
        raise ManifestError("", "the file is a list, which is how roles were written once; expected collections:")
    if not isinstance(document, dict):
        raise ManifestError("", "the file is no mapping; expected collections: and a list of them")
    return document


def _entries(document: dict[Any, Any], warnings: _Warnings) -> list[object]:
    for key, value in document.items():
        if key == "roles" and value:
            warnings.add("roles", "roles are passed over; a mirror has collections only")
        elif key not in ("roles", "collections"):
            warnings.add(str(key), "is neither collections nor roles, and is passed over")
    entries = document.get("collections")
    if entries is not None and not isinstance(entries, list):
        raise ManifestError("collections", "must be a list of names, or of mappings that have a name")
    if not entries:
        only = "roles only" if document.get("roles") else "no collections"
        raise ManifestError("collections", f"missing or empty: the file has {only}, and there is nothing to mirror")
    return entries


def _requirement(entry: object, index: int, warnings: _Warnings) -> CollectionRequirement:
    where = f"collections[{index}]"
    if isinstance(entry, str):
        entry = {"name": entry}
    if not isinstance(entry, dict):
        raise ManifestError(where, "must be a collection's name, or a mapping that has one")
    fields = _fields(entry, index, warnings)
    try:
        _check_origin(fields)
        requirement = msgspec.convert(fields, CollectionRequirement)
        if requirement.signatures and not is_pinned(requirement.version):
            warnings.add("signatures", "passed over, since each is of one version, and the range has more", index)
            requirement = msgspec.structs.replace(requirement, signatures=())
        check(requirement)
        Range.parse(requirement.version)
    except msgspec.ValidationError as error:
        from collectionsync.explanation import explain

        field, problem = explain(str(error), fields, CollectionRequirement)
        raise ManifestError(f"{where}.{field}", problem) from error
    except InvalidRange as error:
        raise ManifestError(f"{where}.version", str(error)) from error
    except ManifestError as error:
        raise ManifestError(f"{where}.{error.path}", error.problem) from error
    return requirement


def _fields(entry: dict[Any, Any], index: int, warnings: _Warnings) -> dict[str, Any]:
    """Return what of an entry means something, without what is empty and means the same as nothing."""
    for key in entry:
        if key not in _KEYS:
            warnings.add(str(key), "is no key that ansible-galaxy knows, and is passed over", index)
    fields = {key: entry[key] for key in _KEYS if key in entry}
    for key in ("source", "type", "signatures"):
        if fields.get(key) in (None, ""):
            fields.pop(key, None)
    signatures = fields.get("signatures", [])
    if isinstance(signatures, str):
        signatures = [signatures]
    if isinstance(signatures, list):
        local = [each for each in signatures if isinstance(each, str) and not each.startswith("https://")]
        if local:
            warnings.add("signatures", "those are passed over that are not at an https URL", index)
        fields["signatures"] = [each for each in signatures if each not in local]
    return fields


def _check_origin(fields: dict[str, Any]) -> None:
    kind, name = fields.get("type"), fields.get("name")
    if isinstance(kind, str) and kind != CollectionType.GALAXY:
        known = kind in set(CollectionType)
        raise ManifestError("type", _FROM_ELSEWHERE.format(kind) if known else f"must be galaxy, found {kind[:20]!r}")
    if not isinstance(name, str):
        return
    if kind is None and (name.startswith("git@") or "/" in name):
        raise ManifestError("name", _FROM_ELSEWHERE.format("what is named by a URL or a path"))
    if _WITH_RANGE.match(name):
        problem = "a range beside the name is for the command line of ansible-galaxy only; write name: and version:"
        raise ManifestError("name", problem)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
