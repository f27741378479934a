"""What a server wants nobody to mirror, as its `excludes/` says it: a requirements file without sources."""

import re

import msgspec

from collectionsync.galaxy.errors import ContentError

_NAME = re.compile(r"[A-Za-z0-9_]+\.[A-Za-z0-9_]+", re.ASCII)


class _Excludes(msgspec.Struct):
    collections: list[object] = []


def read_excludes(body: bytes | bytearray) -> tuple[list[tuple[str, str]], int]:
    """Return names (`namespace.name`) with the text of version ranges, and how many entries say no name.

    An entry is a name, or an object with a name and maybe a version; without one it is of every version. Many servers
    answer `[]`.

    Raises:
        ContentError: it is no list of excludes at all.
    """
    try:
        given = msgspec.json.decode(body, type=_Excludes | list[object] | None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ContentError("InvalidJSON", f"it is no list of excludes: {error}") from error
    entries = given.collections if isinstance(given, _Excludes) else given or []
    found = [exclude for entry in entries if (exclude := _read(entry)) is not None]
    return found, len(entries) - len(found)


def _read(entry: object) -> tuple[str, str] | None:
    name, version = (entry.get("name"), entry.get("version")) if isinstance(entry, dict) else (entry, None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    return name, "*" if version is None else str(version)
