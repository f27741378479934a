"""A request on its way through the server: what it asks for, and in whose name its answer speaks."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web


@dataclass(slots=True)
class Call:
    """What a route is asked. `path` is what the client asked for, and `origin` the host that it knows this server by.

    `base` is the path of the repository's API, without a slash at its end. What is `private` no shared cache may keep.
    """

    request: web.BaseRequest
    path: str
    values: Mapping[str, str]
    query: Mapping[str, str]
    origin: str = ""
    base: str = ""
    namespace: str = ""
    repository: str = ""
    private: bool = False

    @property
    def accept_encoding(self) -> str | None:
        """What encodings the client takes."""
        return self.request.headers.get("Accept-Encoding")

    @property
    def if_none_match(self) -> str | None:
        """The tags of the answers that the client has already."""
        return self.request.headers.get("If-None-Match")
