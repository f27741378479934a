"""Lists of versions: page by page, whatever the links say, and complete only where that is certain."""

import json
from collections.abc import AsyncIterator

import pytest

from collectionsync.galaxy.client import GalaxyClient, Listing
from collectionsync.galaxy.errors import ContentError, GalaxyError, NotFoundError
from collectionsync.galaxy.listing import VERSIONS_LIMIT
from galaxy.wire import answered, connected, scripted
from testgalaxy import Catalog, Fault, TestGalaxy, contentfaults, kind, small_catalog, small_version, wirefaults
from testgalaxy.faults import Action, on_content

HUNDREDS = [f"{major}.{minor}.0" for major in range(5) for minor in range(50)]
ROOT = answered(b'{"available_versions": {"v3": "v3/"}}')


@pytest.fixture(scope="module")
def big_catalog() -> Catalog:
    return small_catalog({"acme.big": HUNDREDS}, docs=False)


@pytest.fixture
async def big(big_catalog: Catalog) -> AsyncIterator[TestGalaxy]:
    """Serve 250 versions: three pages of at most 100."""
    async with TestGalaxy(Catalog(big_catalog)) as server:
        yield server


@pytest.fixture
async def client(big: TestGalaxy) -> AsyncIterator[GalaxyClient]:
    async with connected(big.url) as client:
        yield client


def listed(listing: Listing) -> list[str]:
    return [each.version for each in listing.versions]


def page(versions: list[str], **members: object) -> bytes:
    return answered(json.dumps({"data": [{"version": version} for version in versions], **members}).encode())


async def test_all_pages_are_read_by_path_only_links(big: TestGalaxy, client: GalaxyClient) -> None:
    listing = await client.versions("acme", "big")
    assert (sorted(listed(listing)), listing.complete) == (sorted(HUNDREDS), True)
    assert big.requests.count("versions") == 3


@pytest.mark.parametrize(
    ("action", "only_first"),
    [
        (contentfaults.absolute_next(), False),
        (contentfaults.without_links(), False),
        (contentfaults.next_is(None), True),
        (contentfaults.with_members(links=None), False),
        (contentfaults.with_members(links={}), False),
        (contentfaults.next_is(""), True),
    ],
    ids=["absolute", "no links", "over too early", "null links", "empty links", "empty next"],
)
async def test_links_may_be_written_in_many_ways(
    big: TestGalaxy, client: GalaxyClient, action: Action, only_first: bool
) -> None:
    big.faults.add(Fault(kind("versions"), action, times=1 if only_first else None))
    listing = await client.versions("acme", "big")
    assert (sorted(listed(listing)), listing.complete) == (sorted(HUNDREDS), True)
    assert big.requests.count("versions") == 3


async def test_a_server_without_links_is_asked_where_the_first_page_really_was(
    big: TestGalaxy, client: GalaxyClient
) -> None:
    big.faults.add(Fault(kind("versions"), contentfaults.without_links()))
    await client.versions("acme", "big")
    assert big.requests.statuses[302] == 1


@pytest.mark.parametrize("action", [contentfaults.without("meta"), contentfaults.with_members(meta={})])
async def test_without_a_count_the_links_decide(big: TestGalaxy, client: GalaxyClient, action: Action) -> None:
    big.faults.add(Fault(kind("versions"), action))
    listing = await client.versions("acme", "big")
    assert (sorted(listed(listing)), listing.complete) == (sorted(HUNDREDS), True)


@pytest.mark.parametrize("elsewhere", ["https://elsewhere.example/", "//elsewhere.example/", "http://127.0.0.1:1/"])
async def test_a_next_page_on_another_host_is_refused(big: TestGalaxy, client: GalaxyClient, elsewhere: str) -> None:
    big.faults.add(Fault(kind("versions"), contentfaults.next_is(elsewhere)))
    with pytest.raises(ContentError, match="another host") as caught:
        await client.versions("acme", "big")
    assert caught.value.reason == "InvalidLink"


