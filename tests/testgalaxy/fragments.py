"""Documentation fragments: pieces of docs that many plugins share, merged in as ansible-doc does it.

`extends_documentation_fragment` names a file of plugins/doc_fragments/, in the plugin's own collection, in another one
or in ansible-core, and maybe an attribute in it. What cannot be found is left out: better some docs than none.
"""

import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from testgalaxy.yamldocs import assignments, load_yaml

FOLDER = "plugins/doc_fragments/"


class Fragments:
    """The fragments of all collections that were seen; parsed when first used."""

    def __init__(self) -> None:
        self._sources: dict[str, bytes] = {}
        self._parsed: dict[str, dict[str, Any]] = {}

    def see(self, collection: str, path: str, source: bytes) -> None:
        """Keep a file of a collection if it is one of fragments."""
        if path.startswith(FOLDER) and path.endswith(".py"):
            stem = path[len(FOLDER) : -len(".py")].replace("/", ".")
            self._sources[f"{collection}.{stem}"] = source

    def find(self, name: str) -> dict[str, Any] | None:
        """A fragment by its full name: `ns.name.file`, or `ns.name.file.attribute`."""
        for file, attribute in ((name, "DOCUMENTATION"), (name.rpartition(".")[0], name.rpartition(".")[2].upper())):
            fragment = self._file(file).get(attribute)
            if isinstance(fragment, dict):
                return fragment
        return None

    def _file(self, name: str) -> dict[str, Any]:
        if name not in self._parsed:
            source = self._sources.get(name)
            if source is None and name.startswith("ansible.builtin."):
                source = _builtin(name.removeprefix("ansible.builtin."))
            text = (source or b"").decode("utf-8", "replace")
            strings = assignments(text, ()) if text else {}
            self._parsed[name] = {
                key: with_origin(load_yaml(value), ".".join(name.split(".")[:2]))
                for key, value in strings.items()
                if key.isupper() and isinstance(value, str)
            }
        return self._parsed[name]


def with_origin(value: Any, collection: str) -> Any:
    """Say beside every `version_added` whose version that is, where nothing says so yet."""
    if isinstance(value, list):
        for item in value:
            with_origin(item, collection)
    elif isinstance(value, dict):
        for item in value.values():
            with_origin(item, collection)
        if isinstance(value.get("version_added"), str | int | float):
            value["version_added"] = str(value["version_added"])
            value.setdefault("version_added_collection", collection)
    return value


@cache
def _core_folder() -> Path | None:
    spec = importlib.util.find_spec("ansible")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) / FOLDER if places else None


def _builtin(stem: str) -> bytes | None:
    folder = _core_folder()
    path = folder / f"{stem}.py" if folder else None
    return path.read_bytes() if path and path.is_file() else None


def extend(doc: dict[str, Any], collection: str, fragments: Fragments) -> None:
    """Merge the fragments that a plugin's documentation asks for into it."""
    for name in _names(doc.pop("extends_documentation_fragment", None)):
        fragment = _lookup(name.strip(), collection, fragments)
        if fragment is not None:
            _merge(doc, fragment)


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [name for name in value.split(",") if name.strip()]
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _lookup(name: str, collection: str, fragments: Fragments) -> dict[str, Any] | None:
    candidates: Iterable[str] = (name, f"{collection}.{name}", f"ansible.builtin.{name}")
    return next((found for candidate in candidates if (found := fragments.find(candidate)) is not None), None)


def _merge(doc: dict[str, Any], fragment: dict[str, Any]) -> None:
    for key, value in fragment.items():
        own = doc.get(key)
        if own is None:
            doc[key] = value
        elif isinstance(own, dict) and isinstance(value, dict):
            doc[key] = _united(value, own)
        elif isinstance(own, list) and isinstance(value, list):
            doc[key] = [*value, *own]


def _united(fragment: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The plugin's own word comes before the fragment's, option by option."""
    united = dict(fragment)
    for name, value in own.items():
        shared = united.get(name)
        both = isinstance(shared, dict) and isinstance(value, dict)
        united[name] = {**shared, **value} if both and isinstance(shared, dict) else value
    return united
