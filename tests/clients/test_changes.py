"""Clients remember for a day what a server said: they see what has changed meanwhile all the same."""

import asyncio
import shutil

import pytest

from clients.mirror import NAMESPACE, Store
from clients.releases import Another
from testansible import Client
from testgalaxy import TestGalaxy, small_catalog, small_version

pytestmark = pytest.mark.slow


async def test_an_upgrade_finds_versions_that_came_below_and_above(
    client: Client, store: Store, origin: str, repository: str
) -> None:
    url = f"{origin}/{NAMESPACE}/{repository}/api/"
    async with TestGalaxy(small_catalog({"acme.base": ["1.0.0", "2.0.0"]})) as galaxy:
        await store.publish(galaxy, repository)
        await client.run("install", "acme.base:<2.0.0", "--server", url)
        assert client.installed == {"acme.base": "1.0.0"}
        galaxy.catalog.add(small_version("acme.base", "1.5.0"))
        await store.publish(galaxy, repository)
        done = await client.run("install", "acme.base:<2.0.0", "--upgrade", "--server", url)
        assert client.installed == {"acme.base": "1.5.0"}, done.said
        galaxy.catalog.add(small_version("acme.base", "3.0.0"))
        await store.publish(galaxy, repository)
        done = await client.run("install", "acme.base", "--upgrade", "--server", url)
        assert client.installed == {"acme.base": "3.0.0"}, done.said


async def test_a_version_that_was_removed_is_not_to_be_had_with_a_cold_cache_or_a_warm_one(
    another: Another, store: Store, origin: str, repository: str
) -> None:
    url = f"{origin}/{NAMESPACE}/{repository}/api/"
    warm = another()
    async with TestGalaxy(small_catalog({"acme.base": ["1.0.0", "1.1.0"]})) as galaxy:
        await store.publish(galaxy, repository, mirror=True)
        await warm.run("install", "acme.base", "--server", url)
        assert warm.installed == {"acme.base": "1.1.0"}
        shutil.rmtree(warm.collections)
        galaxy.catalog.remove("acme", "base", "1.1.0")
        await store.publish(galaxy, repository, mirror=True)
    cold = another()
    asked = ("install", "acme.base:1.1.0", "--server", url)
    for client, done in zip((warm, cold), await asyncio.gather(warm.run(*asked), cold.run(*asked)), strict=True):
        assert (done.code, client.installed) == (1, {}), done.said
        assert "acme.base:1.1.0" in done.said, done.said
    done = await warm.run("install", "acme.base", "--server", url)
    assert warm.installed == {"acme.base": "1.0.0"}, done.said
