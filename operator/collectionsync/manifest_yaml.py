"""YAML text to plain values, as strictly as a manifest deserves; imported only where a manifest is YAML.

Everything that YAML makes of a text by itself ends in surprises: a key that is given twice loses its first value, and a
date becomes an object that JSON cannot hold. It must construct nothing but what JSON has.
"""

from collections.abc import Hashable
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_JSON_TAGS = {f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")}
_MERGE = f"{_TAG}merge"
_DEEPEST = 64
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UnreadableError(ValueError):
    """A text that is not one YAML document; the message is a sentence for people."""


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader without repeated keys, and without all that JSON does not have."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as yaml declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag in {*_JSON_TAGS, _MERGE}]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012 - as yaml declares it
        tag: constructor
        for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag in _JSON_TAGS
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                raise UnreadableError(f"line {key_node.start_mark.line + 1}: a key must be plain text")
            if key in seen and key_node.tag != _MERGE:
                raise UnreadableError(f"line {key_node.start_mark.line + 1}: {key!r} is given twice in one mapping")
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def document(text: str) -> object:
    """Return the one document of `text`; empty ones around it do not count.

    Raises:
        UnreadableError: the text is not YAML, holds none or several documents, or repeats a key.
    """
    try:
        _check_depth(text)
        documents = [each for each in yaml.load_all(text, _Loader) if each is not None]
    except yaml.YAMLError as error:
        raise UnreadableError(f"the manifest is not YAML: {_sentence(error)}") from error
    except UnreadableError:
        raise
    except ValueError as error:  # such as a number of thousands of digits
        raise UnreadableError(f"the manifest is not YAML: {error}") from error
    if not documents:
        raise UnreadableError("the manifest is empty")
    if len(documents) > 1:
        raise UnreadableError(f"the manifest holds {len(documents)} documents; pass one CollectionSync in a manifest")
    return documents[0]


def _check_depth(text: str) -> None:
    """Refuse what would overflow the stack: the composer recurses in C, where nothing else stops it."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise UnreadableError("the manifest is nested too deeply")


def _sentence(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"
