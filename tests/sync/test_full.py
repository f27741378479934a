"""contentPolicy Full: artifacts in an object store, and nothing in it that is not what it says."""

import json
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from collectionsync.artifacts.store import ArtifactStore
from collectionsync.report import ExitCode, Result
from serving import Serve
from syncing import manifest, names, published, rows, stored_documents, sync
from testgalaxy import Catalog, Fault, small_catalog, with_tarball
from testgalaxy.artifactfaults import flipped
from testgalaxy.faults import Action
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0"]})


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore.open((tmp_path / "artifacts").as_uri(), {})


def objects(store: ArtifactStore) -> dict[str, bytes]:
    """Everything in a folder's store, by path."""
    folder = Path(store.url.removeprefix("file://"))
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def expected(catalog: Catalog) -> dict[str, bytes]:
    """What a store of all of a catalog has."""
    found: dict[str, bytes] = {}
    for version in catalog:
        assert isinstance(version.artifact, bytes)
        found[f"sha256/{version.sha256[:2]}/{version.sha256}.tar.gz"] = version.artifact
    return found


def full(url: str, *collections: str, **spec: Any) -> dict[str, Any]:
    return manifest(url, *collections, contentPolicy="Full", **spec)


async def test_artifacts_are_stored_by_their_digests(serve: Serve, database: str, store: ArtifactStore) -> None:
    galaxy = await serve(tools())
    ended = await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)
    assert ended.result is Result.SUCCEEDED
    assert objects(store) == expected(galaxy.catalog)
    assert (ended.report.artifacts.created, ended.report.artifacts.bytes) == (
        2,
        sum(version.size for version in galaxy.catalog),
    )


async def test_artifacts_come_from_another_host_without_credentials(
    serve: Serve, database: str, store: ArtifactStore, tmp_path: Path
) -> None:
    galaxy = await serve(tools(), token="secret", storage=True)
    (tmp_path / "secrets" / "galaxy").mkdir(parents=True)
    (tmp_path / "secrets" / "galaxy" / "token").write_text("secret")
    document = full(galaxy.url, "acme.tools", source={"secretRef": {"name": "galaxy"}})
    ended = await sync(document, database, artifacts=store, secrets=tmp_path / "secrets")
    assert ended.result is Result.SUCCEEDED
    assert objects(store) == expected(galaxy.catalog)


async def test_manifest_and_files_are_byte_by_byte_those_in_the_artifact(
    serve: Serve, database: str, store: ArtifactStore
) -> None:
    galaxy = await serve(tools())
    await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)
    documents = await stored_documents(database)
    for version in galaxy.catalog:
        assert isinstance(version.artifact, bytes)
        with tarfile.open(fileobj=BytesIO(version.artifact)) as tar:
            for name, document in (("MANIFEST.json", "manifest"), ("FILES.json", "files")):
                member = tar.extractfile(name)
                assert member is not None
                assert documents[f"acme.tools {version.version}", document] == member.read()


async def test_a_version_that_was_there_without_its_artifact_gets_it(
    serve: Serve, database: str, store: ArtifactStore
) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools"), database)
    galaxy.requests.clear()
    ended = await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)
    assert ended.result is Result.SUCCEEDED
    assert objects(store) == expected(galaxy.catalog)
    assert not galaxy.requests.of("docs")
    files = await rows(database, "SELECT body FROM collection_document WHERE kind = 'manifest'")
    chain = {json.loads(body)["file_manifest_file"]["chksum_sha256"] for (body,) in files}
    stored = await rows(database, "SELECT sha256 FROM collection_document WHERE kind = 'files'")
    assert {sha256 for (sha256,) in stored} == chain


async def test_a_second_run_fetches_nothing(serve: Serve, database: str, store: ArtifactStore) -> None:
    galaxy = await serve(tools())
    document = full(galaxy.url, "acme.tools")
    await sync(document, database, artifacts=store)
    galaxy.requests.clear()
    assert (await sync(document, database, artifacts=store)).result is Result.NO_CHANGE
    assert not galaxy.requests.of("artifact")
    assert not galaxy.requests.of("detail")


async def test_another_store_gets_the_artifacts_as_well(
    serve: Serve, database: str, store: ArtifactStore, tmp_path: Path
) -> None:
    galaxy = await serve(tools())
    await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)
    other = ArtifactStore.open((tmp_path / "other").as_uri(), {})
    await sync(full(galaxy.url, "acme.tools"), database, artifacts=other)
    assert objects(other) == expected(galaxy.catalog)


