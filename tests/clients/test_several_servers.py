"""A mirror beside other servers, in the order of a server_list."""

import pytest

from clients.mirror import NAMESPACE, Store
from testansible import Client
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow


async def test_each_collection_comes_from_the_server_that_has_the_best_of_it(
    client: Client, store: Store, server: str, origin: str, repository: str
) -> None:
    await store.publish(small_catalog({"acme.base": ["1.0.0", "1.5.0"]}), repository)
    first = f"{origin}/{NAMESPACE}/{repository}/api/"
    client.configure({"first": {"url": first}, "second": {"url": server}})
    done = await client.run("install", "acme.app:1.2.0")  # which the first one has not
    assert client.installed == {"acme.app": "1.2.0", "acme.base": "1.5.0"}, done.said


async def test_what_both_have_comes_from_the_first(
    client: Client, store: Store, server: str, origin: str, repository: str
) -> None:
    await store.publish(small_catalog({"acme.base": ["1.0.0"]}), repository)
    first = f"{origin}/{NAMESPACE}/{repository}/api/"
    client.configure({"first": {"url": first}, "second": {"url": server}})
    done = await client.run("install", "acme.base:1.0.0")
    assert client.installed == {"acme.base": "1.0.0"}, done.said
    assert f"{first}v3/plugin/" in done.said, done.said
