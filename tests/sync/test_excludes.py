"""What a source asks its mirrors to leave out."""

from typing import Any

import pytest

from collectionsync.report import Result
from serving import Serve, fetched
from syncing import manifest, published, sync
from testgalaxy import Catalog, Fault, kind, small_catalog
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow


def catalog() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "2.0.0"], "acme.more": ["1.0.0"]})


@pytest.mark.parametrize("asked", [{"all": True}, {"collections": [{"name": "acme.tools"}]}])
async def test_versions_that_the_source_excludes_are_not_fetched(
    serve: Serve, database: str, asked: dict[str, Any]
) -> None:
    galaxy = await serve(catalog())
    galaxy.catalog.exclude("acme.tools", ">=2.0.0")
    galaxy.catalog.exclude("acme.more")
    await sync(manifest(galaxy.url, **asked), database)
    assert await published(database) == ["acme.tools 1.0.0"]
    assert fetched(galaxy) == {"acme.tools 1.0.0"}


@pytest.mark.parametrize("code", [404, 403, 400])
async def test_a_source_without_excludes_excludes_nothing(serve: Serve, database: str, code: int) -> None:
    galaxy = await serve(catalog())
    galaxy.faults.add(Fault(kind("excludes"), status(code)))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.result is Result.SUCCEEDED
    assert len(await published(database)) == 2


async def test_excludes_that_cannot_be_had_for_now_are_waited_for(serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    galaxy.catalog.exclude("acme.tools", ">=2.0.0")
    galaxy.faults.add(Fault(kind("excludes"), status(503)))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.result, ended.outcome.reason) == (Result.FAILED, "SourceUnavailable")
    assert await published(database) == []


async def test_a_range_that_nobody_can_read_is_told(serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    galaxy.catalog.exclude("acme.tools", ">>2")
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.result is Result.SUCCEEDED
    (warning,) = ended.report.warnings
    assert "acme.tools" in warning
