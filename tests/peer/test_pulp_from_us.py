"""A real Pulp syncs from `collectionsync serve`: the same set, and nothing more is asked than must be."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from commandline import Commands
from peer import ours
from peer.cases import requirements
from peer.comparing import compare
from peer.upstream import Upstream, upstream
from serving import Serve
from testgalaxy import PNG, Catalog, small_catalog, small_version
from testpulp import Peer, TaskFailedError

Served = Callable[..., Awaitable[Upstream]]

_PAGES = 105
"""More versions than a page has."""


@pytest.fixture
async def served(serve: Serve, commands: Commands, database: str, tmp_path: Path) -> AsyncIterator[Served]:
    """Serves what ours has mirrored of a catalog; all ends with the test."""
    async with AsyncExitStack() as stack:

        async def start(catalog: Catalog, **options: Any) -> Upstream:
            galaxy = await serve(catalog, redirects=False)
            return await stack.enter_async_context(upstream(galaxy, commands, database, tmp_path, **options))

        yield start


def everything() -> Catalog:
    """All kinds of content that a sync can bring."""
    catalog = small_catalog(
        {
            "port.many": [f"1.{minor}.0" for minor in range(_PAGES)],
            "port.early": ["1.0.0-rc.1", "1.0.0-rc.10"],
            "port.built": ["1.0.0", "1.0.1+build.5", "1.1.0-rc.1+build.6"],
            "port.app": ["1.0.0", "2.0.0"],
            "port.index": ["1.0.0"],
            "harbour.all": ["1.0.0"],
            "harbour.old": ["1.0.0"],
        },
        dependencies={"port.app": {"port.index": ">=1.0.0"}},
    )
    for name, version in (("app", "1.0.0"), ("app", "2.0.0"), ("many", "1.7.0"), ("built", "1.0.1+build.5")):
        catalog.sign("port", name, version)
    catalog.sign("port", "app", "2.0.0", fingerprint="00112233445566778899AABBCCDDEEFF00112233")
    catalog.mark("port", "many", "1.0.0", "certified")
    catalog.deprecate("harbour", "old")
    catalog.describe("port", company="Port", links={"home": "https://example.com/"}, avatar=PNG)
    catalog.describe("harbour", description="A harbour.")
    return catalog


async def test_a_whole_repository_is_the_same_in_a_pulp(served: Served, peer: Peer) -> None:
    source = await served(everything())
    theirs = await peer.mirror(source.url)
    await theirs.sync()
    pulps = await theirs.content()
    compare(await ours.content(source.database), pulps)
    assert len(pulps.releases) == len(everything())
    assert (len(pulps.signatures), len(pulps.marks)) == (5, 1)
    assert pulps.deprecated == {"harbour.old"}
    assert {name for name, _ in pulps.namespaces} == {"port", "harbour"}
    asked = await source.asked()
    assert asked["avatar"] == 1
    assert asked["artifact"] == asked["docs-blob"] == len(everything())


async def test_no_request_of_a_pulp_is_redirected_or_fails(served: Served, peer: Peer) -> None:
    source = await served(small_catalog({"quay.tools": ["1.0.0"]}))
    before = await source.asked()
    await (await peer.mirror(source.url)).sync()
    wrong = {route: count for route, count in (await source.asked() - before).items() if " " in route}
    assert wrong == {"unknown 404": 1}, "it asks for excludes, which no Pulp has either"


async def test_a_mirror_of_requirements_has_their_dependencies(served: Served, peer: Peer) -> None:
    source = await served(
        small_catalog(
            {
                "dock.app": ["1.0.0", "2.0.0"],
                "dock.web": ["1.0.0"],
                "dock.net": ["1.0.0", "1.1.0"],
                "dock.no": ["1.0.0"],
            },
            dependencies={"dock.app": {"dock.web": "*"}, "dock.web": {"dock.net": ">=1.1.0"}},
        )
    )
    theirs = await peer.mirror(source.url, requirements("dock.app:>=2.0.0"))
    await theirs.sync()
    assert (await theirs.content()).names == ["dock.app 2.0.0", "dock.net 1.1.0", "dock.web 1.0.0"]


async def test_a_second_sync_asks_only_whether_anything_was_published(served: Served, peer: Peer) -> None:
    source = await served(small_catalog({"pier.tools": ["1.0.0", "1.1.0"]}))
    theirs = await peer.mirror(source.url, is_attached=True)
    await theirs.sync(optimize=True)
    before = await source.asked()
    await source.refresh()
    await theirs.sync(optimize=True)
    assert set(await source.asked() - before) == {"root", "published"}


async def test_a_second_sync_that_looks_at_everything_fetches_nothing_again(served: Served, peer: Peer) -> None:
    source = await served(small_catalog({"pier.more": ["1.0.0", "1.1.0"]}))
    theirs = await peer.mirror(source.url)
    await theirs.sync()
    before = await source.asked()
    await theirs.sync()
    assert not set(await source.asked() - before) & {"version", "docs-blob", "artifact"}


Change = Callable[[Catalog], Any]

CHANGES: dict[str, Change] = {
    "a version more": lambda catalog: catalog.add(small_version("wharf.tools", "1.0.1")),
    "a collection more": lambda catalog: catalog.add(small_version("wharf.later", "1.0.0")),
    "a version less": lambda catalog: catalog.remove("wharf", "tools", "1.1.0"),
    "a collection less": lambda catalog: catalog.remove("berth", "more"),
    "a deprecation": lambda catalog: catalog.deprecate("wharf", "tools"),
    "the end of a deprecation": lambda catalog: catalog.deprecate("wharf", "old", False),
    "a signature": lambda catalog: catalog.sign("wharf", "tools", "1.0.0"),
    "a signature less": lambda catalog: catalog.unsign("wharf", "old", "1.0.0"),
    "a mark": lambda catalog: catalog.mark("wharf", "tools", "1.0.0", "certified"),
    "a namespace's metadata": lambda catalog: catalog.describe("wharf", company="Wharf and Sons"),
}


def wharf() -> Catalog:
    """A collection that goes has a namespace of its own: with it, Pulp drops the metadata of its whole namespace."""
    catalog = small_catalog({"wharf.tools": ["1.0.0", "1.1.0"], "berth.more": ["1.0.0"], "wharf.old": ["1.0.0"]})
    catalog.describe("wharf", company="Wharf")
    catalog.deprecate("wharf", "old")
    catalog.sign("wharf", "old", "1.0.0")
    return catalog


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_the_next_sync_brings_what_has_changed(served: Served, peer: Peer, change: Change) -> None:
    source = await served(wharf())
    theirs = await peer.mirror(source.url, is_attached=True)
    await theirs.sync(mirror=True, optimize=True)
    change(source.galaxy.catalog)
    await source.refresh()
    await theirs.sync(mirror=True, optimize=True)
    compare(await ours.content(source.database), await theirs.content())


async def test_docs_that_come_later_move_what_was_published_last(served: Served, peer: Peer) -> None:
    """Pulp reads docs of versions that are new to it alone, but it must not be told that nothing has changed."""
    source = await served(small_catalog({"buoy.tools": ["1.0.0"]}, docs=False))
    theirs = await peer.mirror(source.url, is_attached=True)
    await theirs.sync(optimize=True)
    published, before = await source.published(), await source.asked()
    source.galaxy.catalog.add(small_version("buoy.tools", "1.0.0"))
    await source.refresh()
    assert await source.published() > published
    await theirs.sync(optimize=True)
    assert (await source.asked() - before)["all-versions"] == 1


TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.mark.parametrize(
    ("access", "login"),
    [(TOKEN, {"token": TOKEN}), ("mirror:correct horse", {"username": "mirror", "password": "correct horse"})],
    ids=["a token", "a password"],
)
async def test_a_closed_repository_is_open_to_a_pulp_with_credentials(
    served: Served, peer: Peer, access: str, login: dict[str, Any]
) -> None:
    catalog = small_catalog({"lock.tools": ["1.0.0"]})
    catalog.describe("lock", company="Lock", avatar=PNG)
    source = await served(catalog, access=access)
    theirs = await peer.mirror(source.url, **login)
    await theirs.sync()
    compare(await ours.content(source.database), await theirs.content())
    with pytest.raises(TaskFailedError):
        await (await peer.mirror(source.url)).sync()