async def test_an_artifact_with_another_digest_is_skipped_and_not_stored(
    serve: Serve, database: str, store: ArtifactStore
) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault("acme-tools-1.0.0.tar.gz", flipped()))
    ended = await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)
    assert (ended.result, ended.skipped) == (Result.PARTIAL, {"acme.tools 1.0.0": "DigestMismatch"})
    assert await published(database) == ["acme.tools 1.1.0"]
    assert len(objects(store)) == 1


async def test_an_artifact_that_is_no_collection_is_skipped_with_its_reason(
    serve: Serve, database: str, store: ArtifactStore
) -> None:
    galaxy = await serve(tools())
    version = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert version is not None
    galaxy.catalog.add(with_tarball(version, b"not a tarball at all"))
    ended = await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)
    assert list(ended.skipped) == ["acme.tools 1.0.0"]
    assert len(objects(store)) == 1


@pytest.mark.parametrize("verify", ["Chain", "Members"])
async def test_a_good_artifact_passes_every_check(
    serve: Serve, database: str, store: ArtifactStore, verify: str
) -> None:
    galaxy = await serve(tools())
    ended = await sync(full(galaxy.url, "acme.tools", verify=verify), database, artifacts=store)
    assert ended.result is Result.SUCCEEDED
    assert await rows(database, "SELECT DISTINCT verified FROM artifact") == [(verify,)]


async def test_a_stricter_check_looks_at_what_is_stored_again(
    serve: Serve, database: str, store: ArtifactStore
) -> None:
    galaxy = await serve(tools())
    await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)
    ended = await sync(full(galaxy.url, "acme.tools", verify="Members"), database, artifacts=store)
    assert ended.result is Result.SUCCEEDED
    assert await rows(database, "SELECT DISTINCT verified FROM artifact") == [("Members",)]


async def test_an_artifact_that_is_missing_is_skipped_and_comes_later(
    serve: Serve, database: str, store: ArtifactStore
) -> None:
    galaxy = await serve(tools())
    fault = galaxy.faults.add(Fault("acme-tools-1.0.0.tar.gz", status(404)))
    document = full(galaxy.url, "acme.tools")
    assert (await sync(document, database, artifacts=store)).skipped == {"acme.tools 1.0.0": "NotFound"}
    galaxy.faults.remove(fault)
    assert (await sync(document, database, artifacts=store)).result is Result.SUCCEEDED
    assert await published(database) == names(galaxy.catalog)


async def test_a_store_that_cannot_be_written_ends_the_run_before_anything_is_asked(
    serve: Serve, database: str, tmp_path: Path
) -> None:
    galaxy = await serve(tools())
    (tmp_path / "file").write_text("")
    store = ArtifactStore.open((tmp_path / "file" / "artifacts").as_uri(), {})
    ended = await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)
    assert ended.result is Result.FAILED
    assert ended.outcome.reason in ("ArtifactStoreMisconfigured", "ArtifactStoreUnavailable")
    assert len(galaxy.requests) == 0


async def test_metadata_asks_for_no_artifact(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.code, ended.report.artifacts.created) == (ExitCode.OK, 0)
    assert not galaxy.requests.of("artifact")


async def test_artifacts_outlive_a_time_in_which_only_metadata_is_wanted(
    serve: Serve, database: str, store: ArtifactStore
) -> None:
    galaxy = await serve(tools())
    await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)
    documents = await stored_documents(database)
    await rows(database, "UPDATE source_version SET checked_at = '-infinity'")
    assert (await sync(manifest(galaxy.url, "acme.tools"), database)).result is Result.NO_CHANGE
    galaxy.requests.clear()
    assert (await sync(full(galaxy.url, "acme.tools"), database, artifacts=store)).result is Result.NO_CHANGE
    assert not galaxy.requests.of("artifact")
    assert await stored_documents(database) == documents


@pytest.mark.parametrize(
    ("fault", "reason"), [(status(404), "NotFound"), (flipped(), "DigestMismatch"), (None, "InvalidGzip")]
)
async def test_on_error_fail_publishes_nothing_where_an_artifact_cannot_be_had(
    serve: Serve, database: str, store: ArtifactStore, fault: Action | None, reason: str
) -> None:
    galaxy = await serve(tools())
    version = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert version is not None
    if fault is None:
        galaxy.catalog.add(with_tarball(version, b"not a tarball at all"))
    else:
        galaxy.faults.add(Fault(version.filename, fault))
    ended = await sync(full(galaxy.url, "acme.tools", onError="Fail"), database, artifacts=store)
    assert (ended.code, ended.outcome.reason) == (ExitCode.CONTENT, reason)
    assert "acme.tools 1.0.0" in ended.outcome.message
    assert await published(database) == []
