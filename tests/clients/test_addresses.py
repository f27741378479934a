"""How a repository may be called, and what may stand before the server."""

import asyncio

import pytest

from clients.front import Front
from clients.mirror import NAMESPACE, Store, served
from clients.releases import Another
from clients.shelf import REPOSITORY
from testansible import Client

pytestmark = pytest.mark.slow

_HERE = f"{NAMESPACE}/{REPOSITORY}"


async def test_a_repository_is_found_however_its_address_is_written(another: Another, origin: str) -> None:
    addresses = [f"{origin}/{_HERE}{rest}" for rest in ("", "/", "/api")]
    clients = [another() for _ in addresses]
    said = await asyncio.gather(
        *(
            client.run("install", "acme.base:1.1.0", "--server", address)
            for client, address in zip(clients, addresses, strict=True)
        )
    )
    for client, done in zip(clients, said, strict=True):
        assert client.installed == {"acme.base": "1.1.0"}, done.said


@pytest.mark.parametrize("strips", [True, False], ids=["stripped", "kept"])
async def test_a_proxy_before_the_server_may_strip_the_path_of_the_public_url_or_keep_it(
    client: Client, store: Store, strips: bool
) -> None:
    async with Front("/galaxy", strips=strips) as front:
        with served(store, "--public-url", front.url) as upstream:
            front.upstream = upstream
            url = f"{front.url}/{_HERE}/api/"
            done = await client.run("install", "acme.app:1.2.0", "acme.many:1.0.0", "--server", url)
            assert client.installed == {"acme.app": "1.2.0", "acme.base": "1.1.0", "acme.many": "1.0.0"}, done.said
    assert front.summary()["artifact"] == 3


async def test_one_repository_may_be_that_of_the_server_itself(client: Client, store: Store) -> None:
    with served(store, "--default-repository", _HERE) as origin:
        done = await client.run("install", "acme.app:1.2.0", "--server", origin)
    assert client.installed == {"acme.app": "1.2.0", "acme.base": "1.1.0"}, done.said
