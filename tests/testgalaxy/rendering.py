"""The JSON of a Galaxy v3 server: the members, and their order, that a real Pulp was recorded to send."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from testgalaxy.documents import Document, as_stored, dumps
from testgalaxy.layout import Layout

if TYPE_CHECKING:
    from testgalaxy.catalog import Collection, Version


_NOT_IN_HTML = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&'"})


def detail_document(version: "Version", layout: Layout) -> Document:
    """A version detail. Only its head is made here: metadata, manifest and files are the version's own documents."""
    head = dumps(_detail_head(version, layout))
    return Document(
        head[:-1] + b',"metadata":',
        version.metadata,
        b',"git_url":null,"git_commit_sha":null,"manifest":',
        version.manifest,
        b',"files":',
        version.files,
        b"}",
    )


def summary_document(version: "Version", layout: Layout) -> Document:
    """A version as the list of all versions holds it: the detail without its two heavy members.

    A Pulp makes this list with Jinja: keys in order, ASCII only, and what HTML would notice as escapes.
    """
    rest = {"metadata": version.metadata.json(), "git_url": None, "git_commit_sha": None}
    text = json.dumps({**_detail_head(version, layout), **rest}, sort_keys=True)
    return Document(text.translate(_NOT_IN_HTML).encode())


def _detail_head(version: "Version", layout: Layout) -> dict[str, Any]:
    namespace, name = version.namespace, version.name
    return {
        **version_item(version, layout),
        "artifact": {"filename": version.filename, "sha256": version.sha256, "size": version.size},
        "collection": {
            "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, version.collection)),
            "name": name,
            "href": layout.collection_href(namespace, name),
        },
        "download_url": layout.download_url(version.filename),
        "name": name,
        "namespace": {"name": namespace, "metadata_sha256": version.namespace_sha256},
        "signatures": [dict(signature) for signature in version.signatures],
    }


def version_item(version: "Version", layout: Layout) -> dict[str, Any]:
    """A version as lists show it."""
    return {
        "version": version.version,
        "href": layout.version_href(version.namespace, version.name, version.version),
        "created_at": version.created_at,
        "updated_at": version.updated_at,
        "requires_ansible": version.requires_ansible,
        "marks": list(version.marks),
    }


def collection_item(collection: "Collection", layout: Layout) -> dict[str, Any]:
    """A collection, in lists and on its own."""
    namespace, name = collection.namespace, collection.name
    href = layout.collection_href(namespace, name)
    highest = collection.highest()
    return {
        "href": href,
        "namespace": namespace,
        "name": name,
        "deprecated": collection.deprecated,
        "versions_url": f"{href}versions/",
        "highest_version": {"href": layout.version_href(namespace, name, highest.version), "version": highest.version}
        if highest
        else None,
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
        "download_count": 0,
    }


def page(items: Sequence[dict[str, Any]], *, count: int, path: str, limit: int, offset: int) -> dict[str, Any]:
    """One page of a list; links are path and query only, under the path that was asked."""

    def link(at: int) -> str:
        return f"{path}?limit={limit}&offset={at}" if at else f"{path}?limit={limit}"

    return {
        "meta": {"count": count},
        "links": {
            "first": f"{path}?limit={limit}&offset=0",
            "previous": link(max(0, offset - limit)) if offset else None,
            "next": link(offset + limit) if offset + limit < count else None,
            "last": f"{path}?limit={limit}&offset={max(0, count - limit)}",
        },
        "data": list(items),
    }


def errors(status: int, code: str, title: str) -> Document:
    """The envelope of every error."""
    return Document(dumps({"errors": [{"status": str(status), "code": code, "title": title}]}))


def metadata_document(
    info: Mapping[str, Any], contents: bytes | Document, *, description: str | None = None
) -> Document:
    """`metadata` out of a MANIFEST's collection_info; the list of contents comes as JSON, for versions share it.

    A Pulp turns missing strings into empty ones and missing lists into empty lists.
    """
    rest = {
        "dependencies": dict(info.get("dependencies") or {}),
        "description": (description if description is not None else info.get("description")) or "",
        **{key: info.get(key) or "" for key in ("documentation", "homepage", "issues")},
        "license": as_list(info.get("license")),
        "repository": info.get("repository") or "",
        "tags": as_list(info.get("tags")),
    }
    return Document(
        b'{"authors":' + dumps(as_list(info.get("authors"))) + b',"contents":', contents, b"," + dumps(rest)[1:]
    )


def manifest_document(manifest: Mapping[str, Any]) -> Document:
    """MANIFEST.json as a Pulp gives it back: the same values, in jsonb's order."""
    return Document(dumps(as_stored(dict(manifest))))


def as_list(value: object) -> list[str]:
    """A list of strings out of what manifests hold: a list, one string, or nothing."""
    if isinstance(value, list):
        return [str(item) for item in value]
    return [str(value)] if value else []
