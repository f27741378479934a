"""Releases as tests make them: the values that name the node's images, and the chart of now and of before."""

import json
from pathlib import Path
from typing import Any

from operating import CHART
from testcluster.cluster import IMAGE, POSTGRES_IMAGE

PREVIOUS = Path(__file__).parent / "previous" / "collectionsync-0.1.0.tgz"
"""The chart as it was released before this one, packaged."""

BUNDLED: dict[str, Any] = {"database": {"bundled": {"enabled": True}}}


def values(**chosen: Any) -> tuple[str, ...]:
    """Return the options of helm that choose the node's images, and these values by the names of their groups."""
    given = {
        **_image("image", IMAGE),
        **{f"{group}.{name}": value for group, parts in chosen.items() for name, value in _flat(parts)},
    }
    if given.get("database.bundled.enabled"):
        given |= _image("database.bundled.image", POSTGRES_IMAGE)
    return tuple(word for name, value in given.items() for word in ("--set-json", f"{name}={json.dumps(value)}"))


def install(release: str, namespace: str, *options: str, chart: Path = CHART) -> tuple[str, ...]:
    """Return helm's arguments that install the chart and wait until all of it is ready."""
    return ("install", release, str(chart), "--namespace", namespace, "--wait", "--timeout", "4m", *options)


def upgrade(release: str, namespace: str, *options: str) -> tuple[str, ...]:
    """Return helm's arguments that upgrade a release to the chart of now."""
    return ("upgrade", release, str(CHART), "--namespace", namespace, "--wait", "--timeout", "4m", *options)


def _image(place: str, image: str) -> dict[str, Any]:
    repository, _, tag = image.rpartition(":")
    return {f"{place}.repository": repository, f"{place}.tag": tag}


def _flat(parts: dict[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in parts.items():
        if isinstance(value, dict):
            found += [(f"{name}.{inner}", each) for inner, each in _flat(value)]
        else:
            found.append((name, value))
    return found
