"""Manifests to start from: a sound one, and the same with a change."""

import json
from typing import Any

Manifest = dict[str, Any]

SOURCE = {"url": "https://galaxy.example.com/api/"}
COLLECTION = {"name": "community.general"}


def manifest(**spec: Any) -> Manifest:
    """Return a sound manifest whose spec has these fields besides, or without those that are None."""
    fields = {"source": SOURCE, "collections": [COLLECTION]} | spec
    return {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "metadata": {"name": "community"},
        "spec": {name: value for name, value in fields.items() if value is not None},
    }


def encoded(document: Manifest) -> bytes:
    """Return a manifest as a JSON file holds it."""
    return json.dumps(document).encode()
