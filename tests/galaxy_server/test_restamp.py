"""Restamped versions: as many as the plan says, no two alike, all of the same few originals."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from testgalaxy import Version, corpus, small_version
from testgalaxy.restamp import SEED_630, SEED_2000, big_documents, restamp
from testgalaxy.sources import CollectionSource


@pytest.fixture
def originals(tmp_path: Path) -> list[CollectionSource]:
    """A ready folder with two small versions of one collection."""
    tmp_path.joinpath("tarballs").mkdir()
    tmp_path.joinpath("docs").mkdir()
    index = {}
    for version in (small_version("acme.tools", "1.0.0"), small_version("acme.tools", "2.1.3")):
        stem = version.filename.removesuffix(".tar.gz")
        assert isinstance(version.artifact, bytes)
        assert version.docs is not None
        tmp_path.joinpath("tarballs", version.filename).write_bytes(version.artifact)
        docs = {**version.docs.json(), "contents": version.metadata.json()["contents"], "requires_ansible": ">=2.15.0"}
        tmp_path.joinpath("docs", f"{stem}.json.gz").write_bytes(gzip.compress(json.dumps(docs).encode()))
        index[stem] = {"filename": version.filename, "sha256": version.sha256, "size": version.size}
    tmp_path.joinpath("index.json").write_text(json.dumps(index))
    return corpus.from_folder(tmp_path)


def digest_of_docs(version: Version) -> str:
    assert version.docs is not None
    return hashlib.sha256(bytes(version.docs)).hexdigest()


def test_a_folder_gives_back_what_was_put_in(originals: list[CollectionSource]) -> None:
    version = small_version("acme.tools", "1.0.0")
    source = originals[0].version()
    assert bytes(source.detail) == bytes(version.detail)
    assert digest_of_docs(source) == digest_of_docs(version)


def test_there_are_as_many_versions_as_planned_and_the_real_ones_among_them(originals: list[CollectionSource]) -> None:
    catalog = restamp(originals, {"acme.tools": 30})
    assert len(catalog) == 30
    assert {version.version for version in catalog if version.artifact} == {"1.0.0", "2.1.3"}


def test_no_two_documents_have_the_same_bytes(originals: list[CollectionSource]) -> None:
    versions = list(restamp(originals, {"acme.tools": 30}))
    for kind in ("metadata", "manifest", "files", "docs", "detail"):
        bodies = {bytes(getattr(version, kind)) for version in versions}
        # Two real versions may have the same list of files or the same metadata; restamped ones never.
        assert len(bodies) >= 29, kind
    assert len({version.sha256 for version in versions}) == 30


def test_restamped_documents_are_json_and_say_their_version(originals: list[CollectionSource]) -> None:
    version = restamp(originals, {"acme.tools": 3}).versions()[0]
    detail = version.detail.json()
    assert detail["version"] == detail["manifest"]["collection_info"]["version"] == version.version == "1.0.1000"
    assert version.docs is not None
    assert version.version in version.docs.json()["docs_blob"]["collection_readme"]["html"]


def test_versions_share_the_memory_of_their_original(originals: list[CollectionSource]) -> None:
    first, second = (version.docs for version in restamp(originals, {"acme.tools": 6}).versions()[:3:2])
    assert first is not None
    assert second is not None
    assert first.parts()[0] is second.parts()[0]


def test_big_documents_are_as_big_as_asked_for_and_distinct(originals: list[CollectionSource]) -> None:
    versions = big_documents(originals[0], n=3, size=200_000)
    assert len({digest_of_docs(version) for version in versions}) == 3
    for version in versions:
        assert version.docs is not None
        assert version.docs.size == pytest.approx(200_000, abs=1000)
        assert len(version.docs.json()["docs_blob"]["contents"]) > 100


def test_a_plan_for_a_collection_that_is_not_there_is_refused(originals: list[CollectionSource]) -> None:
    with pytest.raises(LookupError, match=r"no\.such"):
        restamp(originals, {"no.such": 1})


def test_the_seed_plans_have_the_sizes_in_their_names() -> None:
    assert (sum(SEED_630.values()), sum(SEED_2000.values())) == (630, 2000)
