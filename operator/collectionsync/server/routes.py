"""Every path of the server, in one table: requests are matched by it, and the OpenAPI description is made from it."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from collectionsync.server import api, health, whole_lists
from collectionsync.server.answers import Answer
from collectionsync.server.call import Call
from collectionsync.server.holdings import Holdings

Handler = Callable[[Holdings, Call], Awaitable[Answer]]


class Scope(Enum):
    """What a path begins with, and so whose right to read decides."""

    SERVER = "the server itself: for everybody"
    REPOSITORY = "/{repository_namespace}/{repository}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query; `kind` is integer, boolean or string."""

    name: str
    kind: str
    description: str


@dataclass(frozen=True, slots=True)
class Route:
    """A path with its variables in braces, what metrics call it, and who answers. Each is there with a last slash too.

    An `alias` is another way to what the table has already. A `probe` is asked by whoever watches the process, by
    whatever address it has. What `streams` is never in memory as a whole.
    """

    path: str
    label: str
    handler: Handler
    query: tuple[Parameter, ...] = ()
    scope: Scope = Scope.REPOSITORY
    alias: bool = False
    probe: bool = False
    streams: bool = False


_PAGE = (
    Parameter("limit", "integer", "How many items a page has: 10 unless said otherwise, and 100 at the most."),
    Parameter("offset", "integer", "How many items come before the page."),
)
_FILTERS = (
    Parameter("namespace", "string", "Only collections of this namespace."),
    Parameter("name", "string", "Only collections of this name."),
    Parameter("deprecated", "boolean", "Only deprecated collections, or only others."),
)
_CONTENT = "/api/v3/plugin/ansible/content/{content}"
_VERSIONS = "/{namespace}/{name}/versions"

_SERVER_ROUTES = (
    Route("/", "index", health.index, scope=Scope.SERVER),
    Route("/healthz", "health", health.healthy, scope=Scope.SERVER, probe=True),
    Route("/readyz", "ready", health.ready, scope=Scope.SERVER, probe=True),
    Route("/openapi.json", "openapi", health.openapi, scope=Scope.SERVER),
)


def _api_routes() -> Iterable[Route]:
    yield Route("", "root", api.repository_root, alias=True)
    yield Route("/api", "root", api.root)
    yield Route("/api/v3", "published", api.published)
    for prefix, alias in (("/api/v3/collections", False), (f"{_CONTENT}/collections/index", True)):
        yield Route(prefix, "collections", api.collections, (*_PAGE, *_FILTERS), alias=alias)
        yield Route(f"{prefix}/{{namespace}}/{{name}}", "collection", api.collection, alias=alias)
        yield Route(f"{prefix}{_VERSIONS}", "versions", api.versions, _PAGE, alias=alias)
        yield Route(f"{prefix}{_VERSIONS}/{{version}}", "version", api.version, alias=alias)
        yield Route(f"{prefix}{_VERSIONS}/{{version}}/docs-blob", "docs-blob", api.docs_blob, alias=alias)
    for path in ("/api/v3/collections/all", f"{_CONTENT}/collections/all-collections", f"{_CONTENT}/collections/all"):
        yield Route(path, "all-collections", whole_lists.all_collections, alias=path.startswith(_CONTENT))
    for path in ("/api/v3/collection_versions/all", f"{_CONTENT}/collections/all-versions"):
        yield Route(path, "all-versions", whole_lists.all_versions, alias=path.startswith(_CONTENT))
    for prefix, alias in (("/api/v3/namespaces", False), (f"{_CONTENT}/namespaces", True)):
        yield Route(prefix, "namespaces", api.namespaces, _PAGE, alias=alias)
        yield Route(f"{prefix}/{{namespace}}", "namespace", api.namespace, alias=alias)
        yield Route(f"{prefix}/{{namespace}}/avatar", "avatar", api.avatar, alias=alias)
    yield Route(f"{_CONTENT}/collections/artifacts/{{filename}}", "artifact", api.artifact, streams=True)


ROUTES: tuple[Route, ...] = (*_SERVER_ROUTES, *_api_routes())
"""All paths, those of a repository without `/{repository_namespace}/{repository}` before them."""


@dataclass(frozen=True, slots=True)
class Found:
    """A route, and what its path's variables are.

    For a repository `owner` is its namespace and name, and `base` the path of its API, without a slash at its end.
    """

    route: Route
    values: Mapping[str, str]
    owner: tuple[str, str] | None = None
    base: str = ""


class Router:
    """Finds the route of a path's segments; `default` is the repository that is also served at /api."""

    def __init__(self, default: tuple[str, str] | None = None) -> None:
        self._default = default
        self._tables: dict[Scope, dict[int, list[tuple[tuple[str, ...], Route]]]] = {
            scope: defaultdict(list) for scope in Scope
        }
        for route in ROUTES:
            segments = tuple(filter(None, route.path.split("/")))
            self._tables[route.scope][len(segments)].append((segments, route))

    def find(self, segments: tuple[str, ...]) -> Found | None:
        """Return where these lead; None where nowhere."""
        if self._default and segments[:1] in ((), ("api",)):
            match = self._match(Scope.REPOSITORY, segments)
            if match is not None:
                return Found(*match, self._default, "/api")
        match = self._match(Scope.SERVER, segments)
        if match is not None:
            return Found(*match)
        match = self._match(Scope.REPOSITORY, segments[2:]) if len(segments) >= 2 else None
        if match is None:
            return None
        namespace, name = segments[:2]
        return Found(*match, (namespace, name), f"/{quote(namespace)}/{quote(name)}/api")

    def _match(self, scope: Scope, segments: tuple[str, ...]) -> tuple[Route, dict[str, str]] | None:
        """Return the first route of the table that fits; words come before variables there."""
        for template, route in self._tables[scope].get(len(segments), ()):
            values: dict[str, str] = {}
            for expected, given in zip(template, segments, strict=True):
                if expected[0] == "{":
                    values[expected[1:-1]] = given
                elif expected != given:
                    break
            else:
                return route, values
        return None
