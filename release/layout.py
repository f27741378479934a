"""An OCI archive, read: what its index leads to, and the files that its layers add up to."""

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from release.errors import ReleaseError

REF_NAME = "org.opencontainers.image.ref.name"

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


class Layout:
    """An archive with one image in it; to be closed."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path)  # noqa: SIM115 - closed by close()
        (self.entry,) = self._json("index.json")["manifests"]
        self.manifest = self.blob(self.entry["digest"])
        self.config = self.blob(self.manifest["config"]["digest"])

    @property
    def digest(self) -> str:
        """The image's digest, by which a registry knows it: sha256:…"""
        return str(self.entry["digest"])

    @property
    def name(self) -> str:
        """The image's name and tag."""
        return str(self.entry["annotations"][REF_NAME])

    def blob(self, digest: str) -> Any:
        """The JSON with this digest."""
        return self._json(_blob_name(digest))

    def close(self) -> None:
        """Let go of the file."""
        self._tar.close()

    def broken_blobs(self) -> Iterator[str]:
        """Yield the digests of those blobs that are not what their names say."""
        for member in self._tar:
            if member.name.startswith("blobs/sha256/") and member.isfile():
                expected = PurePosixPath(member.name).name
                with self._open(member.name) as blob:
                    if hashlib.file_digest(blob, "sha256").hexdigest() != expected:  # type: ignore[arg-type]
                        yield f"sha256:{expected}"

    def extract(self, target: Path, wanted: Callable[[PurePosixPath], bool]) -> None:
        """Write those files of the image that are `wanted`, by their paths without a slash before them."""
        for layer in self.manifest["layers"]:
            with (
                self._open(_blob_name(layer["digest"])) as blob,
                tarfile.open(fileobj=blob, mode="r|*") as tar,
            ):
                for member in tar:
                    _apply(tar, member, target, wanted)

    def _json(self, name: str) -> Any:
        with self._open(name) as file:
            return json.load(file)

    def _open(self, name: str) -> IO[bytes]:
        try:
            file = self._tar.extractfile(name)
        except KeyError:
            file = None
        if file is None:
            raise ReleaseError(f"{self._tar.name!r} is no OCI archive: it has no file {name}")
        return file


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _apply(
    tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, wanted: Callable[[PurePosixPath], bool]
) -> None:
    path = PurePosixPath(member.name.lstrip("/"))
    if path.name == _OPAQUE:
        _remove(target, path.parent)
    elif path.name.startswith(_WHITEOUT):
        _remove(target, path.with_name(path.name.removeprefix(_WHITEOUT)))
    elif member.isfile() and ".." not in path.parts and wanted(path):
        written = target / path
        written.parent.mkdir(parents=True, exist_ok=True)
        with cast("IO[bytes]", tar.extractfile(member)) as content:
            written.write_bytes(content.read())


def _remove(target: Path, path: PurePosixPath) -> None:
    """Remove what a later layer says is gone, a file or a folder with all in it."""
    gone = target / path
    if gone.is_file():
        gone.unlink()
    for each in sorted(gone.rglob("*"), reverse=True) if gone.is_dir() else ():
        each.rmdir() if each.is_dir() else each.unlink()
