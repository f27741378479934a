"""The lists of everything, which come in one piece where a server has them."""

import pytest

from collectionsync.galaxy.client import Collection, GalaxyClient
from collectionsync.galaxy.elements import read_collections, read_versions
from collectionsync.galaxy.errors import AuthenticationError, TransientError
from galaxy.wire import LIMIT, Collected, connected
from testgalaxy import Fault, TestGalaxy, kind, small_version, wirefaults


async def bring(client: GalaxyClient, what: str, sink: Collected) -> bool:
    method = client.all_collections if what == "all-collections" else client.all_versions
    return await method(sink, limit=LIMIT)


async def test_the_list_of_collections_is_that_of_the_server(galaxy: TestGalaxy) -> None:
    galaxy.catalog.deprecate("acme", "other")
    sink = Collected()
    async with connected(galaxy.url) as client:
        assert await client.all_collections(sink, limit=LIMIT)
    assert list(read_collections([bytes(sink.data)], odd=pytest.fail)) == [
        Collection("acme", "other", deprecated=True),
        Collection("acme", "tools", deprecated=False),
    ]


async def test_the_list_of_versions_is_that_of_the_server_although_it_says_that_it_is_html(galaxy: TestGalaxy) -> None:
    galaxy.catalog.add(small_version("acme.odd", "1.0.0", tags=["<&>", "'", "é\U0001f600"]))
    galaxy.catalog.mark("acme", "odd", "1.0.0", "tested")
    sink = Collected()
    async with connected(galaxy.url) as client:
        assert await client.all_versions(sink, limit=LIMIT)
    found = list(read_versions([bytes(sink.data)], odd=pytest.fail))
    assert {(each.namespace, each.name, each.version) for each in found} == {
        (version.namespace, version.name, version.version) for version in galaxy.catalog
    }
    assert [each.marks for each in found if each.name == "odd"] == [("tested",)]


async def test_a_signature_that_comes_later_changes_the_fingerprint(galaxy: TestGalaxy) -> None:
    async def fingerprints() -> dict[str, str]:
        sink = Collected()
        async with connected(galaxy.url) as client:
            await client.all_versions(sink, limit=LIMIT)
        return {
            f"{each.name} {each.version}": each.fingerprint
            for each in read_versions([bytes(sink.data)], odd=pytest.fail)
        }

    before = await fingerprints()
    galaxy.catalog.sign("acme", "tools", "1.3.0")
    after = await fingerprints()
    assert [name for name in before if before[name] != after[name]] == ["tools 1.3.0"]


@pytest.mark.parametrize("what", ["all-collections", "all-versions"])
async def test_a_server_may_have_no_such_list(galaxy: TestGalaxy, what: str) -> None:
    async with TestGalaxy(galaxy.catalog, unpaged=False) as server, connected(server.url) as client:
        assert not await bring(client, what, Collected())


@pytest.mark.parametrize("status", [400, 403, 405, 410])
@pytest.mark.parametrize("what", ["all-collections", "all-versions"])
async def test_a_server_may_refuse_such_a_list(galaxy: TestGalaxy, what: str, status: int) -> None:
    galaxy.faults.add(Fault(kind(what), wirefaults.status(status)))
    async with connected(galaxy.url) as client:
        assert not await bring(client, what, Collected())


async def test_a_list_above_the_limit_is_as_good_as_none(galaxy: TestGalaxy, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(galaxy.url) as client:
        assert not await client.all_versions(Collected(), limit=1000)
    assert "collection_versions/all/ is not used: " in caplog.text
    assert "larger than 1000 bytes" in caplog.text or "1000 are allowed" in caplog.text


@pytest.mark.parametrize("what", ["all-collections", "all-versions"])
async def test_a_list_that_may_be_had_later_is_not_taken_for_missing(galaxy: TestGalaxy, what: str) -> None:
    galaxy.faults.add(Fault(kind(what), wirefaults.status(503)))
    async with connected(galaxy.url) as client:
        with pytest.raises(TransientError):
            await bring(client, what, Collected())


async def test_a_list_that_breaks_off_starts_again(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("all-versions"), wirefaults.truncate(500), times=1))
    sink = Collected()
    async with connected(galaxy.url) as client:
        assert await client.all_versions(sink, limit=LIMIT)
    assert len(list(read_versions([bytes(sink.data)], odd=pytest.fail))) == len(galaxy.catalog)


async def test_wrong_credentials_are_an_error_here_as_well(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("all-versions"), wirefaults.status(401)))
    async with connected(galaxy.url) as client:
        with pytest.raises(AuthenticationError):
            await client.all_versions(Collected(), limit=LIMIT)
