"""Where a server's links may lead, and what redirects teach about where its things are."""

from urllib.parse import quote

from yarl import URL

from collectionsync.galaxy.credentials import origin_of
from collectionsync.galaxy.errors import ContentError, shown
from collectionsync.galaxy.transport import resolve


def folder(url: URL) -> URL:
    """Return the URL, without its query, as one that others can be below."""
    return url.with_path(url.raw_path.rstrip("/") + "/", encoded=True)


def same_origin(one: URL, other: URL) -> bool:
    """Say whether two URLs have scheme, host and port in common (RFC 6454)."""
    return origin_of(one) == origin_of(other)


def resolve_within(base: URL, link: str, *, what: str) -> URL:
    """Return where a link on `base` leads, which must be on the same host; `what` it is for is told in the error.

    Raises:
        ContentError: it is no URL, or one of another host.
    """
    found = resolve(base, link, reason="InvalidLink")
    if not same_origin(found, base):
        raise ContentError("InvalidLink", f"{shown(base)} names another host for {what}: {shown(found)}")
    return found


def path_of(*names: str) -> str:
    """Return a path of these names, each of which stays one segment whatever is in it."""
    return "".join(f"{_segment(name)}/" for name in names)


def _segment(name: str) -> str:
    quoted = quote(name, safe="+")
    return quoted.replace(".", "%2E") if quoted in (".", "..") else quoted


class Place:
    """Where the things of one kind are: below a legacy path, until a redirect says where they really are.

    Pulp redirects every legacy path, to another prefix of the same host: asking there at once halves the requests.
    """

    def __init__(self, url: URL) -> None:
        self.url = url

    def at(self, path: str) -> URL:
        """Return where a thing of this path is; the path may be empty."""
        return self.url.join(URL(path, encoded=True)) if path else self.url

    def learn(self, asked: URL, path: str, found: URL) -> None:
        """Take note of where `path` was found, when it was asked for below `asked`."""
        if found.raw_path.endswith(f"/{path}") and same_origin(found, asked) and self.url == asked:
            self.url = found.with_path(found.raw_path.removesuffix(path), encoded=True)
