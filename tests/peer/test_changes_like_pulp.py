"""What a second sync makes of a source, or of a wish, that has changed: as in Pulp, or otherwise for a reason."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from collectionsync.report import Result
from peer import ours
from peer.cases import Difference, requirements
from peer.comparing import compare
from serving import Serve
from syncing import Ended, rows
from testgalaxy import Catalog, TestGalaxy, small_catalog, small_version
from testpulp import Mirror, Peer

TOOLS = requirements("acme.tools")


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0", "1.2.0"], "acme.more": ["1.0.0"]})


class Both:
    """A mirror by each of the two, of the same galaxy."""

    def __init__(self, galaxy: TestGalaxy, asked: str | None, theirs: Mirror, database: str, folder: Path) -> None:
        self.galaxy = galaxy
        self._asked = asked
        self._theirs = theirs
        self._database = database
        self._folder = folder

    async def ask(self, asked: str | None) -> None:
        """Ask for something else from now on."""
        self._asked = asked
        await self._theirs.change_remote(requirements_file=asked)

    async def sync(self, *, mirror: bool = False, optimize: bool = False, **spec: Any) -> Ended:
        """Sync both; how ours ended."""
        ended, _ = await asyncio.gather(
            ours.mirror(self.galaxy.url, self._asked, self._database, self._folder, mirror=mirror, **spec),
            self._theirs.sync(mirror=mirror, optimize=optimize),
        )
        return ended

    async def compare(self, difference: Difference | None = None) -> list[str]:
        """Fail unless they are the same but for the difference; `namespace.name version` of what ours has."""
        mine = await ours.content(self._database)
        compare(mine, await self._theirs.content(), difference or Difference(reason=""))
        return mine.names

    async def look_again(self) -> None:
        """Have ours take every version for one that it has not looked at for long."""
        await rows(self._database, "UPDATE source_version SET checked_at = '-infinity'")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


async def both(serve: Serve, peer: Peer, database: str, folder: Path, catalog: Catalog, asked: str | None) -> Both:
    galaxy = await serve(catalog)
    return Both(galaxy, asked, await peer.mirror(galaxy.url, asked), database, folder)


@pytest.mark.parametrize("asked", [None, TOOLS], ids=["everything", "by name"])
@pytest.mark.parametrize("mirror", [True, False], ids=["mirror", "additive"])
async def test_a_version_that_is_gone_from_the_source(
    serve: Serve, peer: Peer, database: str, folder: Path, asked: str | None, mirror: bool
) -> None:
    two = await both(serve, peer, database, folder, tools(), asked)
    await two.sync(mirror=mirror)
    two.galaxy.catalog.remove("acme", "tools", "1.1.0")
    await two.sync(mirror=mirror)
    assert ("acme.tools 1.1.0" in await two.compare()) is not mirror


async def test_a_collection_that_is_gone_from_the_source(serve: Serve, peer: Peer, database: str, folder: Path) -> None:
    two = await both(serve, peer, database, folder, tools(), None)
    two.galaxy.catalog.deprecate("acme", "more")
    await two.sync(mirror=True)
    two.galaxy.catalog.remove("acme", "more")
    await two.sync(mirror=True)
    assert await two.compare() == ["acme.tools 1.0.0", "acme.tools 1.1.0", "acme.tools 1.2.0"]


async def test_versions_that_are_no_longer_asked_for(serve: Serve, peer: Peer, database: str, folder: Path) -> None:
    two = await both(serve, peer, database, folder, tools(), TOOLS)
    await two.sync(mirror=True)
    await two.ask(requirements("acme.tools:>=1.2.0"))
    await two.sync(mirror=True)
    assert await two.compare() == ["acme.tools 1.2.0"]


async def test_a_version_that_is_new(serve: Serve, peer: Peer, database: str, folder: Path) -> None:
    two = await both(serve, peer, database, folder, tools(), TOOLS)
    await two.sync()
    two.galaxy.catalog.add(small_version("acme.tools", "1.1.1"))
    await two.sync()
    assert "acme.tools 1.1.1" in await two.compare()


@pytest.mark.parametrize("mirror", [True, False], ids=["mirror", "additive"])
async def test_another_artifact_under_the_same_version(
    serve: Serve, peer: Peer, database: str, folder: Path, mirror: bool
) -> None:
    two = await both(serve, peer, database, folder, tools(), TOOLS)
    await two.sync(mirror=mirror)
    another = two.galaxy.catalog.add(small_version("acme.tools", "1.1.0", files={"NEW.md": b"new\n"}))
    await two.sync(mirror=mirror)
    await two.compare()
    mine = await ours.content(database)
    assert another.sha256 in {release.sha256 for release in mine.releases}
    assert len(mine.releases) == 3


@pytest.mark.parametrize("asked", [None, TOOLS], ids=["everything", "by name"])
@pytest.mark.parametrize("mirror", [True, False], ids=["mirror", "additive"])
async def test_a_deprecation_and_its_reversal(
    serve: Serve, peer: Peer, database: str, folder: Path, asked: str | None, mirror: bool
) -> None:
    two = await both(serve, peer, database, folder, tools(), asked)
    for deprecated in (True, False, True):
        two.galaxy.catalog.deprecate("acme", "tools", deprecated)
        await two.sync(mirror=mirror)
        await two.compare()
        assert (await ours.content(database)).deprecated == ({"acme.tools"} if deprecated else set())


async def test_a_signature_and_a_mark_that_come_later(serve: Serve, peer: Peer, database: str, folder: Path) -> None:
    two = await both(serve, peer, database, folder, tools(), None)
    await two.sync()
    two.galaxy.catalog.sign("acme", "tools", "1.0.0")
    two.galaxy.catalog.mark("acme", "tools", "1.2.0", "certified")
    ended = await two.sync()
    assert ended.result is Result.SUCCEEDED
    await two.compare()


async def test_a_signature_that_comes_later_to_what_is_asked_for_by_name(
    serve: Serve, peer: Peer, database: str, folder: Path
) -> None:
    """Ours does not read every detail again, as Pulp does each time; recheckInterval says how soon it does."""
    two = await both(serve, peer, database, folder, tools(), TOOLS)
    await two.sync()
    two.galaxy.catalog.sign("acme", "tools", "1.0.0")
    assert (await two.sync()).result is Result.NO_CHANGE
    await two.look_again()
    assert (await two.sync()).result is Result.SUCCEEDED
    await two.compare()


async def test_signatures_and_marks_that_the_source_takes_back_go_from_a_mirror(
    serve: Serve, peer: Peer, database: str, folder: Path
) -> None:
    two = await both(serve, peer, database, folder, tools(), None)
    two.galaxy.catalog.sign("acme", "tools", "1.0.0")
    two.galaxy.catalog.mark("acme", "tools", "1.2.0", "certified")
    await two.sync(mirror=True)
    two.galaxy.catalog.unsign("acme", "tools", "1.0.0")
    two.galaxy.catalog.unmark("acme", "tools", "1.2.0", "certified")
    await two.sync(mirror=True)
    await two.compare()


async def test_namespace_metadata_that_changes(serve: Serve, peer: Peer, database: str, folder: Path) -> None:
    """Ours hears of it when it looks at a version again, which says the digest of its namespace; Pulp always looks."""
    two = await both(serve, peer, database, folder, tools(), TOOLS)
    two.galaxy.catalog.describe("acme", company="Acme")
    await two.sync()
    await two.compare()
    described = two.galaxy.catalog.describe("acme", company="Acme Tools", links={"home": "https://example.com/"})
    await two.look_again()
    await two.sync()
    await two.compare()
    assert (await ours.content(database)).namespaces == {("acme", described.metadata_sha256)}