@pytest.mark.parametrize(
    "link",
    ["http://[x/", "mailto:x", "https://h:99999/", "javascript:" + "x" * 500_000],
    ids=["bracket", "mail", "port", "long"],
)
async def test_a_next_page_that_is_no_url_is_refused_in_few_words(
    big: TestGalaxy, client: GalaxyClient, link: str
) -> None:
    big.faults.add(Fault(kind("versions"), contentfaults.next_is(link)))
    with pytest.raises(ContentError) as caught:
        await client.versions("acme", "big")
    assert caught.value.reason == "InvalidLink"
    assert len(str(caught.value)) < 1000


async def test_a_link_cannot_smuggle_in_a_header(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault(kind("versions"), contentfaults.next_is("{path}&x=1\r\nAuthorization: Token stolen"), times=1))
    await client.versions("acme", "big")
    assert "%0D%0AAuthorization" in big.requests.of("versions")[1].path
    assert all("Authorization" not in request.headers for request in big.requests)


@pytest.mark.parametrize(
    "action",
    [
        contentfaults.next_is("{path}"),
        contentfaults.next_is("{path}&again=1"),
        contentfaults.next_is("{path}").then(contentfaults.without("meta")),
    ],
    ids=["the same page", "ever new links", "no count"],
)
async def test_links_in_a_circle_come_to_an_end_and_are_no_complete_list(
    big: TestGalaxy, client: GalaxyClient, action: Action
) -> None:
    big.faults.add(Fault(kind("versions"), action))
    listing = await client.versions("acme", "big")
    assert (len(listing.versions), listing.complete) == (100, False)
    assert big.requests.count("versions") <= 6


async def test_every_version_is_listed_once(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault(kind("versions"), contentfaults.duplicates()))
    listing = await client.versions("acme", "big")
    assert (sorted(listed(listing)), listing.complete) == (sorted(HUNDREDS), True)


@pytest.mark.parametrize("delta", [-1, 1, 100])
async def test_a_count_that_stays_wrong_is_read_again_and_never_complete(
    big: TestGalaxy, client: GalaxyClient, delta: int
) -> None:
    big.faults.add(Fault(kind("versions"), contentfaults.wrong_count(delta)))
    listing = await client.versions("acme", "big")
    assert (sorted(listed(listing)), listing.complete) == (sorted(HUNDREDS), False)
    assert len(big.requests.matching("offset=0$")) >= 3


async def test_a_version_that_is_added_while_pages_are_read_is_in_the_list(
    big: TestGalaxy, client: GalaxyClient
) -> None:
    added = small_version("acme.big", "9.0.0", docs=False)
    big.faults.add(Fault(kind("versions"), contentfaults.afterwards(lambda: big.catalog.add(added)), times=1))
    listing = await client.versions("acme", "big")
    assert (sorted(listed(listing)), listing.complete) == (sorted([*HUNDREDS, "9.0.0"]), True)


async def test_a_version_that_is_removed_while_pages_are_read_makes_no_hole(
    big: TestGalaxy, client: GalaxyClient
) -> None:
    newest = HUNDREDS[-1]
    removed = contentfaults.afterwards(lambda: big.catalog.remove("acme", "big", newest))
    big.faults.add(Fault(kind("versions"), removed, times=1))
    listing = await client.versions("acme", "big")
    # Of 250, the first page had the newest and the second page's first had moved up to the first: 249 of 249.
    assert (sorted(listed(listing)), listing.complete) == (sorted(HUNDREDS[:-1]), True)


async def test_a_list_that_never_holds_still_is_not_complete(big: TestGalaxy, client: GalaxyClient) -> None:
    numbers = iter(range(1000))

    def add() -> None:
        big.catalog.add(small_version("acme.big", f"9.{next(numbers)}.0", docs=False))

    big.faults.add(Fault(kind("versions"), contentfaults.afterwards(add)))
    listing = await client.versions("acme", "big")
    assert not listing.complete
    assert set(HUNDREDS) <= set(listed(listing))


async def test_a_list_that_vanishes_between_two_pages_is_not_complete(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault("offset=100", wirefaults.status(404)))
    listing = await client.versions("acme", "big")
    assert (len(listing.versions), listing.complete) == (100, False)


