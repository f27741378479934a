"""From a path to an answer: the whole protocol as one pure function, without sockets.

The rows follow what a real Pulp was recorded to answer: legacy paths are redirected to another prefix, a missing slash
is put there by another redirect, an unknown collection has an empty list of versions but is itself not found.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from testgalaxy import rendering
from testgalaxy.catalog import Catalog, Collection, Version
from testgalaxy.documents import Document
from testgalaxy.layout import Layout
from testgalaxy.replies import HTML, Reply, artifact_reply, html_reply, json_reply, redirect

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
_NO_PAGE = (
    '<!doctype html>\n<html lang="en">\n<head><title>Not Found</title></head>\n<body><h1>Not Found</h1></body></html>\n'
)
_LEGACY = (
    (re.compile(r"/"), "/collections/"),
    (re.compile(r"/collections/all/"), "/collections/all-collections/"),
    (re.compile(r"/collection_versions/all/"), "/collections/all-versions/"),
    (re.compile(r"/collections/(?P<rest>.*)"), "/collections/index/{rest}"),
    (re.compile(r"/(?P<rest>namespaces/.*)"), "/{rest}"),
)


@dataclass(frozen=True)
class Asked:
    """A request by its parts, and what it turned out to ask for."""

    catalog: Catalog
    layout: Layout
    path: str
    query: str
    names: dict[str, str]

    def page_bounds(self) -> tuple[int, int]:
        """limit and offset: anything that is no number counts as not given."""
        given = parse_qs(self.query)
        limit, offset = given.get("limit", [""])[0], given.get("offset", [""])[0]
        return (
            min(int(limit), MAX_LIMIT) if limit.isdecimal() and int(limit) else DEFAULT_LIMIT,
            int(offset) if offset.isdecimal() else 0,
        )


@dataclass(frozen=True)
class Answer:
    """A reply and the kind of thing that was asked for, which request logs and faults go by."""

    kind: str
    reply: Reply


def answer(catalog: Catalog, layout: Layout, target: str) -> Answer:
    """What the server says to GET `target` (a raw path with its query)."""
    path, _, query = target.partition("?")
    asked = Asked(catalog, layout, path, query, {})
    if path in (layout.api, f"{layout.api}/"):
        return _root(asked)
    if path.startswith(layout.artifacts + "/"):
        return Answer("artifact", _stored_artifact(catalog, unquote(path[len(layout.artifacts) + 1 :])))
    for prefix in (layout.content, layout.links):
        if path.startswith(prefix + "/"):
            return _content(asked, path[len(prefix) :])
    legacy = f"{layout.api}/v3"
    if path == legacy or path.startswith(legacy + "/"):
        return _legacy(asked, path[len(legacy) :] or "")
    return Answer("unknown", html_reply(404, _NO_PAGE))


def _root(asked: Asked) -> Answer:
    if not asked.path.endswith("/") and asked.layout.redirects:
        return Answer("redirect", _with_slash(asked))
    return Answer("root", json_reply({"available_versions": {"v3": "v3/", "v1": "v1/"}, "current_version": "v3"}))


def _with_slash(asked: Asked) -> Reply:
    return redirect(f"{asked.path}/{'?' if asked.query else ''}{asked.query}", 301)


def _legacy(asked: Asked, rest: str) -> Answer:
    if not rest.endswith("/"):
        if asked.layout.redirects:
            return Answer("redirect", _with_slash(asked))
        rest += "/"
    for pattern, replacement in _LEGACY:
        if match := pattern.fullmatch(rest):
            modern = replacement.format(**match.groupdict())
            if asked.layout.redirects:
                location = f"{asked.layout.content}{modern}{'?' if asked.query else ''}{asked.query}"
                return Answer("redirect", redirect(location))
            return _content(asked, modern)
    return Answer("unknown", html_reply(404, _NO_PAGE))


def _content(asked: Asked, rest: str) -> Answer:
    if not rest.endswith("/") and not rest.startswith("/collections/artifacts/"):
        if asked.layout.redirects:
            return Answer("redirect", _with_slash(asked))
        rest += "/"
    for kind, pattern, view in _ROUTES:
        if match := pattern.fullmatch(rest):
            names = {key: unquote(value) for key, value in match.groupdict().items()}
            found = Asked(asked.catalog, asked.layout, asked.path, asked.query, names)
            return Answer(kind, view(found) or _not_found())
    return Answer("unknown", html_reply(404, _NO_PAGE))


def _not_found() -> Reply:
    return json_reply(rendering.errors(404, "not_found", "Not found."), 404)


def _published(asked: Asked) -> Reply:
    return json_reply({"published": asked.catalog.published})


def _collections(asked: Asked) -> Reply:
    found = asked.catalog.collections()
    limit, offset = asked.page_bounds()
    items = [rendering.collection_item(item, asked.layout) for item in found[offset : offset + limit]]
    return json_reply(rendering.page(items, count=len(found), path=asked.path, limit=limit, offset=offset))


def _collection(asked: Asked) -> Reply | None:
    found = _known(asked)
    return json_reply(rendering.collection_item(found, asked.layout)) if found else None


def _known(asked: Asked) -> Collection | None:
    return asked.catalog.collection(asked.names["namespace"], asked.names["name"])


def _versions(asked: Asked) -> Reply:
    found = asked.catalog.versions(asked.names["namespace"], asked.names["name"])
    limit, offset = asked.page_bounds()
    items = [rendering.version_item(item, asked.layout) for item in found[offset : offset + limit]]
    return json_reply(rendering.page(items, count=len(found), path=asked.path, limit=limit, offset=offset))


def _version(asked: Asked) -> Version | None:
    return asked.catalog.version(asked.names["namespace"], asked.names["name"], asked.names["version"])


def _detail(asked: Asked) -> Reply | None:
    found = _version(asked)
    return json_reply(found.detail_at(asked.layout)) if found else None


def _docs(asked: Asked) -> Reply | None:
    found = _version(asked)
    return json_reply(found.docs) if found and found.docs else None


def _all_collections(asked: Asked) -> Reply:
    return json_reply([rendering.collection_item(item, asked.layout) for item in asked.catalog.collections()])


def _all_versions(asked: Asked) -> Reply:
    """A real Pulp streams this list and calls it HTML: a client must not go by the content type."""
    separators = [b"[", *[b","] * (len(asked.catalog) - 1)]
    items = [rendering.summary_document(version, asked.layout) for version in asked.catalog.versions()]
    pieces = [piece for pair in zip(separators, items, strict=False) for piece in pair] or [b"["]
    return Reply(200, Document(*pieces, b"]"), {"Content-Type": HTML})


def _artifact(asked: Asked) -> Reply:
    filename = asked.names["filename"]
    if asked.layout.redirects:
        return redirect(f"{asked.layout.origin}{asked.layout.artifacts}/{filename}")
    return _stored_artifact(asked.catalog, filename)


def _stored_artifact(catalog: Catalog, filename: str) -> Reply:
    found = catalog.artifact(filename)
    if found is None or found.artifact is None:
        return Reply(404, _not_found().body, {"Content-Type": "text/plain; charset=utf-8"})
    return artifact_reply(found.artifact, found.sha256)


def _namespace(asked: Asked) -> Reply | None:
    name = asked.names["namespace"]
    if all(collection.namespace != name for collection in asked.catalog.collections()):
        return None
    empty = dict.fromkeys(("company", "email", "description", "resources"), "")
    rest: dict[str, object] = {"links": [], "avatar_sha256": None, "avatar_url": None, "metadata_sha256": None}
    return json_reply({"pulp_href": f"/pulp/api/v3/namespaces/{name}/", "name": name, **empty, **rest})


_ONE = r"/collections/index/(?P<namespace>[^/]*)/(?P<name>[^/]*)/"
_ROUTES: tuple[tuple[str, re.Pattern[str], Callable[[Asked], Reply | None]], ...] = tuple(
    (kind, re.compile(pattern), view)
    for kind, pattern, view in (
        ("docs", _ONE + r"versions/(?P<version>[^/]*)/docs-blob/", _docs),
        ("detail", _ONE + r"versions/(?P<version>[^/]*)/", _detail),
        ("versions", _ONE + r"versions/", _versions),
        ("collection", _ONE, _collection),
        ("collections", r"/collections/index/", _collections),
        ("collections", r"/collections/all-collections/", _all_collections),
        ("collections", r"/collections/all-versions/", _all_versions),
        ("artifact", r"/collections/artifacts/(?P<filename>[^/]*)", _artifact),
        ("namespace", r"/namespaces/(?P<namespace>[^/]*)/", _namespace),
        ("published", r"/collections/", _published),
    )
)
