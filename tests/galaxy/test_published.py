"""When a server last changed, as far as it says so."""

import pytest

from collectionsync.galaxy.errors import AuthenticationError, TransientError
from galaxy.wire import connected
from testgalaxy import Fault, TestGalaxy, contentfaults, kind, small_version, wirefaults
from testgalaxy.faults import Action


async def test_it_is_what_the_server_says(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        assert await client.published() == galaxy.catalog.published


async def test_it_changes_with_the_content(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        before = await client.published()
        galaxy.catalog.add(small_version("acme.tools", "9.0.0"))
        assert await client.published() != before


async def test_it_costs_one_request_and_the_redirect_before_it(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        galaxy.requests.clear()
        await client.published()
    assert galaxy.requests.kinds == {"redirect": 1, "published": 1}


@pytest.mark.parametrize(
    "action",
    [
        contentfaults.without("published"),
        contentfaults.with_members(published=None),
        contentfaults.with_members(published=5),
        wirefaults.status(404),
        wirefaults.status(400),
        wirefaults.body(b"<html></html>"),
        wirefaults.body(b"[]"),
    ],
    ids=["no key", "null", "a number", "404", "400", "HTML", "a list"],
)
async def test_a_server_may_not_say(galaxy: TestGalaxy, action: Action) -> None:
    galaxy.faults.add(Fault(kind("published"), action))
    async with connected(galaxy.url) as client:
        assert await client.published() is None


async def test_a_server_that_is_down_says_nothing_either_way(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("published"), wirefaults.status(503)))
    async with connected(galaxy.url) as client:
        with pytest.raises(TransientError):
            await client.published()


async def test_wrong_credentials_are_an_error_here_as_well(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("published"), wirefaults.status(401)))
    async with connected(galaxy.url) as client:
        with pytest.raises(AuthenticationError):
            await client.published()
