"""YAML text to plain values, as strictly as a manifest deserves; imported only where a file is YAML.

Everything that YAML makes of a text by itself ends in surprises: a key that is given twice loses its first value, and a
date becomes an object that JSON cannot hold. It must construct nothing but what JSON has, and nothing much larger than
the text.
"""

from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_JSON_TAGS = {f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")}
_MERGE = f"{_TAG}merge"
_DEEPEST = 64
# Each merge writes its keys out once more, and doubles them where it is merged twice itself.
_MOST_MERGED = 100_000
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

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._flat: set[yaml.MappingNode] = set()
        self._merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put into a mapping what it merges, once, and refuse a key that it gives twice itself."""
        if node in self._flat:
            return
        _check_keys(node)
        for _, value in (pair for pair in node.value if pair[0].tag == _MERGE):
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(merged, yaml.MappingNode):
                    self.flatten_mapping(merged)
                    self._merged += len(merged.value)
                if self._merged > _MOST_MERGED:
                    raise UnreadableError(f"line {value.start_mark.line + 1}: the merges (<<) make too much of it")
        super().flatten_mapping(node)
        self._flat.add(node)


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise UnreadableError(f"line {line}: a key must be plain text")
        if key_node.value in seen and key_node.tag != _MERGE:
            raise UnreadableError(f"line {line}: {key_node.value!r} is given twice in one mapping")
        seen.add(key_node.value)


def document(text: str, what: str = "the manifest") -> object:
    """Return the one document of `text`; empty ones around it do not count. Messages call it `what`.

    Raises:
        UnreadableError: the text is not YAML, holds none or several documents, or repeats a key.
    """
    try:
        _check_depth(text, what)
        documents = [each for each in yaml.load_all(text, _Loader) if each is not None]
    except yaml.YAMLError as error:
        raise UnreadableError(f"{what} is not YAML: {_sentence(error)}") from error
    except UnreadableError:
        raise
    except ValueError as error:  # such as a number of thousands of digits
        raise UnreadableError(f"{what} is not YAML: {error}") from error
    if not documents:
        raise UnreadableError(f"{what} is empty")
    if len(documents) > 1:
        raise UnreadableError(f"{what} holds {len(documents)} documents; pass one, and no more")
    return documents[0]


def _check_depth(text: str, what: str) -> None:
    """Refuse what would overflow the stack: the composer recurses in C, where nothing else stops it."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise UnreadableError(f"{what} is nested too deeply")


def _sentence(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"
