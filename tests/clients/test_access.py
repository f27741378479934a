"""Repositories that are not for everybody, and the ways in which clients say who they are."""

import asyncio

import pytest

from clients.mirror import CLOSED, TOKEN, USER, Store
from clients.releases import Another
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow


@pytest.fixture
async def closed(store: Store, origin: str, repository: str) -> str:
    """The URL of a repository that takes credentials."""
    await store.publish(small_catalog({"acme.base": ["1.0.0"]}), repository, namespace=CLOSED)
    return f"{origin}/{CLOSED}/{repository}/api/"


async def test_a_token_or_a_password_opens_a_closed_repository(another: Another, closed: str) -> None:
    by_option, by_variable, by_password = clients = [another() for _ in range(3)]
    by_variable.configure({"mirror": {"url": closed}})
    by_password.configure({"mirror": {"url": closed, "username": USER[0], "password": USER[1]}})
    said = await asyncio.gather(
        by_option.run("install", "acme.base", "--server", closed, "--token", TOKEN),
        by_variable.run("install", "acme.base", variables={"ANSIBLE_GALAXY_SERVER_MIRROR_TOKEN": TOKEN}),
        by_password.run("install", "acme.base"),
    )
    for client, done in zip(clients, said, strict=True):
        assert client.installed == {"acme.base": "1.0.0"}, done.said


async def test_whoever_has_no_right_is_told_so(another: Another, closed: str) -> None:
    nobody, stranger, impostor = clients = [another() for _ in range(3)]
    impostor.configure({"mirror": {"url": closed, "username": USER[0], "password": TOKEN[:-1]}})
    said = await asyncio.gather(
        nobody.run("install", "acme.base", "--server", closed),
        stranger.run("install", "acme.base", "--server", closed, "--token", TOKEN[:-1]),
        impostor.run("install", "acme.base"),
    )
    for client, done in zip(clients, said, strict=True):
        assert (done.code, client.installed) == (1, {}), done.said
        assert "HTTP Code: 401, Message: send a token that may read this repository" in done.said, done.said
