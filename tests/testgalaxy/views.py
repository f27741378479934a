"""From a path to an answer: the whole protocol as one pure function, without sockets.

The rows follow what a real Pulp was recorded to answer: legacy paths are redirected to another prefix, a missing slash
is put there by another redirect, an unknown collection has an empty list of versions but is itself not found.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from testgalaxy import presigning, rendering
from testgalaxy.catalog import Catalog, Collection, Version
from testgalaxy.documents import Document
from testgalaxy.layout import Layout
from testgalaxy.namespaces import Namespace
from testgalaxy.replies import GZIP, HTML, Reply, artifact_reply, html_reply, json_reply, redirect

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
    for folder, view in _FOLDERS:
        if (rest := path.removeprefix(f"{getattr(layout, folder)}/")) != path:
            return view(asked, unquote(rest))
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
    if rest == "/excludes/":
        return Answer("excludes", _excludes(asked))
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
            reply = view(found) or _not_found()
            return Answer("redirect" if reply.is_redirect else kind, reply)
    return Answer("unknown", html_reply(404, _NO_PAGE))


def _not_found() -> Reply:
    return json_reply(rendering.errors(404, "not_found", "Not found."), 404)


def _published(asked: Asked) -> Reply:
    return json_reply({"published": asked.catalog.published})


def _excludes(asked: Asked) -> Reply:
    if asked.catalog.excludes is None:
        return html_reply(404, _NO_PAGE)
    return json_reply(asked.catalog.excludes)


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


def _all_collections(asked: Asked) -> Reply | None:
    if not asked.layout.unpaged:
        return None
    return json_reply([rendering.collection_item(item, asked.layout) for item in asked.catalog.collections()])


def _all_versions(asked: Asked) -> Reply | None:
    """A real Pulp streams this list and calls it HTML: a client must not go by the content type."""
    if not asked.layout.unpaged:
        return None
    separators = [b"[", *[b","] * (len(asked.catalog) - 1)]
    items = [rendering.summary_document(version, asked.layout) for version in asked.catalog.versions()]
    pieces = [piece for pair in zip(separators, items, strict=False) for piece in pair] or [b"["]
    return Reply(200, Document(*pieces, b"]"), {"Content-Type": HTML})


def _artifact(asked: Asked) -> Reply:
    filename = asked.names["filename"]
    if not asked.layout.redirects:
        return _stored_artifact(asked, filename).reply
    if "+" in filename:  # a Pulp's route takes no such name, although its content app has the file
        return json_reply({"detail": "Not found."}, 404)
    return redirect(f"{asked.layout.origin}{asked.layout.artifacts}/{filename}")


def _stored_artifact(asked: Asked, filename: str) -> Answer:
    found = asked.catalog.artifact(filename)
    if found is None or found.artifact is None:
        return Answer("artifact", Reply(404, _not_found().body, {"Content-Type": "text/plain; charset=utf-8"}))
    if asked.layout.storage:
        at = presigning.presigned(asked.layout.storage, found.sha256, filename, GZIP)
        return Answer("redirect", redirect(at))
    return Answer("artifact", artifact_reply(found.artifact, found.sha256))


def _namespace(asked: Asked) -> Reply | None:
    """A Pulp has only those that somebody described."""
    found = asked.catalog.namespace(asked.names["namespace"])
    return json_reply(found.document(asked.layout)) if found else None


def _avatar(asked: Asked, rest: str) -> Answer:
    found = asked.catalog.avatar(rest.removesuffix("/avatar/"))
    if found is None or found.avatar_sha256 is None:
        return Answer("avatar", html_reply(404, _NO_PAGE))
    if asked.layout.storage:
        filename = f"{found.name}-avatar"
        at = presigning.presigned(asked.layout.storage, found.avatar_sha256, filename, found.avatar_type)
    else:
        at = presigning.expiring(f"{asked.layout.media}/{found.id}")
    return Answer("redirect", redirect(at))


def _medium(asked: Asked, rest: str) -> Answer:
    found = asked.catalog.avatar(rest)
    if not presigning.is_expiring(f"{asked.path}?{asked.query}"):
        return Answer("avatar", Reply(403, Document(b"403: Forbidden"), {"Content-Type": "text/plain; charset=utf-8"}))
    return Answer("avatar", picture(found) if found else _not_found())


def picture(namespace: Namespace) -> Reply:
    """The avatar of a namespace that has one."""
    return Reply(200, Document(namespace.avatar or b""), {"Content-Type": namespace.avatar_type})


def _file(asked: Asked, rest: str) -> Answer:
    data = asked.catalog.files.get(rest)
    found = _not_found() if data is None else Reply(200, Document(data), {"Content-Type": "text/plain"})
    return Answer("file", found)


# Folders of the layout whose files have no API around them.
_FOLDERS: tuple[tuple[str, Callable[[Asked, str], Answer]], ...] = (
    ("artifacts", _stored_artifact),
    ("namespaces", _avatar),
    ("media", _medium),
    ("files", _file),
)

_ONE = r"/collections/index/(?P<namespace>[^/]*)/(?P<name>[^/]*)/"
_ROUTES: tuple[tuple[str, re.Pattern[str], Callable[[Asked], Reply | None]], ...] = tuple(
    (kind, re.compile(pattern), view)
    for kind, pattern, view in (
        ("docs", _ONE + r"versions/(?P<version>[^/]*)/docs-blob/", _docs),
        ("detail", _ONE + r"versions/(?P<version>[^/]*)/", _detail),
        ("versions", _ONE + r"versions/", _versions),
        ("collection", _ONE, _collection),
        ("collections", r"/collections/index/", _collections),
        ("all-collections", r"/collections/all-collections/", _all_collections),
        ("all-versions", r"/collections/all-versions/", _all_versions),
        ("artifact", r"/collections/artifacts/(?P<filename>[^/]*)", _artifact),
        ("namespace", r"/namespaces/(?P<namespace>[^/]*)/", _namespace),
        ("published", r"/collections/", _published),
    )
)
