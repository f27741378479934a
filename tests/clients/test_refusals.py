"""What clients say when the server has not got what they ask for: enough to know what to do."""

from dataclasses import replace

import pytest

from clients.mirror import NAMESPACE, Store, served
from clients.shelf import REPOSITORY
from testansible import Client
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow


async def test_a_collection_that_is_not_there_is_named(client: Client, server: str) -> None:
    done = await client.run("install", "acme.absent", "--server", server)
    assert done.code == 1
    assert "Could not satisfy the following requirements: * acme.absent:*" in done.said, done.said


async def test_a_repository_that_is_not_there_is_named(client: Client, origin: str) -> None:
    done = await client.run("install", "acme.base", "--server", f"{origin}/{NAMESPACE}/absent/api/")
    assert done.code == 1
    assert f"HTTP Code: 404, Message: there is no repository {NAMESPACE}/absent" in done.said, done.said


async def test_who_names_the_server_alone_is_told_how_to_name_a_repository(client: Client, origin: str) -> None:
    done = await client.run("install", "acme.base", "--server", origin)
    assert done.code == 1
    assert f"-s {origin}/NAMESPACE/REPOSITORY/api/" in done.said, done.said


async def test_an_artifact_that_is_not_mirrored_is_named(
    client: Client, store: Store, origin: str, repository: str
) -> None:
    await store.publish(small_catalog({"acme.bare": ["1.0.0"]}), repository, contentPolicy="Metadata")
    done = await client.run("install", "acme.bare", "--server", f"{origin}/{NAMESPACE}/{repository}/api/")
    assert (done.code, client.installed) == (1, {}), done.said
    for said in ("HTTP Error 404", "artifacts/acme-bare-1.0.0.tar.gz"):
        assert said in done.said, done.said


async def test_a_database_that_is_away_is_named(client: Client, store: Store) -> None:
    away = replace(store, database="postgresql://nobody@127.0.0.1:1/nothing")
    with served(away, path="/healthz") as origin:
        done = await client.run("install", "acme.base", "--server", f"{origin}/{NAMESPACE}/{REPOSITORY}/api/")
    assert (done.code, client.installed) == (1, {}), done.said
    assert "HTTP Code: 503, Message: the database" in done.said, done.said