async def test_an_unknown_collection_does_not_exist_and_has_an_empty_list(client: GalaxyClient) -> None:
    assert await client.collection("acme", "unknown") is None
    listing = await client.versions("acme", "unknown")
    assert (listing.versions, listing.complete) == ([], True)


async def test_a_collection_without_versions_exists(big: TestGalaxy, client: GalaxyClient) -> None:
    for version in HUNDREDS:
        big.catalog.remove("acme", "big", version)
    assert await client.collection("acme", "big")
    assert (await client.versions("acme", "big")).versions == []


async def test_a_list_that_is_not_found_is_not_taken_for_an_empty_one(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault(kind("versions"), wirefaults.status(404)))
    with pytest.raises(NotFoundError):
        await client.versions("acme", "big")


@pytest.mark.parametrize(
    "body",
    [
        b"<html></html>",
        b"",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b'{"data": null}',
        b'{"data": {"version": "1.0.0"}}',
        b'{"data": ["1.0.0"]}',
        b'{"data": [{"version": 1}]}',
        b'{"data": [{}]}',
        b'{"data": [], "meta": {"count": "12"}}',
        b'{"data": [], "meta": null}',
        b'{"data": [], "links": {"next": 5}}',
        b'{"data": [], "links": []}',
        b'{"data": [{"version": "\xff"}]}',
        b'{"data": [{"version": "\\ud800"}]}',
        b'{"results": [{"version": "1.0.0"}], "count": 1, "next": null}',
        b'{"data": [',
        b'{"data": [], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
async def test_what_is_no_list_of_versions_is_refused(big: TestGalaxy, client: GalaxyClient, body: bytes) -> None:
    big.faults.add(Fault(kind("versions"), wirefaults.body(body)))
    with pytest.raises(ContentError) as caught:
        await client.versions("acme", "big")
    assert caught.value.reason == "InvalidJSON"
    assert big.requests.count("versions") == 1


@pytest.mark.parametrize("content_type", ["text/html; charset=latin-1", "image/png", "nonsense", ""])
async def test_a_content_type_means_nothing(big: TestGalaxy, client: GalaxyClient, content_type: str) -> None:
    big.faults.add(Fault(kind("versions"), on_content(lambda _, reply: reply.with_headers(Content_Type=content_type))))
    assert (await client.versions("acme", "big")).complete


async def test_a_page_of_a_hundred_thousand_versions_is_refused() -> None:
    versions = [f"1.{number}.0" for number in range(100_000)]
    answers = ROOT, page(versions, meta={"count": len(versions)})
    async with scripted(*answers) as server, connected(server.url) as client:
        with pytest.raises(ContentError) as caught:
            await client.versions("acme", "big")
    assert caught.value.reason == "TooLarge"


async def test_pages_are_not_read_for_ever() -> None:
    size = VERSIONS_LIMIT // 4
    pages = [
        page([f"{number}.{minor}.0" for minor in range(size)], links={"next": f"/page/{number}"}) for number in range(9)
    ]
    async with scripted(ROOT, *pages) as server, connected(server.url) as client:
        with pytest.raises(ContentError) as caught:
            await client.versions("acme", "big")
        assert caught.value.reason == "TooLarge"
        assert len(server.heads) == 1 + 5


async def test_hostile_versions_are_listed_as_they_are(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault(kind("versions"), contentfaults.hostile_versions()))
    listing = await client.versions("acme", "big")
    assert set(listed(listing)) == {*HUNDREDS, *contentfaults.HOSTILE_VERSIONS}


async def test_other_members_are_of_no_interest(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault(kind("versions"), contentfaults.with_members(extra={"deep": [1, {"x": None}]}, previous=3)))
    assert (await client.versions("acme", "big")).complete


async def test_a_failure_on_the_second_page_is_the_lists(big: TestGalaxy, client: GalaxyClient) -> None:
    big.faults.add(Fault("offset=100", wirefaults.status(500)))
    with pytest.raises(GalaxyError, match="answered 500"):
        await client.versions("acme", "big")
