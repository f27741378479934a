"""Collections: one by its name, and all of a server page by page."""

from collections.abc import AsyncIterator

import pytest

from collectionsync.galaxy.client import Collection, GalaxyClient
from collectionsync.galaxy.errors import ContentError, NotFoundError, TransientError
from galaxy.wire import Recorder, answered, connected, scripted
from testgalaxy import Catalog, Fault, TestGalaxy, contentfaults, kind, small_catalog, small_version, wirefaults
from testgalaxy.faults import Action

NAMES = [f"c{number}" for number in range(250)]


@pytest.fixture(scope="module")
def many() -> Catalog:
    return small_catalog({f"acme.{name}": ["1.0.0"] for name in NAMES}, docs=False)


@pytest.fixture
async def big(many: Catalog) -> AsyncIterator[TestGalaxy]:
    """Serve 250 collections: three pages of at most 100."""
    async with TestGalaxy(Catalog(many)) as server:
        yield server


@pytest.fixture
async def client(big: TestGalaxy) -> AsyncIterator[GalaxyClient]:
    async with connected(big.url) as client:
        yield client


class Taken:
    """What was handed out, page by page."""

    def __init__(self) -> None:
        self.pages: list[list[Collection]] = []

    async def take(self, page: list[Collection]) -> None:
        self.pages.append(page)

    @property
    def names(self) -> list[str]:
        return sorted({each.name for page in self.pages for each in page})


async def test_a_collection_is_known_with_its_name(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        assert await client.collection("acme", "tools") == Collection("acme", "tools", deprecated=False)


async def test_a_collection_is_told_to_be_deprecated_and_no_longer_so(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        for deprecated in (True, False):
            galaxy.catalog.deprecate("acme", "tools", deprecated)
            assert await client.collection("acme", "tools") == Collection("acme", "tools", deprecated)


@pytest.mark.parametrize("action", [contentfaults.without("deprecated"), contentfaults.with_members(deprecated=None)])
async def test_a_server_that_does_not_say_deprecated_does_not_mean_it(galaxy: TestGalaxy, action: Action) -> None:
    galaxy.faults.add(Fault(kind("collection"), action))
    async with connected(galaxy.url) as client:
        assert await client.collection("acme", "tools") == Collection("acme", "tools", deprecated=False)


async def test_a_collection_that_the_server_does_not_have_is_none(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        assert await client.collection("acme", "unknown") is None


async def test_an_answer_that_is_no_collection_is_not_taken_for_one(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("collection"), wirefaults.body(b"<html></html>")))
    async with connected(galaxy.url) as client:
        with pytest.raises(ContentError):
            await client.collection("acme", "tools")


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a?b=c", "a#b", "a:b", "%2e%2e", "a\r\nb", "é", ""])
async def test_no_name_leads_out_of_the_folder_of_collections(name: str, watcher: Recorder) -> None:
    root, nothing = answered(b'{"available_versions": {"v3": "v3/"}}'), answered(b"{}")
    async with scripted(root, nothing) as server, connected(server.url, observer=watcher) as client:
        await client.collection("acme", name)
        path = server.heads[1].split()[1]
        assert path.startswith("/v3/collections/acme/")
        assert path.count("/") == 5


async def test_all_collections_come_page_by_page(big: TestGalaxy, client: GalaxyClient) -> None:
    taken = Taken()
    assert await client.collections(taken.take)
    assert taken.names == sorted(NAMES)
    assert [len(page) for page in taken.pages] == [100, 100, 50]
    assert big.requests.count("collections") == 3


async def test_all_collections_say_which_are_deprecated(big: TestGalaxy, client: GalaxyClient) -> None:
    big.catalog.deprecate("acme", "c7")
    taken = Taken()
    await client.collections(taken.take)
    assert [each.name for page in taken.pages for each in page if each.deprecated] == ["c7"]


async def test_the_redirect_of_the_list_is_learned_for_what_comes_after(big: TestGalaxy, client: GalaxyClient) -> None:
    await client.collections(Taken().take)
    await client.versions("acme", "c1")
    assert await client.collection("acme", "c1")
    assert big.requests.statuses[302] == 1


@pytest.mark.parametrize(
    "action",
    [contentfaults.absolute_next(), contentfaults.without_links(), contentfaults.duplicates()],
    ids=["absolute links", "no links", "an item twice"],
)
async def test_the_list_may_be_written_in_many_ways(big: TestGalaxy, client: GalaxyClient, action: Action) -> None:
    big.faults.add(Fault(kind("collections"), action))
    taken = Taken()
    assert await client.collections(taken.take)
    assert taken.names == sorted(NAMES)


async def test_a_collection_on_two_pages_is_handed_out_once(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault(kind("collections"), contentfaults.duplicates()))
    taken = Taken()
    await client.collections(taken.take)
    assert sum(map(len, taken.pages)) == len(NAMES)


async def test_a_count_that_stays_wrong_is_read_again_and_never_complete(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault(kind("collections"), contentfaults.wrong_count(1)))
    taken = Taken()
    assert not await client.collections(taken.take)
    assert taken.names == sorted(NAMES)
    assert len(big.requests.matching("offset=0$")) >= 3


async def test_a_collection_that_is_added_while_pages_are_read_is_handed_out(
    big: TestGalaxy, client: GalaxyClient
) -> None:
    added = small_version("acme.late", "1.0.0", docs=False)
    big.faults.add(Fault(kind("collections"), contentfaults.afterwards(lambda: big.catalog.add(added)), times=1))
    taken = Taken()
    assert await client.collections(taken.take)
    assert taken.names == sorted([*NAMES, "late"])


async def test_a_next_page_on_another_host_is_refused(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault(kind("collections"), contentfaults.next_is("https://elsewhere.example/")))
    with pytest.raises(ContentError, match="another host"):
        await client.collections(Taken().take)


@pytest.mark.parametrize(
    "body", [b'{"data": [{"name": "tools"}]}', b'{"data": [{"namespace": 1, "name": "x"}]}', b"[]"]
)
async def test_what_is_no_list_of_collections_is_refused(big: TestGalaxy, client: GalaxyClient, body: bytes) -> None:
    big.faults.add(Fault(kind("collections"), wirefaults.body(body)))
    with pytest.raises(ContentError) as caught:
        await client.collections(Taken().take)
    assert caught.value.reason == "InvalidJSON"


async def test_a_list_that_is_not_found_is_not_taken_for_an_empty_one(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault(kind("collections"), wirefaults.status(404)))
    with pytest.raises(NotFoundError):
        await client.collections(Taken().take)


async def test_an_empty_server_has_a_complete_list_of_nothing() -> None:
    async with TestGalaxy() as galaxy, connected(galaxy.url) as client:
        taken = Taken()
        assert await client.collections(taken.take)
    assert taken.names == []


async def test_a_failure_on_the_second_page_is_the_lists(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault("offset=100", wirefaults.status(500)))
    with pytest.raises(TransientError):
        await client.collections(Taken().take)
