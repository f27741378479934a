"""A collection is deprecated as long as its source says so, and only for those who look at it."""

from typing import Any

import pytest

from collectionsync.report import Result
from serving import Serve
from syncing import manifest, rows, sync
from testgalaxy import Catalog, small_catalog

pytestmark = pytest.mark.slow


def catalog() -> Catalog:
    found = small_catalog({"acme.tools": ["1.0.0"], "acme.more": ["1.0.0"]})
    found.deprecate("acme", "tools")
    return found


async def deprecated(database: str) -> list[str]:
    found = await rows(database, "SELECT DISTINCT namespace || '.' || name FROM repository_deprecation ORDER BY 1")
    return [name for (name,) in found]


async def test_a_deprecation_is_taken_over(serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    await sync(manifest(galaxy.url, "acme.tools", "acme.more"), database)
    assert await deprecated(database) == ["acme.tools"]


@pytest.mark.parametrize("asked", [{"all": True}, {"collections": [{"name": "acme.tools"}]}])
async def test_its_reversal_is_taken_over_and_is_a_change(serve: Serve, database: str, asked: dict[str, Any]) -> None:
    galaxy = await serve(catalog())
    document = manifest(galaxy.url, **asked)
    await sync(document, database)
    galaxy.catalog.deprecate("acme", "tools", False)
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert await deprecated(database) == []


async def test_a_deprecation_that_stays_is_no_change(serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    assert (await sync(document, database)).result is Result.NO_CHANGE


async def test_a_collection_that_another_resource_looks_at_is_left_as_it_is(serve: Serve, database: str) -> None:
    galaxy, other = await serve(catalog()), await serve(small_catalog({"acme.else": ["1.0.0"]}))
    await sync(manifest(galaxy.url, "acme.tools"), database)
    second = manifest(other.url, all=True)
    second["metadata"]["name"] = "second"
    await sync(second, database)
    assert await deprecated(database) == ["acme.tools"]


@pytest.mark.parametrize("mirror", [True, False])
async def test_a_deprecation_goes_with_its_collection_and_stays_as_long_as_that_does(
    serve: Serve, database: str, mirror: bool
) -> None:
    galaxy = await serve(catalog())
    document = manifest(galaxy.url, "acme.tools", "acme.more", mirror=mirror)
    await sync(document, database)
    galaxy.catalog.remove("acme", "tools")
    ended = await sync(document, database)
    assert (ended.skipped, ended.report.versions.removed) == ({"acme.tools *": "NotFound"}, int(mirror))
    assert await deprecated(database) == ([] if mirror else ["acme.tools"])
