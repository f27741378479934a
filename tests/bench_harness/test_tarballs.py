"""Restamped tarballs are what a strict reader and a real client take them for."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zlib
from io import BytesIO
from pathlib import Path

import pytest

from testgalaxy import Document, Version, corpus, small_version
from testgalaxy.catalog import Catalog
from testgalaxy.documents import as_stored
from testgalaxy.restamp import restamp
from testgalaxy.restampedtarballs import TarballStamp
from testgalaxy.sources import CollectionSource
from testgalaxy.tarballs import make_chain, make_tarball

ANSIBLE_GALAXY = Path(sys.executable).with_name("ansible-galaxy")


def source(version: Version, folder: Path) -> CollectionSource:
    """A tiny version as an original to restamp."""
    assert isinstance(version.artifact, bytes)
    assert version.docs is not None
    artifact = folder / version.filename
    artifact.write_bytes(version.artifact)
    return CollectionSource(
        info=version.manifest.json()["collection_info"],
        artifact=artifact,
        sha256=version.sha256,
        size=version.size,
        requires_ansible=version.requires_ansible,
        regenerated=False,
        manifest=version.manifest,
        files=version.files,
        contents=Document(json.dumps(version.metadata.json()["contents"]).encode()),
        docs=version.docs,
    )


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Eight versions, of which six are restamped ones of two originals."""
    originals = [source(small_version("acme.tools", number), tmp_path) for number in ("1.0.0", "2.1.3")]
    return restamp(originals, {"acme.tools": 8}, artifacts=True)


def restamped(catalog: Catalog) -> list[Version]:
    return [version for version in catalog if isinstance(version.artifact, Document)]


def members(tarball: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=BytesIO(tarball)) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member))}


def the_chain_holds(version: Version) -> None:
    """From what the detail says down to each file."""
    assert isinstance(version.artifact, Document)
    tarball = bytes(version.artifact)
    assert (len(tarball), hashlib.sha256(tarball).hexdigest()) == (version.size, version.sha256)
    found = members(tarball)
    manifest, files = json.loads(found.pop("MANIFEST.json")), found.pop("FILES.json")
    assert hashlib.sha256(files).hexdigest() == manifest["file_manifest_file"]["chksum_sha256"]
    listed = {entry["name"]: entry["chksum_sha256"] for entry in json.loads(files)["files"] if entry["ftype"] == "file"}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in found.items()} == listed
    detail = version.detail.json()
    assert (detail["manifest"], detail["files"]) == (manifest, json.loads(files))
    assert detail["artifact"] == {"filename": version.filename, "sha256": version.sha256, "size": version.size}
    assert manifest["collection_info"]["version"] == version.version
    assert manifest["collection_info"]["description"] == detail["metadata"]["description"]


def test_the_chain_holds_in_every_restamped_tarball(catalog: Catalog) -> None:
    assert len(restamped(catalog)) == 6
    for version in restamped(catalog):
        the_chain_holds(version)


def test_no_two_tarballs_are_the_same_and_all_versions_have_one(catalog: Catalog) -> None:
    assert len({version.sha256 for version in catalog}) == 8
    assert all(version.artifact is not None for version in catalog)


def test_a_restamped_tarball_has_one_file_more_than_its_original(catalog: Catalog) -> None:
    (original,) = [version for version in catalog if version.version == "2.1.3"]
    (copy,) = [version for version in catalog if version.version == "2.1.1000"]
    assert isinstance(original.artifact, Path)
    assert isinstance(copy.artifact, Document)
    before, after = members(original.artifact.read_bytes()), members(bytes(copy.artifact))
    assert list(after) == [*before, "changelogs/2.1.1000.txt"]
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"MANIFEST.json", "FILES.json"}


def test_a_tarball_is_one_gzip_stream_and_nothing_behind_it(catalog: Catalog) -> None:
    for version in restamped(catalog):
        assert isinstance(version.artifact, Document)
        reader = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)  # takes one member, and checks its CRC and length
        archive = reader.decompress(bytes(version.artifact))
        assert reader.eof
        assert reader.unused_data == b""
        assert archive == gzip.decompress(bytes(version.artifact))
        assert archive.endswith(bytes(2 * tarfile.BLOCKSIZE))
        assert len(archive) % tarfile.BLOCKSIZE == 0


def test_tarballs_of_one_original_share_the_memory_of_its_files(catalog: Catalog) -> None:
    shared = []
    for number in ("2.1.1000", "2.1.1001"):
        version = catalog.version("acme", "tools", number)
        assert version is not None
        assert isinstance(version.artifact, Document)
        shared.append({id(part) for part in version.artifact.parts() if len(part) > 100})
    assert len(shared[0] & shared[1]) == 2


def test_documents_of_restamped_versions_are_in_the_order_of_a_real_server(catalog: Catalog) -> None:
    for version in restamped(catalog):
        for document in (version.manifest, version.files):
            assert json.dumps(document.json()) == json.dumps(as_stored(document.json()))


def test_versions_have_no_tarballs_unless_they_are_asked_for(tmp_path: Path) -> None:
    originals = [source(small_version("acme.tools", "1.0.0"), tmp_path)]
    versions = list(restamp(originals, {"acme.tools": 3}))
    assert [version.version for version in versions if version.artifact is None] == ["1.0.1000", "1.0.1001"]


def test_a_tarball_that_does_not_begin_with_its_manifest_is_refused(tmp_path: Path) -> None:
    chain = make_chain({"namespace": "acme", "name": "tools", "version": "1.0.0"}, {"a": b"1"})
    path = tmp_path / "acme-tools-1.0.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, data in (("FILES.json", chain.files_json), ("MANIFEST.json", chain.manifest_json)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, BytesIO(data))
    with pytest.raises(LookupError, match=r"acme-tools-1\.0\.0\.tar\.gz does not begin with MANIFEST\.json"):
        TarballStamp(path)


def test_members_with_long_names_are_carried_over_whole(tmp_path: Path) -> None:
    name = "/".join(["plugins", *["a_long_name_of_a_folder"] * 9, "last.py"])  # more than a header alone can hold
    chain = make_chain(small_version("acme.tools", "1.0.0").manifest.json()["collection_info"], {name: b"# nothing\n"})
    path = tmp_path / "long.tar.gz"
    path.write_bytes(make_tarball(chain, {name: b"# nothing\n"}))
    made = TarballStamp(path).tarball({**chain.manifest["collection_info"], "version": "1.0.1000"})
    assert members(bytes(made.tarball))[name] == b"# nothing\n"


@pytest.mark.slow
def test_ansible_galaxy_installs_and_verifies_a_restamped_real_collection(tmp_path: Path) -> None:
    version = restamp(corpus.collections(["ansible.posix"]), {"ansible.posix": 2}, artifacts=True).versions()[0]
    the_chain_holds(version)
    assert isinstance(version.artifact, Document)
    tarball = tmp_path / version.filename
    tarball.write_bytes(bytes(version.artifact))
    install = [str(ANSIBLE_GALAXY), "collection", "install", str(tarball), "--offline", "--no-deps"]
    environment = {**os.environ, "ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_LOCALHOST_WARNING": "False"}
    subprocess.run([*install, "--collections-path", str(tmp_path)], env=environment, check=True, capture_output=True)
    installed = tmp_path / "ansible_collections" / "ansible" / "posix"
    manifest = json.loads((installed / "MANIFEST.json").read_text())
    assert manifest["collection_info"]["version"] == version.version
    assert (installed / "changelogs" / f"{version.version}.txt").read_text() == f"ansible.posix {version.version}\n"
