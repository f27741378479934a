"""Where a store is: what its URL says, in one spelling, so that two names of one store are not taken for two stores."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from collectionsync.artifacts.errors import ArtifactStoreConfigurationError, shown
from collectionsync.artifacts.settings import ALIASES, Settings, read_settings

_PLACE = re.compile(r"(?P<bucket>[A-Za-z0-9$][A-Za-z0-9._-]{1,221}[A-Za-z0-9])(?P<prefix>/.*)?", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9!_.*'()+=@,~-]+", re.ASCII)
_EXAMPLES = "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file:///FOLDER"


class Location(NamedTuple):
    """A store's place. `bucket` is Azure's container, `prefix` the path of a folder, or what each key begins with."""

    scheme: str
    bucket: str
    prefix: str


def read_location(url: str) -> Location:
    """Return what the URL of a store says.

    Raises:
        ArtifactStoreConfigurationError: it is none, or says more than where the store is. The message shows nothing of
            what may be a credential.
    """
    scheme, colon, rest = url.partition("://")
    scheme = scheme.lower()
    scheme = ALIASES.get(scheme, scheme)
    if not colon or scheme not in ("file", "s3", "gs", "az"):
        raise ArtifactStoreConfigurationError(f"the artifact store's URL is none of a known kind: it is {_EXAMPLES}")
    if any(character in rest for character in "?#@") and scheme != "file":
        raise ArtifactStoreConfigurationError(
            f"the artifact store's URL says more than where it is: it is {_EXAMPLES}, and all else is a setting of its"
            " Secret"
        )
    return _folder(url) if scheme == "file" else _bucket(scheme, rest)


def _folder(url: str) -> Location:
    split = urlsplit(url)
    path = unquote(split.path)
    if split.netloc not in ("", "localhost") or split.query or split.fragment or "\0" in path:
        raise ArtifactStoreConfigurationError("the artifact store's URL is no folder on this machine: file:///FOLDER")
    segments = [segment for segment in path.split("/") if segment not in ("", ".")]
    if not segments or ".." in segments:
        raise ArtifactStoreConfigurationError("the artifact store's URL names no folder of its own: file:///FOLDER")
    return Location("file", "", "/" + "/".join(segments))


def _bucket(scheme: str, rest: str) -> Location:
    match = _PLACE.fullmatch(rest.rstrip("/"))
    segments = [segment for segment in ((match and match["prefix"]) or "").split("/") if segment]
    if match is None:
        raise ArtifactStoreConfigurationError(f"the artifact store's URL names no bucket: it is {_EXAMPLES}")
    for segment in segments:
        if segment in (".", "..") or not _SEGMENT.fullmatch(segment):
            raise ArtifactStoreConfigurationError(
                f"the artifact store's URL has {shown(segment)!r} in its path, which not every store takes for the same"
            )
    return Location(scheme, match["bucket"], "/".join(segments))


def canonical_url(url: str, settings: Mapping[str, str] | None = None) -> str:
    """Return the one spelling of a store's URL, to know the store by.

    A bucket's name means nothing without the server that has it, so where `settings` (the keys of the store's Secret)
    name an endpoint or an account, they are part of it: `s3+https://minio.example:9000/BUCKET/PREFIX`.

    Raises:
        ArtifactStoreConfigurationError: the URL or the settings cannot be used.
    """
    location = read_location(url)
    return spelled(location, read_settings(location.scheme, settings or {}))


def spelled(location: Location, settings: Settings) -> str:
    """Return the one spelling of a store of these settings."""
    if location.scheme == "file":
        return f"file://{quote(location.prefix)}"
    path = "/".join(filter(None, (location.bucket, location.prefix)))
    if settings.endpoint is not None:
        return f"{location.scheme}+{settings.endpoint}/{path}"
    account = settings.options.get("account_name")
    return f"{location.scheme}://{account}@{path}" if account else f"{location.scheme}://{path}"
