"""Manifests that only tests of a cluster need."""

from typing import Any

from syncing import Manifest, manifest


def over_tls(url: str, *collections: str, ca: str, **spec: Any) -> Manifest:
    """A manifest whose source is trusted by the CA in the Secret `ca`."""
    return manifest(url, *collections, source={"certSecretRef": {"name": ca}}, **spec)
