"""Documentation strings out of plugin files, without importing or even parsing the code around them.

Thousands of modules carry their docs as string literals at the beginning of a line. Finding those literals is a
hundred times cheaper than making a syntax tree of each file; where a file writes them otherwise, the tree is made.
"""

import ast
import contextlib
import math
import re
from typing import Any

import yaml

_NAMES = ("DOCUMENTATION", "EXAMPLES", "RETURN", "ANSIBLE_METADATA")
_LITERAL = re.compile(
    r"^(?P<name>DOCUMENTATION|EXAMPLES|RETURN)\s*=\s*(?P<prefix>[rRuU]?)(?P<quote>'''|\"\"\")(?P<text>.*?)(?P=quote)",
    re.DOTALL | re.MULTILINE,
)
_ASSIGNED = re.compile(r"^(DOCUMENTATION|EXAMPLES|RETURN|ANSIBLE_METADATA)\s*[=:]", re.MULTILINE)


class _Loader(yaml.CSafeLoader):
    """Dates stay strings: an importer's JSON knows no dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(text: str | bytes) -> Any:
    """Parsed YAML as JSON can hold it, or None for what is no YAML."""
    try:
        return as_json(yaml.load(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def as_json(value: Any) -> Any:
    """The value with every key a string, and nothing in it that JSON lacks."""
    if isinstance(value, dict):
        return {_key(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else {True: "true", False: "false", None: "null"}.get(key, str(key))


def plugin_strings(source: bytes) -> dict[str, Any]:
    """DOCUMENTATION, EXAMPLES, RETURN (strings) and ANSIBLE_METADATA (a dict), as far as a file assigns them."""
    text = source.decode("utf-8", "replace")
    assigned = set(_ASSIGNED.findall(text))
    if not assigned:
        return {}
    found: dict[str, Any] = {}
    for match in _LITERAL.finditer(text):
        name, prefix, quote, content = match.group("name", "prefix", "quote", "text")
        found.setdefault(name, content if prefix in ("r", "R") else _unescaped(prefix, quote, content))
    if assigned - found.keys():
        return {**assignments(text, _NAMES), **found}
    return found


def _unescaped(prefix: str, quote: str, content: str) -> str:
    if "\\" not in content:
        return content
    with contextlib.suppress(SyntaxError, ValueError):
        return str(ast.literal_eval(f"{prefix}{quote}{content}{quote}"))
    return content


def assignments(text: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The literals that a file's top level, or a class in it, assigns to these names."""
    found: dict[str, Any] = {}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return found
    for body in (tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))):
        for statement in body:
            if not isinstance(statement, ast.Assign):
                continue
            for target in statement.targets:
                if isinstance(target, ast.Name) and (target.id in names or not names):
                    with contextlib.suppress(ValueError):
                        found.setdefault(target.id, ast.literal_eval(statement.value))
    return found
