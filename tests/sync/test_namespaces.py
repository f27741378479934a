"""What a namespace says of itself comes with its collections, and with its picture."""

import json

import pytest

from collectionsync.report import Result
from serving import Serve
from syncing import manifest, rows, sync
from testgalaxy import Catalog, Fault, kind, small_catalog, small_version
from testgalaxy.faults import Action
from testgalaxy.namespaces import PNG
from testgalaxy.wirefaults import body, status

pytestmark = pytest.mark.slow


def catalog() -> Catalog:
    found = small_catalog({"acme.tools": ["1.0.0"]})
    found.describe("acme", company="ACME", links={"home": "https://example.com"}, avatar=PNG)
    return found


async def test_a_namespace_is_stored_as_the_source_has_it(serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    await sync(manifest(galaxy.url, "acme.tools"), database)
    ((name, body),) = await rows(database, "SELECT name, body FROM source_namespace")
    assert name == "acme"
    assert json.loads(body)["company"] == "ACME"
    assert await rows(database, "SELECT content_type, body FROM avatar") == [("image/png", PNG)]


async def test_a_namespace_that_is_there_costs_nothing(serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    galaxy.requests.clear()
    assert (await sync(document, database)).result is Result.NO_CHANGE
    assert not galaxy.requests.of("namespace")


async def test_a_namespace_that_has_changed_is_noticed_by_a_new_detail(serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    galaxy.catalog.describe("acme", company="ACME & Sons")
    galaxy.catalog.add(small_version("acme.tools", "2.0.0"))
    await sync(document, database)
    ((body,),) = await rows(database, "SELECT body FROM source_namespace")
    assert json.loads(body)["company"] == "ACME & Sons"


@pytest.mark.parametrize("action", [status(404), body(b"another picture")], ids=["not there", "with another digest"])
async def test_a_picture_that_cannot_be_had_is_told_and_comes_next_time(
    serve: Serve, database: str, action: Action
) -> None:
    galaxy = await serve(catalog())
    fault = galaxy.faults.add(Fault(kind("avatar"), action))
    document = manifest(galaxy.url, "acme.tools")
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert any("avatar of the namespace acme" in warning for warning in ended.report.warnings)
    galaxy.faults.remove(fault)
    await sync(document, database)
    assert await rows(database, "SELECT body FROM avatar") == [(PNG,)]


async def test_a_namespace_that_cannot_be_had_fails_nothing(serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    galaxy.faults.add(Fault(kind("namespace"), status(500)))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    assert any("namespace acme" in warning for warning in ended.report.warnings)


async def test_a_namespace_that_is_announced_and_not_there_is_asked_for_again(serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    fault = galaxy.faults.add(Fault(kind("namespace"), status(404)))
    document = manifest(galaxy.url, "acme.tools")
    ended = await sync(document, database)
    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    assert (await sync(document, database)).result is Result.NO_CHANGE
    galaxy.faults.remove(fault)
    await sync(document, database)
    assert await rows(database, "SELECT name FROM source_namespace") == [("acme",)]


async def test_a_source_that_says_nothing_of_namespaces_is_not_asked(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.report.warnings == []
    assert not galaxy.requests.of("namespace")
