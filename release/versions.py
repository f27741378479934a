"""The version is written once, in operator/collectionsync/__init__.py; other files have copies, made from it.

A copy is found by what stands before it, so that no file has to be a template: each can be used as it lies there.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from release.errors import ReleaseError

VERSION = r"\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?"
"""A version that helm, registries and pip all understand."""

_IMAGE = r"\bcollectionsync:"
_FILE = r"\bcollectionsync[- ]"
_TAG = r"\bv"
_OPTION = r"--version "
COPIES = {
    "charts/collectionsync/Chart.yaml": (r"^version: ", r'^appVersion: "', _IMAGE),
    "Dockerfile": (r'org\.opencontainers\.image\.version="',),
    "README.md": (_IMAGE,),
    "docs/releasing.md": (_IMAGE, _FILE, _TAG, _OPTION),
}
"""The files with copies, and what stands before them, as regular expressions."""


def check(version: str) -> None:
    """Raise ReleaseError unless this is a version that all can use."""
    if not re.fullmatch(VERSION, version):
        raise ReleaseError(
            f"operator/collectionsync/__init__.py says {version!r}, which is no version for a chart and a tag: "
            "it has to be like 1.2.3 or 1.2.3-rc.1."
        )


def stamped(text: str, before: tuple[str, ...], version: str) -> str:
    """The text of a file with this version wherever one stands behind one of `before`.

    Raises ReleaseError where one of `before` has none behind it: then the file was changed, and COPIES has to follow.
    """
    for each in before:
        text, count = re.subn(rf"({each}){VERSION}(?!\.?\d)", rf"\g<1>{version}", text, flags=re.MULTILINE)
        if not count:
            raise ReleaseError(f"nothing in it looks like a version behind {each!r}")
    return text


def drifted(root: Path, version: str) -> Iterator[tuple[Path, str]]:
    """Yield the files below `root` whose copies are of another version, with what they have to be."""
    for name, before in COPIES.items():
        path = root / name
        text = path.read_text()
        try:
            right = stamped(text, before, version)
        except ReleaseError as error:
            raise ReleaseError(f"{name}: {error}; release/versions.py says where versions stand") from None
        if right != text:
            yield path, right
