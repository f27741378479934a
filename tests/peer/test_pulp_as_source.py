"""A real Pulp as the source: what ours mirrors of it is what its own API lists, artifact by artifact."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from collectionsync.artifacts.store import ArtifactStore
from collectionsync.report import Result
from commandline import Commands
from peer import ours
from peer.cases import requirements
from serving import Serve
from syncing import manifest, published, rows, sync, value, wrong_digests
from testgalaxy import PNG, Catalog, small_catalog, small_version
from testpulp import Content, Mirror, Peer, Place, Pulp
from testpulp.api import ADMINISTRATOR

_PAGES = 105
"""More versions than a page of Pulp's lists has."""


def shop() -> Catalog:
    """All kinds of content that a sync can bring into a Pulp."""
    catalog = small_catalog(
        {
            "shop.many": [f"1.{minor}.0" for minor in range(_PAGES)],
            "shop.early": ["1.0.0-rc.1", "1.0.0-rc.10"],
            "shop.app": ["1.0.0", "2.0.0"],
            "shop.index": ["1.0.0"],
            "store.old": ["1.0.0"],
        },
        dependencies={"shop.app": {"shop.index": ">=1.0.0"}},
        docs=lambda namespace, name, version: b'{"docs_blob":{}}' if name == "early" else _docs(name),
    )
    for name, version in (("app", "1.0.0"), ("app", "2.0.0"), ("many", "1.7.0")):
        catalog.sign("shop", name, version)
    catalog.sign("shop", "app", "2.0.0", fingerprint="00112233445566778899AABBCCDDEEFF00112233")
    catalog.mark("shop", "many", "1.0.0", "certified")
    catalog.deprecate("store", "old")
    catalog.describe("shop", company="Shop", links={"home": "https://example.com/"}, avatar=PNG)
    catalog.describe("store", description="A store.")
    return catalog


def _docs(name: str) -> bytes:
    return (
        b'{"docs_blob":{"contents":[],"collection_readme":{"name":"README.md","html":"%s"},"documentation_files":[]}}'
        % (name.encode())
    )


@pytest.fixture(scope="session")
def stocked() -> list[Place]:
    """The repository that has its content already, if one has."""
    return []


@pytest.fixture
async def source(serve: Serve, peer: Peer, stocked: list[Place]) -> Mirror:
    """A repository with all kinds of content, some of it synced and some uploaded, that a distribution serves.

    It is made once, and no test changes it.
    """
    if not stocked:
        galaxy = await serve(shop())
        made = await peer.mirror(galaxy.url)
        await made.sync()
        for version in (small_version("depot.uploaded", "1.0.0"), small_version("depot.uploaded", "1.1.0-beta.1")):
            assert isinstance(version.artifact, bytes)
            await made.upload(version.filename, version.artifact)
        await made.serve()
        stocked.append(made.place)
    return Mirror(peer, stocked[0])


