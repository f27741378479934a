"""The OpenAPI description of the server: the table of routes, told in the words of people and of code generators.

It is made when somebody asks for it, and only then is this imported. What answers look like is in shapes.py, and each
path is described once: with the slash at its end that the server itself writes.
"""

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec

from collectionsync import __version__
from collectionsync.server import shapes
from collectionsync.server.descriptions import (
    HEADERS,
    INFO,
    PATH_PARAMETERS,
    QUERY_SCHEMAS,
    REQUEST_HEADERS,
    RESPONSES,
    SECURITY,
    SECURITY_SCHEMES,
    TAGS,
    Part,
)
from collectionsync.server.routes import ROUTES, Parameter, Route, Scope

_EXAMPLE_URL = "https://galaxy.example.com"
_JSON = "application/json"
_SCHEMAS = "#/components/schemas/"
_VARIABLE = re.compile(r"\{(\w+)\}")
# Paths of files, which have no other spelling in any link.
_FILES = ("artifact", "index", "health", "ready", "openapi")


@dataclass(frozen=True)
class _Kind:
    """What the routes of one label have in common: `answer` is the type or the schema of what they answer.

    `also` are responses that other routes do not have, and `headers` what may be asked with.
    """

    tag: str
    answer: Any
    content_type: str = _JSON
    also: tuple[str, ...] = ()
    headers: tuple[str, ...] = ("If-None-Match",)


_KINDS = {
    "index": _Kind("Server", {"type": "string"}, "text/plain"),
    "health": _Kind("Server", shapes.Healthy),
    "ready": _Kind("Server", shapes.Healthy, also=("Unready",)),
    "openapi": _Kind("Server", {"type": "object"}),
    "root": _Kind("Repository", shapes.Root),
    "published": _Kind("Repository", shapes.Published),
    "collections": _Kind("Collections", shapes.CollectionPage),
    "collection": _Kind("Collections", shapes.Collection),
    "versions": _Kind("Collections", shapes.VersionPage),
    "version": _Kind("Collections", shapes.VersionDetail),
    "docs-blob": _Kind("Collections", shapes.Docs),
    "all-collections": _Kind("Collections", list[shapes.Collection]),
    "all-versions": _Kind("Collections", list[shapes.VersionSummary]),
    "artifact": _Kind(
        *("Collections", {}, "application/gzip"),
        also=("Part", "Elsewhere", "ConditionFailed", "NoSuchPart"),
        headers=tuple(REQUEST_HEADERS),
    ),
    "namespaces": _Kind("Namespaces", shapes.NamespacePage),
    "namespace": _Kind("Namespaces", shapes.Namespace),
    "avatar": _Kind("Namespaces", {}, "image/*"),
}
_ALWAYS = ("NotModified", "Invalid", "NotAllowed")
_OF_REPOSITORIES = ("NotAuthenticated", "NotFound", "Unavailable")


def description(url: str) -> Part:
    """Return the description of a server that clients reach by `url`, which has no slash at its end."""
    answers, components = _schemas()
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "collectionsync",
            "version": __version__,
            "summary": "A mirror of Ansible collections.",
            "description": INFO.format(url=url),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": _paths(answers),
        "components": {
            "schemas": components,
            "parameters": {**PATH_PARAMETERS, **REQUEST_HEADERS},
            "responses": {name: response for name, (_, response) in RESPONSES.items()},
            "headers": HEADERS,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _schemas() -> tuple[dict[str, Part], dict[str, Part]]:
    """Return the schema of each label's answer, and the components that they refer to."""
    labels = [label for label, kind in _KINDS.items() if not isinstance(kind.answer, dict)]
    types = [*(_KINDS[label].answer for label in labels), shapes.Unready, shapes.Errors]
    schemas, components = msgspec.json.schema_components(types, ref_template=_SCHEMAS + "{name}")
    found = dict(zip(labels, schemas[: len(labels)], strict=True))
    return {label: found.get(label, kind.answer) for label, kind in _KINDS.items()}, components


def _paths(answers: dict[str, Part]) -> Part:
    first: dict[str, str] = {}
    spellings: Counter[str] = Counter()
    paths: Part = {}
    # An alias says what it is an alias of, so that comes first.
    for route in sorted(ROUTES, key=lambda route: route.alias):
        path = _path(route)
        spellings[route.label] += 1
        number = spellings[route.label]
        operation = _operation(route, answers[route.label])
        operation["operationId"] = route.label if number == 1 else f"{route.label}-{number}"
        if number > 1:
            asked = " Clients of a Pulp ask for it here." if "/plugin/" in path else ""
            operation["description"] = f"The same as `{first[route.label]}`.{asked}"
        first.setdefault(route.label, path)
        paths[path] = {
            "parameters": [_reference("parameters", name) for name in _VARIABLE.findall(path)],
            "get": operation,
        }
    return paths


def _path(route: Route) -> str:
    path = route.path if route.label in _FILES else f"{route.path}/"
    return f"{route.scope.value}{path}" if route.scope is Scope.REPOSITORY else path


def _operation(route: Route, answer: Part) -> Part:
    kind = _KINDS[route.label]
    names = (*kind.also, *_ALWAYS, *(_OF_REPOSITORIES if route.scope is Scope.REPOSITORY else ()))
    responses = {RESPONSES[name][0]: _reference("responses", name) for name in names}
    headers = {name: _reference("headers", name) for name in ("ETag", "Cache-Control")}
    responses["200"] = {
        "description": "What was asked for.",
        "headers": headers,
        "content": {kind.content_type: _media(answer)},
    }
    operation: Part = {
        "tags": [kind.tag],
        "summary": (route.handler.__doc__ or "").strip(),
        "operationId": "",
        "parameters": [*map(_query, route.query), *(_reference("parameters", name) for name in kind.headers)],
        "responses": dict(sorted(responses.items())),
    }
    if route.scope is Scope.REPOSITORY:
        operation["security"] = SECURITY
    return operation


def _media(schema: Part) -> Part:
    return {"schema": schema} if schema else {}


def _query(parameter: Parameter) -> Part:
    schema = QUERY_SCHEMAS.get(parameter.name) or QUERY_SCHEMAS[parameter.kind]
    return {"name": parameter.name, "in": "query", "description": parameter.description, "schema": schema}


def _reference(section: str, name: str) -> Part:
    return {"$ref": f"#/components/{section}/{name}"}


def render() -> str:
    """Return the description as a file of text, the same each time."""
    return json.dumps(description(_EXAMPLE_URL), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
