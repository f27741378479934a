"""Real collections out of the ansible package: fetched through pip, rebuilt, and served by a process of its own."""

import hashlib
import json
import os
import tarfile
from urllib.request import urlopen

import pytest

from testgalaxy import corpus, served

pytestmark = pytest.mark.slow


def test_a_real_tarball_has_all_that_its_files_name_with_the_right_digests() -> None:
    (source,) = corpus.collections(["ansible.posix"])
    assert not source.regenerated
    assert hashlib.sha256(source.artifact.read_bytes()).hexdigest() == source.sha256
    with tarfile.open(source.artifact) as tar:
        data = {member.name: file.read() for member in tar if (file := tar.extractfile(member))}
    manifest = json.loads(data["MANIFEST.json"])
    assert hashlib.sha256(data["FILES.json"]).hexdigest() == manifest["file_manifest_file"]["chksum_sha256"]
    named = {entry["name"]: entry["chksum_sha256"] for entry in json.loads(data["FILES.json"])["files"]}
    for name in data.keys() - {"MANIFEST.json", "FILES.json"}:
        assert hashlib.sha256(data[name]).hexdigest() == named[name]


def test_a_collection_that_the_package_lacks_is_named() -> None:
    with pytest.raises(corpus.CorpusError, match=r"acme\.nothing"):
        corpus.collections(["acme.nothing"])


def test_a_galaxy_in_its_own_process_is_ready_when_it_says_so_and_gone_afterwards() -> None:
    with served(collections=["ansible.posix"]) as galaxy:
        with urlopen(galaxy.url) as response:
            assert "available_versions" in json.load(response)
        assert galaxy.versions == 1
        assert galaxy.docs_bytes > 50_000
    with pytest.raises(ProcessLookupError):
        os.kill(galaxy.pid, 0)
