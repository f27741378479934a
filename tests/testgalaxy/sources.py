"""A real collection as a test galaxy serves it: its tarball and documents, kept in a folder or in memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from testgalaxy.catalog import Version
from testgalaxy.documents import Document, FilePart
from testgalaxy.rendering import as_list, metadata_document

_DOCUMENTS = ("manifest", "files", "contents", "docs")


@dataclass(frozen=True, kw_only=True)
class CollectionSource:
    """One real version. The documents are as a Pulp serves them; the tarball has the very MANIFEST and FILES.

    `regenerated` says that files were missing, so that MANIFEST and FILES had to be written anew.
    """

    info: Mapping[str, Any]
    artifact: Path
    sha256: str
    size: int
    requires_ansible: str | None
    regenerated: bool
    manifest: Document
    files: Document
    contents: Document
    docs: Document

    @property
    def collection(self) -> str:
        """`namespace.name`."""
        return f"{self.info['namespace']}.{self.info['name']}"

    @property
    def number(self) -> str:
        """The version."""
        return str(self.info["version"])

    def version(self) -> Version:
        """What a catalog serves of it."""
        return Version(
            namespace=self.info["namespace"],
            name=self.info["name"],
            version=self.number,
            sha256=self.sha256,
            size=self.size,
            metadata=metadata_document(self.info, self.contents),
            manifest=self.manifest,
            files=self.files,
            docs=self.docs,
            artifact=self.artifact,
            requires_ansible=self.requires_ansible,
            dependencies=dict(self.info.get("dependencies") or {}),
            tags=tuple(as_list(self.info.get("tags"))),
        )

    def in_memory(self) -> "CollectionSource":
        """The same with its documents read, to make restamped versions of."""
        return replace(
            self,
            manifest=Document(bytes(self.manifest)),
            files=Document(bytes(self.files)),
            contents=Document(bytes(self.contents)),
            docs=Document(bytes(self.docs)),
        )


def save(folder: Path, about: Mapping[str, Any], documents: Mapping[str, bytes], tarball: bytes) -> None:
    """Write a source into a folder of its own, which must exist."""
    for name in _DOCUMENTS:
        folder.joinpath(f"{name}.json").write_bytes(documents[name])
    info = about["info"]
    folder.joinpath(f"{info['namespace']}-{info['name']}-{info['version']}.tar.gz").write_bytes(tarball)
    folder.joinpath("about.json").write_text(json.dumps(about))


def load(folder: Path) -> CollectionSource:
    """A source out of its folder; documents stay on disk until they are sent."""
    about = json.loads(folder.joinpath("about.json").read_text())
    info = about["info"]
    on_disk = {name: Document(FilePart(folder / f"{name}.json")) for name in _DOCUMENTS}
    return CollectionSource(
        info=info,
        artifact=folder / f"{info['namespace']}-{info['name']}-{info['version']}.tar.gz",
        sha256=about["sha256"],
        size=about["size"],
        requires_ansible=about["requires_ansible"],
        regenerated=about["regenerated"],
        manifest=on_disk["manifest"],
        files=on_disk["files"],
        contents=on_disk["contents"],
        docs=on_disk["docs"],
    )
