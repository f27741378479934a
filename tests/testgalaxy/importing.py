"""Docs of a collection in the shape that a galaxy importer gives them, made of the plugins' own documentation.

A Galaxy server does not serve what is in the tarball: it serves what its importer made of it. This makes the same
shape (content entries by type and name, options and return values as lists of named members), with real sizes.
"""

import html
from collections.abc import Iterator, Mapping
from typing import Any

from testgalaxy.fragments import Fragments, extend, with_origin
from testgalaxy.yamldocs import load_yaml, plugin_strings

# Folders under plugins/ and what their files are called in the list of contents.
_UNDOCUMENTED = frozenset({"action", "doc_fragments", "module_utils"})
_TYPES = {"modules": "module"}
_PLUGIN_TYPES = """
    action become cache callback cliconf connection doc_fragments filter httpapi inventory lookup module module_utils
    netconf shell strategy terminal test vars
"""
_KNOWN = frozenset(_PLUGIN_TYPES.split())
_SUFFIXES = (".py", ".ps1", ".yml", ".yaml")
_LISTS_WITHIN = ("options", "suboptions", "contains")
_NOTHING = {"readme_file": None, "readme_html": None}


def docs_blob(collection: str, members: Mapping[str, bytes], readme: str, fragments: Fragments) -> dict[str, Any]:
    """What docs-blob/ has under `docs_blob`."""
    text = members.get(readme, b"").decode("utf-8", "replace")
    return {
        "collection_readme": {"name": readme, "html": _as_html(text)},
        "documentation_files": [],
        "contents": [*_plugins(collection, members, fragments), *_playbooks(members), *_roles(members)],
    }


def contents_of(blob: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`metadata.contents`: each entry with its short description."""
    listed = []
    for entry in blob["contents"]:
        doc = (entry["doc_strings"] or {}).get("doc") or {}
        description = doc.get("short_description")
        listed.append(
            {
                "name": entry["content_name"],
                "content_type": entry["content_type"],
                "description": str(description) if description is not None else None,
            }
        )
    return listed


def _as_html(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>" if text else ""


def _plugins(collection: str, members: Mapping[str, bytes], fragments: Fragments) -> Iterator[dict[str, Any]]:
    actions = {name for kind, name in _plugin_files(members) if kind == "action"}
    for (kind, name), paths in sorted(_plugin_files(members).items()):
        strings = None
        if kind not in _UNDOCUMENTED:
            strings = _doc_strings(collection, kind, name, {path: members[path] for path in paths}, fragments)
        if strings and kind == "module":
            strings["doc"]["has_action"] = name in actions
        yield {"content_name": name, "content_type": kind, "doc_strings": strings, **_NOTHING}


def _plugin_files(members: Mapping[str, bytes]) -> dict[tuple[str, str], list[str]]:
    """(type, name) of each plugin, with its files: the code and maybe its documentation beside it."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in members:
        folder, _, rest = path.removeprefix("plugins/").partition("/")
        kind = _TYPES.get(folder, folder)
        if not path.startswith("plugins/") or not rest or kind not in _KNOWN or not rest.endswith(_SUFFIXES):
            continue
        stem = rest.rpartition(".")[0].replace("/", ".")
        if stem.rpartition(".")[2] != "__init__":
            found.setdefault((kind, stem), []).append(path)
    return found


def _doc_strings(
    collection: str, kind: str, name: str, files: Mapping[str, bytes], fragments: Fragments
) -> dict[str, Any] | None:
    doc, examples, result, metadata = None, None, None, None
    for path, source in sorted(files.items()):
        if path.endswith((".yml", ".yaml")):
            loaded = load_yaml(source)
            sidecar = loaded if isinstance(loaded, dict) else {}
            doc, examples = sidecar.get("DOCUMENTATION") or doc, sidecar.get("EXAMPLES") or examples
            result = sidecar.get("RETURN") or result
        elif path.endswith(".py"):
            strings = plugin_strings(source)
            doc = load_yaml(strings["DOCUMENTATION"]) if isinstance(strings.get("DOCUMENTATION"), str) else doc
            examples = strings.get("EXAMPLES") or examples
            result = load_yaml(strings["RETURN"]) if isinstance(strings.get("RETURN"), str) else result
            metadata = strings.get("ANSIBLE_METADATA")
    if not isinstance(doc, dict):
        return None
    with_origin([doc, result], collection)
    extend(doc, collection, fragments)
    path = next(iter(sorted(files)))
    return {
        "doc": _normal_doc(doc, collection, kind, name, path),
        "examples": examples if isinstance(examples, str) else None,
        "metadata": metadata if isinstance(metadata, dict) else None,
        "return": _named_list(result) if isinstance(result, dict) else None,
    }


def _normal_doc(doc: dict[str, Any], collection: str, kind: str, name: str, path: str) -> dict[str, Any]:
    doc["collection"] = collection
    doc["filename"] = f"/tmp/import/ansible_collections/{collection.replace('.', '/')}/{path}"
    doc["plugin_name"] = f"{collection}.{name}"
    doc["module" if kind == "module" else "name"] = name
    if isinstance(doc.get("description"), str):
        doc["description"] = [doc["description"]]
    if isinstance(doc.get("options"), dict):
        doc["options"] = _named_list(doc["options"])
    return doc


def _named_list(members: dict[str, Any]) -> list[dict[str, Any]]:
    """A mapping of names as the importer gives it: a list by name, and so on within."""
    result = []
    for name, member in sorted(members.items()):
        entry: dict[str, Any] = {"name": name, **member} if isinstance(member, dict) else {"name": name}
        for key in _LISTS_WITHIN:
            within = entry.get(key)
            if isinstance(within, dict):
                entry[key] = _named_list(within)
        result.append(entry)
    return result


def _playbooks(members: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    for path in sorted(members):
        folder, _, file = path.partition("/")
        if folder == "playbooks" and "/" not in file and file.endswith((".yml", ".yaml")):
            yield {"content_name": file, "content_type": "playbook", "doc_strings": None, **_NOTHING}


def _roles(members: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    names = {path.split("/")[1] for path in members if path.startswith("roles/") and path.count("/") >= 2}
    for name in sorted(names):
        readme = members.get(f"roles/{name}/README.md")
        yield {
            "content_name": name,
            "content_type": "role",
            "doc_strings": None,
            "readme_file": "README.md" if readme is not None else None,
            "readme_html": _as_html(readme.decode("utf-8", "replace")) if readme is not None else None,
        }
