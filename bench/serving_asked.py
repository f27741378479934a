"""What both servers are asked: the routes, and the paths of each, the same versions in the same order. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote

PAGE = 100
"""Items of a page, which is the most that either server gives."""


class Route(StrEnum):
    """What is asked for."""

    COLLECTIONS = "collections"
    VERSIONS = "versions"
    DETAIL = "version"
    DOCS = "docs-blob"
    ARTIFACT = "artifact"


class Release(NamedTuple):
    """A version that both have."""

    namespace: str
    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server has its lists and its artifacts: an origin and a path each, the path without its last slash.

    They are the places that answer by themselves: no request is redirected.
    """

    api: str
    collections: str
    content: str
    artifacts: str

    def origin(self, route: Route) -> str:
        """Return the origin that has a route."""
        return self.content if route is Route.ARTIFACT else self.api

    def paths(self, route: Route, releases: Sequence[Release]) -> list[str]:
        """Return every path of a route, in an order that is always the same and has no order in it.

        A server that is slow gets to fewer of them than one that is fast, and must not find the small ones first.
        """
        found = sorted(set(self._paths(route, releases)))
        random.Random(0).shuffle(found)
        return found

    def _paths(self, route: Route, releases: Sequence[Release]) -> Iterator[str]:
        if route is Route.COLLECTIONS:
            yield f"{self.collections}/?limit={PAGE}"
            return
        for each in releases:
            versions = f"{self.collections}/{each.namespace}/{each.name}/versions/"
            if route is Route.VERSIONS:
                yield f"{versions}?limit={PAGE}"
            elif route is Route.ARTIFACT:
                yield f"{self.artifacts}/{quote(f'{each.namespace}-{each.name}-{each.version}.tar.gz')}"
            else:
                yield f"{versions}{quote(each.version)}/{'docs-blob/' if route is Route.DOCS else ''}"
