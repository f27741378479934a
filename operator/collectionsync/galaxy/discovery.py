"""Where a server has its v3 API: at the URL that a person wrote down, or at `api/` below it."""

from collections.abc import Awaitable, Callable

import msgspec
from yarl import URL

from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    NotFoundError,
    TransientError,
    shown,
)
from collectionsync.galaxy.links import folder, resolve_within


class Root(msgspec.Struct):
    """What a Galaxy says of itself."""

    available_versions: dict[str, object]


async def find_api(ask: Callable[[URL], Awaitable[tuple[Root, URL]]], url: URL) -> URL:
    """Return where the v3 API is, which ends in a slash. `ask` brings what is at a URL, and says where it really was.

    Raises:
        GalaxyError: neither place answers, or what answers speaks no v3.
    """
    refusals: list[GalaxyError] = []
    for place in discovery_urls(url):
        try:
            root, at = await ask(place)
        except (ContentError, NotFoundError) as error:
            refusals.append(error)
        except TransientError as error:
            if error.reason != "Forbidden":
                raise
            refusals.append(error)
        else:
            return _v3(root, at)
    told = "; ".join(map(str, refusals))
    if any(error.reason == "Forbidden" for error in refusals):
        raise AuthenticationError(f"{told}; check the Secret with its credentials") from refusals[-1]
    raise ContentError("NotGalaxy", f"no Galaxy API at {shown(url)}: {told}") from refusals[-1]


def discovery_urls(url: URL) -> tuple[URL, ...]:
    """Return where to look for the API, one after the other; `url` ends in a slash. As ansible-galaxy does."""
    below = url.join(URL("api/"))
    return (below,) if url.host == "galaxy.ansible.com" and url.path == "/" else (url, below)


def _v3(root: Root, at: URL) -> URL:
    """Return where the v3 API is. Its path is below the root, as ansible-galaxy reads it."""
    path = root.available_versions.get("v3")
    if not isinstance(path, str) or not path.strip("/"):
        spoken = ", ".join(sorted(root.available_versions)) or "nothing"
        raise ContentError("NotGalaxy", f"{shown(at)} speaks {shown(spoken)}; a Galaxy v3 API is needed")
    return resolve_within(folder(at), path.strip("/") + "/", what="its v3 API")
