"""A mirror of a mirror: what the server hands out is, to a sync, all that the first source had."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collectionsync.artifacts.store import ArtifactStore
from collectionsync.report import Result
from peer import ours
from postgres import fresh_database
from serving import Serve
from servingmirror import Mirror, mirror
from syncing import Ended, manifest, names, published, rows, stored_documents, sync, wrong_digests
from testgalaxy import PNG, Catalog, TestGalaxy, small_catalog, small_version

pytestmark = pytest.mark.slow

_MORE_THAN_A_PAGE = 103


def everything() -> Catalog:
    """All kinds of content that a sync can bring."""
    catalog = small_catalog(
        {
            "port.many": ["1.0.0", "1.1.0", "1.2.0"],
            "port.built": ["1.0.0-rc.1", "1.0.1+build.5"],
            "port.app": ["1.0.0", "2.0.0"],
            "harbour.all": ["1.0.0"],
            "harbour.old": ["1.0.0"],
        },
        dependencies={"port.app": {"port.built": "*"}},
    )
    catalog.sign("port", "app", "2.0.0")
    catalog.mark("port", "many", "1.0.0", "certified")
    catalog.deprecate("harbour", "old")
    catalog.describe("port", company="Port", links={"home": "https://example.com/"}, avatar=PNG)
    return catalog


@pytest.fixture
def second(postgres_uri: str) -> Iterator[str]:
    """The database of the mirror of the mirror."""
    with fresh_database(postgres_uri) as uri:
        yield uri


class Chain:
    """A galaxy, a mirror of it that is served, and what a sync of that mirror is told."""

    def __init__(self, galaxy: TestGalaxy, database: str, second: str, folder: Path) -> None:
        self.galaxy = galaxy
        self._database = database
        self._second = second
        self._stores = [ArtifactStore.open((folder / name).as_uri(), {}) for name in ("first", "second")]

    async def first_sync(self) -> Ended:
        """Mirror all of the galaxy."""
        document = manifest(self.galaxy.url, all=True, mirror=True, contentPolicy="Full")
        return await sync(document, self._database, artifacts=self._stores[0])

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Mirror]:
        """Serve what that has brought."""
        async with mirror(self._database, artifacts=self._stores[0]) as server:
            yield server

    async def second_sync(self, server: Mirror, *collections: str, **spec: Any) -> Ended:
        """Mirror the mirror: these collections, or all that there is."""
        asked: dict[str, Any] = {} if collections else {"all": True, "mirror": True}
        document = manifest(f"{server.url}{server.api}/", *collections, contentPolicy="Full", **asked, **spec)
        return await sync(document, self._second, artifacts=self._stores[1])


@pytest.fixture
async def chain(serve: Serve, database: str, second: str, tmp_path: Path) -> Chain:
    """A chain whose first mirror has everything."""
    made = Chain(await serve(everything(), redirects=False), database, second, tmp_path)
    assert (await made.first_sync()).result is Result.SUCCEEDED
    return made


def answered(server: Mirror) -> dict[str, int]:
    """How often each route was asked until now."""
    assert server.server is not None
    found: dict[str, int] = {}
    for (route, _), count in server.server.tally.requests.items():
        found[route] = found.get(route, 0) + count
    return found


async def test_all_of_it_is_the_same_to_the_last_byte(chain: Chain, database: str, second: str) -> None:
    async with chain.served() as server:
        ended = await chain.second_sync(server)
        asked = answered(server)
    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    assert asked["all-versions"] == asked["all-collections"] == 1
    assert "versions" not in asked
    assert await ours.content(second) == await ours.content(database)
    assert await published(second) == names(chain.galaxy.catalog)
    assert await stored_documents(second) == await stored_documents(database)
    assert await wrong_digests(second) == 0
    assert await rows(second, "SELECT body FROM avatar") == [(PNG,)]


async def test_nothing_is_asked_again_of_a_mirror_that_did_not_change(chain: Chain) -> None:
    async with chain.served() as server:
        await chain.second_sync(server)
        before = answered(server)
        assert (await chain.first_sync()).result is Result.NO_CHANGE
        again = await chain.second_sync(server)
        after = answered(server)
    assert (again.result, again.report.documents.created, again.report.artifacts.created) == (Result.NO_CHANGE, 0, 0)
    assert {route for route in after if after[route] > before.get(route, 0)} <= {"root", "published", "unknown"}


async def test_collections_by_name_come_page_by_page_and_with_what_they_depend_on(chain: Chain, second: str) -> None:
    for minor in range(10, _MORE_THAN_A_PAGE + 10):
        chain.galaxy.catalog.add(small_version("port.many", f"1.{minor}.0"))
    await chain.first_sync()
    async with chain.served() as server:
        ended = await chain.second_sync(server, "port.many", "port.app")
        before = answered(server)
        again = await chain.second_sync(server, "port.many", "port.app")
        after = answered(server)
    assert (ended.result, ended.skipped, before["versions"]) == (Result.SUCCEEDED, {}, 4)
    mirrored = [version for version in chain.galaxy.catalog if version.namespace == "port"]
    assert await published(second) == names(mirrored)
    assert (again.result, again.skipped) == (Result.NO_CHANGE, {})
    grown = {route for route in after if after[route] > before.get(route, 0)}
    assert not grown & {"version", "docs-blob", "artifact", "all-versions"}


async def test_what_changes_at_the_source_comes_through_both(chain: Chain, database: str, second: str) -> None:
    catalog = chain.galaxy.catalog
    async with chain.served() as server:
        await chain.second_sync(server)
        catalog.remove("port", "many", "1.1.0")
        catalog.remove("harbour", "old")
        catalog.add(small_version("port.app", "1.5.0"))
        catalog.sign("port", "app", "1.0.0")
        catalog.deprecate("harbour", "all")
        await chain.first_sync()
        ended = await chain.second_sync(server)
    assert (ended.result, ended.report.versions.removed) == (Result.SUCCEEDED, 2)
    content = await ours.content(second)
    assert content == await ours.content(database)
    assert content.names == names(catalog)
    assert content.deprecated == {"harbour.all"}
    assert {version for version, _, _ in content.signatures} == {"port.app 1.0.0", "port.app 2.0.0"}
