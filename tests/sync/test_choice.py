"""Which versions a requirement means: the newest few, pre-releases by rule, and none that is left out."""

import pytest

from collectionsync.report import Result
from serving import Serve, fetched
from syncing import manifest, published, sync
from testgalaxy import Catalog, small_catalog

pytestmark = pytest.mark.slow


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0", "2.0.0", "2.1.0-rc.1", "3.0.0-beta.1"]})


async def test_the_latest_are_releases_before_prereleases(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, collections=[{"name": "acme.tools", "latest": 2}]), database)
    assert await published(database) == ["acme.tools 1.1.0", "acme.tools 2.0.0"]


async def test_the_latest_are_within_the_range(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, collections=[{"name": "acme.tools", "version": "<2", "latest": 1}])
    await sync(document, database)
    assert await published(database) == ["acme.tools 1.1.0"]


async def test_the_latest_holds_for_dependencies_too(serve: Serve, database: str) -> None:
    galaxy = await serve(
        small_catalog(
            {"acme.app": ["1.0.0", "1.1.0"], "acme.lib": ["1.0.0", "1.1.0", "2.0.0"]},
            dependencies={"acme.app": {"acme.lib": "<2"}},
        )
    )
    await sync(manifest(galaxy.url, "acme.app", latest=1), database)
    assert await published(database) == ["acme.app 1.1.0", "acme.lib 1.1.0"]


async def test_prereleases_are_versions_like_any_other_by_default(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools:>=2"), database)
    assert await published(database) == ["acme.tools 2.0.0", "acme.tools 2.1.0-rc.1", "acme.tools 3.0.0-beta.1"]


async def test_prereleases_that_nobody_needs_are_left_where_that_is_asked(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools:>=2", prereleases="WhenNeeded"), database)
    assert await published(database) == ["acme.tools 2.0.0"]


async def test_a_pinned_prerelease_is_needed(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools:2.1.0-rc.1", prereleases="WhenNeeded"), database)
    assert await published(database) == ["acme.tools 2.1.0-rc.1"]


async def test_excluded_versions_are_not_even_fetched(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools", exclude=[{"name": "acme.tools", "version": ">=2"}])
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.tools 1.0.0", "acme.tools 1.1.0"]
    assert fetched(galaxy) == {"acme.tools 1.0.0", "acme.tools 1.1.0"}


async def test_an_excluded_dependency_is_left_out_without_a_word(serve: Serve, database: str) -> None:
    galaxy = await serve(
        small_catalog({"acme.app": ["1.0.0"], "acme.lib": ["1.0.0"]}, dependencies={"acme.app": {"acme.lib": "*"}})
    )
    ended = await sync(manifest(galaxy.url, "acme.app", exclude=[{"name": "acme.lib"}]), database)
    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    assert await published(database) == ["acme.app 1.0.0"]


async def test_to_exclude_all_that_is_asked_for_is_told(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await sync(manifest(galaxy.url, "acme.tools:<2", exclude=[{"name": "acme.tools"}]), database)
    assert ended.skipped == {"acme.tools <2.0.0": "Excluded"}


async def test_a_prerelease_is_needed_where_every_release_is_excluded(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(
        galaxy.url,
        "acme.tools:>=2.1.0-alpha,<3",
        prereleases="WhenNeeded",
        exclude=[{"name": "acme.tools", "version": "<=2.0.0"}],
    )
    assert (await sync(document, database)).result is Result.SUCCEEDED
    assert await published(database) == ["acme.tools 2.1.0-rc.1", "acme.tools 3.0.0-beta.1"]
