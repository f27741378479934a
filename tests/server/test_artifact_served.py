"""Artifacts from the whole server, as a sync has stored them: to whom they may go, and what is told of them."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from artifacts.content import Blob
from collectionsync.artifacts.store import ArtifactStore
from server.access_files import write
from servingmirror import Mirror, filled, mirror
from testgalaxy import Catalog, small_catalog

pytestmark = pytest.mark.slow


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.0.1+build.5", "2.0.0-rc.1"]})


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore.open((tmp_path / "artifacts").as_uri(), {})


def path(server: Mirror, version: str) -> str:
    return f"{server.api}/v3/plugin/ansible/content/default/collections/artifacts/acme-tools-{version}.tar.gz"


async def test_every_artifact_is_that_of_its_version(database: str, store: ArtifactStore) -> None:
    catalog = tools()
    await filled(database, catalog)
    # The test's galaxy refuses a build's artifact, as a Pulp does; so a sync cannot bring it.
    for version in catalog:
        assert isinstance(version.artifact, bytes)
        content = Blob(version.artifact)
        await store.put(version.sha256, content.pieces, content.size)
    async with mirror(database, artifacts=store) as server:
        for version in catalog:
            assert isinstance(version.artifact, bytes)
            for written in {version.version, quote(version.version)}:
                whole = await server.get(path(server, written))
                assert (whole.status, whole.body) == (200, version.artifact)
                assert whole.headers["ETag"] == f'"{version.sha256}"'
            part = await server.get(path(server, version.version), Range="bytes=-10")
            assert (part.status, part.body) == (206, version.artifact[-10:])
            known = await server.get(path(server, version.version), If_None_Match=whole.headers["ETag"])
            assert known.status == 304


async def test_what_was_never_stored_is_told_of(database: str, store: ArtifactStore) -> None:
    await filled(database, tools())
    async with mirror(database, artifacts=store) as server:
        reply = await server.get(path(server, "1.0.0"))
        assert reply.status == 404
        assert "contentPolicy: Full" in reply.detail
        assert (await server.get(path(server, "3.0.0"))).status == 404


async def test_an_artifact_goes_to_who_may_read_the_repository(
    database: str, store: ArtifactStore, tmp_path: Path
) -> None:
    catalog = tools()
    await filled(database, catalog, artifacts=store, contentPolicy="Full")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    write(secrets / "readers", {"default.default": "bob:word\ntoken\n"})
    async with mirror(database, artifacts=store, secrets=secrets, access_secret="readers") as server:
        for authorization in ("Token wrong", "Basic nonsense"):
            reply = await server.get(path(server, "1.0.0"), Authorization=authorization)
            assert reply.status == 401
            assert reply.headers["WWW-Authenticate"] == 'Basic realm="collectionsync"'
        (version, *_) = catalog
        for authorization in ("Token token", f"Basic {base64.b64encode(b'bob:word').decode()}"):
            reply = await server.get(path(server, version.version), Authorization=authorization)
            assert (reply.status, reply.body) == (200, version.artifact)
            assert reply.headers["Cache-Control"] == "private, max-age=0, must-revalidate"
        assert (await server.get(f"/default/unknown{path(server, '1.0.0')[16:]}")).status == 401
