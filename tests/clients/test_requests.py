"""What installing costs: no redirect, and no request that could be spared."""

import shutil
from collections.abc import AsyncIterator

import pytest

from clients.front import Front
from clients.mirror import NAMESPACE
from clients.releases import every_release
from clients.shelf import REPOSITORY
from testansible import Client

pytestmark = pytest.mark.slow


@pytest.fixture
async def front(origin: str) -> AsyncIterator[Front]:
    """A proxy before the server, to see what clients ask."""
    async with Front() as started:
        started.upstream = origin
        yield started


@every_release
async def test_an_installation_asks_five_things_of_a_server_and_a_second_one_two(client: Client, front: Front) -> None:
    url = f"{front.url}/{NAMESPACE}/{REPOSITORY}/api/"
    await client.run("install", "acme.base:1.1.0", "--server", url)
    assert front.summary() == {"root": 1, "collection": 1, "versions": 1, "detail": 1, "artifact": 1}
    front.passed.clear()
    shutil.rmtree(client.collections)
    done = await client.run("install", "acme.base:1.1.0", "--server", url)
    assert front.summary() == {"collection": 1, "artifact": 1}
    assert client.installed == {"acme.base": "1.1.0"}, done.said


async def test_who_keeps_no_cache_asks_for_details_twice(client: Client, front: Front) -> None:
    url = f"{front.url}/{NAMESPACE}/{REPOSITORY}/api/"
    done = await client.run("install", "acme.base:1.1.0", "--no-cache", "--server", url)
    assert front.summary() == {"root": 1, "versions": 1, "detail": 2, "artifact": 1}
    assert client.installed == {"acme.base": "1.1.0"}, done.said


async def test_two_pages_of_versions_are_two_requests(client: Client, front: Front) -> None:
    url = f"{front.url}/{NAMESPACE}/{REPOSITORY}/api/"
    done = await client.run("install", "acme.many:1.0.0", "--server", url)  # the last one of the last page
    assert client.installed == {"acme.many": "1.0.0"}, done.said
    expected = {"root": 1, "collection": 1, "versions": 1, "versions further": 1, "detail": 1, "artifact": 1}
    assert front.summary() == expected
