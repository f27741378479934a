"""Each fault does to a client what its name says, and stops doing so when it should."""

import asyncio
import gzip
import json
import re
import zlib

import aiohttp
import pytest

from testgalaxy import Fault, TestGalaxy, contentfaults, kind, wirefaults
from testgalaxy.faults import Action

VERSIONS = "v3/collections/acme/tools/versions/"
DOCS = VERSIONS + "1.0.0/docs-blob/"


async def fetch(galaxy: TestGalaxy, client: aiohttp.ClientSession, path: str = DOCS) -> tuple[int, bytes]:
    async with client.get(galaxy.url + path) as response:
        return response.status, await response.read()


def honest(galaxy: TestGalaxy) -> bytes:
    version = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert version is not None
    assert version.docs is not None
    return bytes(version.docs)


async def test_a_status_comes_with_its_headers_and_only_as_often_as_said(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    fault = galaxy.faults.add(Fault("docs-blob", wirefaults.status(429, retry_after="7"), times=1))
    async with client.get(galaxy.url + DOCS) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert (await fetch(galaxy, client))[0] == 200
    assert fault.hits == 1


async def test_a_fault_can_let_the_first_requests_by(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.status(503), times=1, after=1))
    assert [(await fetch(galaxy, client))[0] for _ in range(3)] == [200, 503, 200]


async def test_a_fault_matches_by_pattern(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault(re.compile(r"versions/1\.[23]\.0/"), wirefaults.status(500)))
    statuses = [(await fetch(galaxy, client, f"{VERSIONS}1.{minor}.0/"))[0] for minor in range(4)]
    assert statuses == [200, 200, 500, 500]


@pytest.mark.parametrize(
    "action",
    [
        wirefaults.truncate(100),
        wirefaults.truncate_chunked(100),
        wirefaults.claim_more(10),
    ],
    ids=["truncated", "truncated in chunks", "claims more"],
)
async def test_a_body_that_ends_early_is_an_error(
    galaxy: TestGalaxy, client: aiohttp.ClientSession, action: Action
) -> None:
    galaxy.faults.add(Fault("docs-blob", action))
    with pytest.raises(aiohttp.ClientPayloadError):
        await fetch(galaxy, client)


async def test_a_dropped_connection_says_nothing(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault("docs-blob", wirefaults.drop()))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await fetch(galaxy, client)


async def test_a_length_that_is_too_short_leaves_bytes_where_the_next_head_should_be(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    galaxy.faults.add(Fault("docs-blob", wirefaults.claim_less(10)))
    with pytest.raises(aiohttp.ClientResponseError, match="Bad status line"):
        await fetch(galaxy, client)


async def test_a_cut_body_has_an_honest_length(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault("docs-blob", wirefaults.cut(10)))
    assert (await fetch(galaxy, client))[1] == honest(galaxy)[:-10]


async def test_a_stalled_body_goes_on_when_it_is_released(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    released = asyncio.Event()
    galaxy.faults.add(Fault("docs-blob", wirefaults.stall(100, released)))
    async with client.get(galaxy.url + DOCS) as response:
        assert await response.content.readexactly(100) == honest(galaxy)[:100]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.content.readany(), 0.05)
        released.set()
        assert await response.read() == honest(galaxy)[100:]


async def test_a_stalled_body_does_not_hold_up_the_end_of_the_server(client: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(5), TestGalaxy() as galaxy:
        galaxy.faults.add(Fault(kind("root"), wirefaults.stall(0)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fetch(galaxy, client, ""), 0.05)


async def test_an_endless_body_ends_when_the_client_leaves(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault("docs-blob", wirefaults.endless()))
    async with client.get(galaxy.url + DOCS) as response:
        await response.content.readexactly(1_000_000)
    async with asyncio.timeout(5):
        while galaxy.requests.in_flight:
            await asyncio.sleep(0.01)


async def test_a_bomb_is_valid_gzip_of_a_thousandth_of_its_size(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    galaxy.faults.add(Fault("docs-blob", wirefaults.gzip_bomb(64 << 20)))
    _, packed = await fetch(galaxy, client)
    assert len(packed) < 100_000
    assert len(gzip.decompress(packed)) == 64 << 20


async def test_truncated_gzip_has_an_honest_length_and_no_end(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    galaxy.faults.add(Fault("docs-blob", wirefaults.gzip_truncated()))
    _, packed = await fetch(galaxy, client)
    unpacker = zlib.decompressobj(31)
    assert honest(galaxy).startswith(unpacker.decompress(packed))
    assert not unpacker.eof


async def test_bodies_can_be_anything_at_all(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    for name, expected in contentfaults.BODIES.items():
        galaxy.faults.clear()
        galaxy.faults.add(Fault("docs-blob", contentfaults.bad_body(name)))
        assert (await fetch(galaxy, client))[1] == expected


async def test_hostile_versions_stand_before_the_real_ones(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault(kind("versions"), contentfaults.hostile_versions()))
    page = json.loads((await fetch(galaxy, client, VERSIONS))[1])
    assert [item["version"] for item in page["data"]][: len(contentfaults.HOSTILE_VERSIONS)] == list(
        contentfaults.HOSTILE_VERSIONS
    )


async def test_pages_can_repeat_an_item(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault(kind("versions"), contentfaults.duplicates()))
    pages = [json.loads((await fetch(galaxy, client, f"{VERSIONS}?offset={at}"))[1])["data"] for at in (0, 10)]
    assert pages[0][-1] == pages[1][0]


async def test_pages_can_shift_between_two_requests(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    shift = contentfaults.afterwards(lambda: galaxy.catalog.remove("acme", "tools", "1.11.0"))
    galaxy.faults.add(Fault(kind("versions"), shift, times=1))
    pages = [json.loads((await fetch(galaxy, client, f"{VERSIONS}?offset={at}"))[1])["data"] for at in (0, 10)]
    assert "1.1.0" not in {item["version"] for page in pages for item in page}


async def test_faults_on_one_request_add_up(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault(kind("versions"), contentfaults.wrong_count(5)))
    galaxy.faults.add(Fault(kind("versions"), contentfaults.without_links()))
    page = json.loads((await fetch(galaxy, client, VERSIONS))[1])
    assert page["meta"] == {"count": 17}
    assert "links" not in page


async def test_a_detail_can_speak_of_another_version(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault(kind("detail"), contentfaults.with_members(version="9.9.9", artifact=None)))
    detail = json.loads((await fetch(galaxy, client, VERSIONS + "1.0.0/"))[1])
    assert (detail["version"], detail["artifact"]) == ("9.9.9", None)


async def test_a_redirect_can_loop(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.faults.add(Fault("docs-blob", wirefaults.redirect_to("{path}"), on_redirects=True))
    with pytest.raises(aiohttp.TooManyRedirects):
        await fetch(galaxy, client)
