"""An OCI archive is read as a container runtime would: its layers in order, each over those before it."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from release.errors import ReleaseError
from release.layout import REF_NAME, Layout

Files = dict[str, bytes]


def packed(files: Files) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return target.getvalue()


def write(path: Path, layers: list[Files], *, damaged: bool = False) -> Path:
    blobs: Files = {}

    def blob(content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{name}"] = content + (b" " if damaged else b"")
        return f"sha256:{name}"

    entries = [{"digest": blob(packed(files))} for files in layers]
    config = blob(json.dumps({"config": {}}).encode())
    manifest = blob(json.dumps({"config": {"digest": config}, "layers": entries}).encode())
    index = {"manifests": [{"digest": manifest, "annotations": {REF_NAME: "some:1"}}]}
    path.write_bytes(packed({"index.json": json.dumps(index).encode(), **blobs}))
    return path


def extracted(tmp_path: Path, layers: list[Files]) -> Files:
    layout = Layout(write(tmp_path / "image.tar", layers))
    target = tmp_path / "root"
    layout.extract(target, lambda path: path.name != "unwanted")
    layout.close()
    found = (path for path in target.rglob("*") if path.is_file())
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"a/b": b"1", "unwanted": b"1"}], {"a/b": b"1"}),
        ([{"a": b"1"}, {"./a": b"2"}], {"a": b"2"}),
        ([{"a/b": b"1", "a/c": b"1"}, {"a/.wh.b": b""}], {"a/c": b"1"}),
        ([{"a/b/c": b"1", "d": b"1"}, {".wh.a": b""}], {"d": b"1"}),
        ([{"a/b": b"1"}, {"a/.wh..wh..opq": b"", "a/c": b"2"}], {"a/c": b"2"}),
        ([{"a": b"1"}, {".wh.a": b""}, {"a": b"3"}], {"a": b"3"}),
        ([{"a": b"1"}, {".wh.never": b""}], {"a": b"1"}),
        ([{"../a": b"1", "b": b"1"}], {"b": b"1"}),
    ],
)
def test_layers_add_up_to_files(tmp_path: Path, layers: list[Files], expected: Files) -> None:
    assert extracted(tmp_path, layers) == expected


def test_nothing_is_written_beside_the_folder(tmp_path: Path) -> None:
    extracted(tmp_path, [{"../outside": b"1"}])
    assert not (tmp_path / "outside").exists()


def test_the_image_has_a_name_and_a_digest(tmp_path: Path) -> None:
    layout = Layout(write(tmp_path / "image.tar", [{"a": b"1"}]))
    assert (layout.name, layout.digest) == ("some:1", layout.entry["digest"])
    assert not list(layout.broken_blobs())
    layout.close()


def test_blobs_that_are_not_what_their_names_say_are_found(tmp_path: Path) -> None:
    layout = Layout(write(tmp_path / "image.tar", [{"a": b"1"}], damaged=True))
    assert len(list(layout.broken_blobs())) == 3
    layout.close()


def test_an_archive_of_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "other.tar").write_bytes(packed({"manifest.json": b"[]"}))
    with pytest.raises(ReleaseError, match=r"no OCI archive: it has no file index\.json"):
        Layout(tmp_path / "other.tar")