@pytest.fixture
def secrets(pulp: Pulp, tmp_path: Path) -> Path:
    """The folder of Secrets, with Pulp's password in one."""
    folder = tmp_path / "secrets"
    login = folder / "pulp"
    login.mkdir(parents=True)
    (login / "username").write_text(ADMINISTRATOR)
    (login / "password").write_text(pulp.password)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The folder of artifacts."""
    return tmp_path / "artifacts"


async def whole(source: Mirror, *collections: str, **spec: Any) -> dict[str, Any]:
    """A resource that mirrors these collections, or all of them, with their artifacts."""
    asked: dict[str, Any] = {} if collections else {"all": True}
    login = {"secretRef": {"name": "pulp"}}
    return manifest(await source.serve(), *collections, source=login, contentPolicy="Full", **asked, **spec)


async def holds(database: str, store: Path, expected: Content) -> None:
    """Fail unless the database and the store have exactly this."""
    assert await ours.content(database) == expected
    assert await wrong_digests(database) == 0
    assert digests(store) == {f"{release.sha256}.tar.gz": release.sha256 for release in expected.releases}


def digests(store: Path) -> dict[str, str]:
    """The digest of every object in the folder of a store, by its name."""
    objects = [path for path in store.rglob("*") if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in objects}


async def test_all_of_it_is_what_its_own_api_lists(
    source: Mirror, commands: Commands, secrets: Path, database: str, store: Path
) -> None:
    expected = await source.content()
    assert len(expected.releases) == len(shop()) + 2
    assert (len(expected.signatures), len(expected.marks)) == (4, 1)
    assert expected.deprecated == {"store.old"}
    assert {name for name, _ in expected.namespaces} == {"shop", "store"}
    ended = await commands.sync(
        await whole(source), "--secrets", secrets, "--artifacts", store.as_uri(), database=database
    )
    assert ended.code == 0, ended.err
    assert ended.report is not None
    assert (ended.report["result"], ended.report["skipped"]) == ("Succeeded", [])
    await holds(database, store, expected)
    assert await rows(database, "SELECT body FROM avatar") == [(PNG,)]
    assert await value(database, "SELECT count(*) FROM collection_document WHERE kind = 'docs_blob'") == len(
        expected.releases
    )


async def test_all_that_is_named_is_what_its_own_api_lists(
    source: Mirror, secrets: Path, database: str, store: Path
) -> None:
    expected = await source.content()
    every = sorted({f"{release.namespace}.{release.name}" for release in expected.releases})
    ended = await sync(
        await whole(source, *every), database, secrets=secrets, artifacts=ArtifactStore.open(store.as_uri(), {})
    )
    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    await holds(database, store, expected)


async def test_a_part_that_is_named_comes_with_what_it_depends_on(
    source: Mirror, secrets: Path, database: str, store: Path
) -> None:
    document = await whole(source, "shop.app:2.0.0")
    ended = await sync(document, database, secrets=secrets, artifacts=ArtifactStore.open(store.as_uri(), {}))
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["shop.app 2.0.0", "shop.index 1.0.0"]


async def test_the_same_again_changes_nothing_and_fetches_nothing(
    source: Mirror, secrets: Path, database: str, store: Path
) -> None:
    for document in (await whole(source), await whole(source, "shop.app", "depot.uploaded")):
        artifacts = ArtifactStore.open(store.as_uri(), {})
        await sync(document, database, secrets=secrets, artifacts=artifacts)
        again = await sync(document, database, secrets=secrets, artifacts=artifacts)
        assert again.result is Result.NO_CHANGE
        assert (again.report.documents.created, again.report.artifacts.created) == (0, 0)


async def test_what_changes_in_it_changes_in_a_mirror_of_it(
    serve: Serve, peer: Peer, secrets: Path, database: str, store: Path
) -> None:
    galaxy = await serve(small_catalog({"plant.tools": ["1.0.0", "1.1.0"], "plant.more": ["1.0.0"]}))
    upstream = await peer.mirror(galaxy.url)
    await upstream.sync()
    artifacts = ArtifactStore.open(store.as_uri(), {})
    document = await whole(upstream, mirror=True)
    await sync(document, database, secrets=secrets, artifacts=artifacts)
    assert await ours.content(database) == await upstream.content()

    galaxy.catalog.remove("plant", "tools", "1.0.0")
    galaxy.catalog.remove("plant", "more")
    galaxy.catalog.add(small_version("plant.tools", "2.0.0"))
    galaxy.catalog.sign("plant", "tools", "1.1.0")
    galaxy.catalog.mark("plant", "tools", "1.1.0", "certified")
    galaxy.catalog.deprecate("plant", "tools")
    await upstream.sync(mirror=True)
    ended = await sync(document, database, secrets=secrets, artifacts=artifacts)
    assert (ended.result, ended.report.versions.removed) == (Result.SUCCEEDED, 2)
    expected = await upstream.content()
    assert expected.names == ["plant.tools 1.1.0", "plant.tools 2.0.0"]
    assert await ours.content(database) == expected


async def test_build_metadata_cannot_be_had_of_it_and_the_rest_can(
    serve: Serve, peer: Peer, secrets: Path, database: str, store: Path
) -> None:
    """Its own view of artifacts takes no plus sign, so that no client can install such a version of it either."""
    galaxy = await serve(small_catalog({"plant.built": ["1.0.0", "1.0.1+build.5"]}), redirects=False)
    upstream = await peer.mirror(galaxy.url, requirements("plant.built"))
    await upstream.sync()
    assert len((await upstream.content()).releases) == 2
    document = await whole(upstream)
    ended = await sync(document, database, secrets=secrets, artifacts=ArtifactStore.open(store.as_uri(), {}))
    assert (ended.result, ended.skipped) == (Result.PARTIAL, {"plant.built 1.0.1+build.5": "NotFound"})
    assert await published(database) == ["plant.built 1.0.0"]


async def test_without_its_password_nothing_is_had(source: Mirror, database: str, commands: Commands) -> None:
    document = manifest(await source.serve(), all=True)
    ended = await commands.sync(document, database=database)
    assert ended.code == 77
