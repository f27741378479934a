"""Where the two are meant to part: each test names what Pulp does, what ours does, and why."""

import asyncio
from pathlib import Path

import pytest

from collectionsync.report import Result
from peer import ours
from peer.cases import requirements
from peer.comparing import compare
from serving import Serve
from syncing import manifest, published, sync
from testgalaxy import Catalog, Fault, small_catalog
from testgalaxy.wirefaults import status
from testpulp import Peer, PulpError, TaskFailedError


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0"], "acme.more": ["1.0.0"]})


async def test_one_collection_that_is_missing_fails_all_of_a_sync_by_pulp_and_is_skipped_by_ours(
    serve: Serve, database: str, peer: Peer, tmp_path: Path
) -> None:
    """A user's mirror must not depend on the worst of its collections; the report names what is missing."""
    galaxy = await serve(tools())
    asked = requirements("acme.tools", "acme.missing")
    theirs = await peer.mirror(galaxy.url, asked)
    with pytest.raises(TaskFailedError):
        await theirs.sync()
    ended = await ours.mirror(galaxy.url, asked, database, tmp_path)
    assert (await theirs.content()).names == []
    assert (ended.result, ended.skipped) == (Result.PARTIAL, {"acme.missing *": "NotFound"})
    assert await published(database) == ["acme.tools 1.0.0", "acme.tools 1.1.0"]


@pytest.mark.parametrize("lacking", ["docs", "artifact"])
async def test_what_one_version_lacks_fails_all_of_a_sync_by_pulp(
    serve: Serve, database: str, peer: Peer, tmp_path: Path, lacking: str
) -> None:
    """Docs that are missing are no defect of a version, and metadata need no artifact: ours has all of it."""
    name = f"without.{lacking}"  # a collection of its own, for Pulp does not fetch again what it has in any repository
    galaxy = await serve(small_catalog({name: ["1.0.0", "1.1.0"]}))
    galaxy.faults.add(Fault(lambda exchange: exchange.kind == lacking and "1.1.0" in exchange.path, status(404)))
    theirs = await peer.mirror(galaxy.url, requirements(name))
    with pytest.raises(TaskFailedError):
        await theirs.sync()
    ended = await ours.mirror(galaxy.url, requirements(name), database, tmp_path)
    assert (await theirs.content()).names == []
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == [f"{name} 1.0.0", f"{name} 1.1.0"]


@pytest.mark.parametrize("text", ["~=1.0.0", "^1.0.0", "1.*"])
async def test_ranges_that_ansible_galaxy_does_not_know_are_refused_by_ours(
    serve: Serve, database: str, peer: Peer, tmp_path: Path, text: str
) -> None:
    """A client of the mirror could not read such a requirements.yml either."""
    galaxy = await serve(tools())
    theirs = await peer.mirror(galaxy.url, requirements(f"acme.tools:{text}"))
    await theirs.sync()
    ended = await ours.mirror(galaxy.url, requirements(f"acme.tools:{text}"), database, tmp_path)
    assert (await theirs.content()).names != []
    assert (ended.result, ended.code) == (Result.FAILED, 78)


async def test_a_deprecation_is_reversed_by_those_alone_who_look_at_the_collection(
    serve: Serve, database: str, peer: Peer
) -> None:
    """Pulp takes back every deprecation that a sync has not seen, also those that came from another source."""
    galaxy = await serve(tools())
    galaxy.catalog.deprecate("acme", "tools")
    theirs = await peer.mirror(galaxy.url, requirements("acme.tools"))
    await theirs.sync()
    await theirs.change_remote(requirements_file=requirements("acme.more"))
    await theirs.sync()
    await sync(named("one", galaxy.url, "acme.tools"), database)
    await sync(named("two", galaxy.url, "acme.more"), database)
    mine, pulps = await ours.content(database), await theirs.content()
    assert mine.releases == pulps.releases
    assert mine.deprecated == {"acme.tools"}
    assert pulps.deprecated == frozenset()


def named(name: str, url: str, *collections: str) -> dict[str, object]:
    document = manifest(url, *collections)
    document["metadata"]["name"] = name
    return document


async def test_a_signature_that_the_source_takes_back_goes_without_mirror_as_well(
    serve: Serve, database: str, peer: Peer, tmp_path: Path
) -> None:
    """A signature is the source's word, and not content: an additive mirror of Pulp's keeps what is no longer said."""
    galaxy = await serve(tools())
    galaxy.catalog.sign("acme", "tools", "1.0.0")
    theirs = await peer.mirror(galaxy.url)
    for _ in range(2):
        await asyncio.gather(theirs.sync(), ours.mirror(galaxy.url, None, database, tmp_path))
        galaxy.catalog.unsign("acme", "tools", "1.0.0")
    assert len((await theirs.content()).signatures) == 1
    assert (await ours.content(database)).signatures == frozenset()


async def test_a_url_without_its_last_slash_is_refused_by_pulp_and_understood_by_ours(
    serve: Serve, database: str, peer: Peer, tmp_path: Path
) -> None:
    galaxy = await serve(tools())
    url = galaxy.url.rstrip("/")
    with pytest.raises(PulpError):
        await peer.mirror(url)
    assert (await ours.mirror(url, None, database, tmp_path)).result is Result.SUCCEEDED


async def test_the_highest_of_everything_are_all_of_everything_to_pulp(
    serve: Serve, database: str, peer: Peer, tmp_path: Path
) -> None:
    """Its limit is forgotten where it mirrors a whole server by the lists of everything."""
    galaxy = await serve(tools())
    theirs = await peer.mirror(galaxy.url, sync_highest_versions=1)
    await theirs.sync()
    await ours.mirror(galaxy.url, None, database, tmp_path, latest=1)
    assert (await theirs.content()).names == ["acme.more 1.0.0", "acme.tools 1.0.0", "acme.tools 1.1.0"]
    assert await published(database) == ["acme.more 1.0.0", "acme.tools 1.1.0"]


async def test_build_metadata_is_the_same_to_both_where_the_server_hands_it_out(
    serve: Serve, database: str, peer: Peer, tmp_path: Path
) -> None:
    """A Pulp as the source does not, so that a Pulp cannot mirror it: see the tests of Pulp as a source."""
    galaxy = await serve(
        small_catalog({"acme.built": ["1.0.0", "1.0.1+build.5", "1.1.0-rc.1+build.6"]}), redirects=False
    )
    asked = requirements("acme.built:>=1.0.0")
    theirs = await peer.mirror(galaxy.url, asked)
    await asyncio.gather(theirs.sync(), ours.mirror(galaxy.url, asked, database, tmp_path))
    compare(await ours.content(database), await theirs.content())
    assert len((await ours.content(database)).releases) == 3
