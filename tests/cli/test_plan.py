"""`collectionsync plan` says what a sync would do, and does none of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from commandline import Commands, Finished
from serving import Serve
from syncing import manifest, names, published, rows, stored_versions
from testgalaxy import Catalog, Fault, small_catalog, small_version
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow


def catalog() -> Catalog:
    return small_catalog(
        {"acme.app": ["1.0.0", "1.1.0"], "acme.lib": ["1.0.0", "2.0.0"]},
        dependencies={"acme.app:1.1.0": {"acme.lib": ">=2"}},
    )


async def planned(commands: Commands, document: dict[str, Any], database: str, *options: str | Path) -> Finished:
    file = commands.write(document)
    return await commands.start("plan", file, "--database", database, *options).ended()


async def test_a_plan_names_what_would_come_dependencies_too(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    ended = await planned(commands, manifest(galaxy.url, "acme.app"), database)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[:3] == [
        "add      acme.app 1.0.0",
        "add      acme.app 1.1.0",
        "add      acme.lib 2.0.0",
    ]
    assert "3 to add, 0 to remove, 0 unchanged" in ended.out


async def test_a_plan_stores_and_publishes_nothing(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    await planned(commands, manifest(galaxy.url, "acme.app"), database)
    assert await stored_versions(database) == 0
    assert await published(database) == []
    assert await rows(database, "SELECT FROM sync_run") == []
    assert not galaxy.requests.of("docs")
    assert not galaxy.requests.of("artifact")


async def test_a_sync_does_what_its_plan_said(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    document = manifest(galaxy.url, "acme.app", mirror=True)
    await commands.sync(document, database=database)
    galaxy.catalog.remove("acme", "app", "1.0.0")
    galaxy.catalog.add(small_version("acme.app", "3.0.0"))
    ended = await planned(commands, document, database, "--output", "json")
    plan = json.loads(ended.out)["difference"]
    assert [(each["name"], each["version"]) for each in plan["added"]["first"]] == [("app", "3.0.0")]
    assert [(each["name"], each["version"]) for each in plan["removed"]["first"]] == [("app", "1.0.0")]
    await commands.sync(document, database=database)
    assert await published(database) == ["acme.app 1.1.0", "acme.app 3.0.0", "acme.lib 2.0.0"]


async def test_a_plan_of_what_is_there_has_nothing_to_do(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    document = manifest(galaxy.url, "acme.lib")
    await commands.sync(document, database=database)
    ended = await planned(commands, document, database)
    assert ended.out.startswith("0 to add, 0 to remove, 2 unchanged")
    assert await published(database) == [name for name in names(galaxy.catalog) if "lib" in name]


async def test_the_bytes_of_artifacts_are_counted(
    commands: Commands, serve: Serve, database: str, tmp_path: Path
) -> None:
    galaxy = await serve(catalog())
    document = manifest(galaxy.url, "acme.lib", contentPolicy="Full")
    store = (tmp_path / "artifacts").as_uri()
    ended = await planned(commands, document, database, "--output", "json", "--artifacts", store)
    assert ended.code == 0, ended.err
    downloads = json.loads(ended.out)["difference"]["downloads"]
    artifacts = sum(version.size for version in galaxy.catalog.versions("acme", "lib"))
    assert downloads["count"] == 2
    assert downloads["bytes"] > artifacts
    assert not (tmp_path / "artifacts").exists()


async def test_what_cannot_be_had_is_told(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(catalog())
    galaxy.faults.add(Fault("lib/versions/1.0.0/", status(410)))
    ended = await planned(commands, manifest(galaxy.url, "acme.lib", "acme.missing"), database)
    assert ended.code == 0
    assert "skip     acme.lib 1.0.0: NotFound" in ended.out
    assert "skip     acme.missing *: NotFound" in ended.out


async def test_a_source_that_is_down_exits_with_69(commands: Commands, database: str) -> None:
    ended = await planned(commands, manifest("http://127.0.0.1:9/api/", "acme.lib"), database)
    assert ended.code == 69
    assert "SourceUnavailable" in ended.err
