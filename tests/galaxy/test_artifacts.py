"""Artifacts: from the host that the detail names, or the one behind it, which hears of no credentials."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from collectionsync.galaxy.client import GalaxyClient
from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import ContentError, NotFoundError, TransientError
from galaxy.wire import LIMIT, Collected, connected
from testgalaxy import Fault, TestGalaxy, artifactfaults, kind, small_catalog, small_version, wirefaults


@pytest.fixture
async def stored() -> AsyncIterator[TestGalaxy]:
    """Serve artifacts from object storage, behind a server that wants a token."""
    catalog = small_catalog({"acme.tools": ["1.0.0"]})
    async with TestGalaxy(catalog, storage=True, token="t0ken") as galaxy:
        yield galaxy


def credentials(galaxy: TestGalaxy) -> Credentials:
    return Credentials.token(URL(galaxy.url), "t0ken")


async def download_url(client: GalaxyClient, version: str = "1.0.0") -> str:
    sink = Collected()
    await client.detail("acme", "tools", version, sink, limit=LIMIT)
    return str(json.loads(sink.data)["download_url"])


async def artifact_of(galaxy: TestGalaxy, version: str = "1.0.0") -> bytes:
    sink = Collected()
    async with connected(galaxy.url, credentials=credentials(galaxy)) as client:
        await client.artifact(await download_url(client, version), sink, limit=LIMIT)
    return bytes(sink.data)


@pytest.mark.parametrize("redirects", [False, True])
@pytest.mark.parametrize("storage", [False, True])
async def test_it_is_what_the_detail_announces(redirects: bool, storage: bool) -> None:
    catalog = small_catalog({"acme.tools": ["1.0.0"]})
    async with TestGalaxy(catalog, redirects=redirects, storage=storage) as galaxy:
        assert hashlib.sha256(await artifact_of(galaxy)).hexdigest() == catalog.versions()[0].sha256


async def test_storage_that_refuses_two_credentials_gets_only_its_own(stored: TestGalaxy) -> None:
    assert hashlib.sha256(await artifact_of(stored)).hexdigest() == stored.catalog.versions()[0].sha256
    assert [(request.status, request.headers.get("Authorization")) for request in stored.storage.requests] == [
        (200, None)
    ]


async def test_its_address_may_be_path_only(stored: TestGalaxy) -> None:
    sink = Collected()
    async with connected(stored.url, credentials=credentials(stored)) as client:
        url = URL(await download_url(client))
        await client.artifact(url.raw_path, sink, limit=LIMIT)
    assert hashlib.sha256(sink.data).hexdigest() == stored.catalog.versions()[0].sha256


async def test_a_query_in_its_address_is_sent_as_it_is(stored: TestGalaxy) -> None:
    query = "a=%2f%7e+b&c=~'(d)"
    async with connected(stored.url, credentials=credentials(stored)) as client:
        url = stored.put_file("tools.tar.gz", b"x")
        await client.artifact(f"{url}?{query}", Collected(), limit=LIMIT)
    assert stored.requests.of("file")[0].path.partition("?")[2] == query


async def test_it_is_asked_for_as_anything(stored: TestGalaxy) -> None:
    await artifact_of(stored)
    assert [request.headers["Accept"] for request in stored.storage.requests] == ["*/*"]


async def test_one_that_breaks_off_starts_again(stored: TestGalaxy) -> None:
    stored.storage.faults.add(Fault(kind("artifact"), wirefaults.truncate(100), times=1))
    assert hashlib.sha256(await artifact_of(stored)).hexdigest() == stored.catalog.versions()[0].sha256
    assert len(stored.storage.requests) == 2


async def test_one_that_comes_slowly_comes_whole(stored: TestGalaxy) -> None:
    stored.storage.faults.add(Fault(kind("artifact"), artifactfaults.trickled(size=200, pause=0.001)))
    assert hashlib.sha256(await artifact_of(stored)).hexdigest() == stored.catalog.versions()[0].sha256


async def test_storage_that_is_down_is_asked_again(stored: TestGalaxy) -> None:
    stored.storage.faults.add(Fault(kind("artifact"), wirefaults.status(503), times=1))
    assert await artifact_of(stored)


async def test_one_that_is_gone_is_not_found(stored: TestGalaxy) -> None:
    stored.storage.faults.add(Fault(kind("artifact"), wirefaults.status(404)))
    with pytest.raises(NotFoundError):
        await artifact_of(stored)


async def test_one_with_build_metadata_cannot_be_had_from_a_pulp() -> None:
    catalog = small_catalog({"acme.tools": ["1.0.0+build.5"]})
    async with TestGalaxy(catalog) as galaxy:
        with pytest.raises(NotFoundError):
            await artifact_of(galaxy, "1.0.0+build.5")


async def test_one_above_the_limit_is_refused(stored: TestGalaxy) -> None:
    async with connected(stored.url, credentials=credentials(stored)) as client:
        with pytest.raises(ContentError) as caught:
            await client.artifact(await download_url(client), Collected(), limit=100)
    assert caught.value.reason == "TooLarge"


async def test_a_presigned_address_is_in_no_message(stored: TestGalaxy) -> None:
    stored.storage.faults.add(Fault(kind("artifact"), wirefaults.status(500)))
    with pytest.raises(TransientError, match=r"/bucket/artifact/.* answered 500") as caught:
        await artifact_of(stored)
    assert "Signature" not in str(caught.value)


async def test_one_that_was_replaced_is_the_new_one(stored: TestGalaxy) -> None:
    before = await artifact_of(stored)
    new = stored.catalog.add(small_version("acme.tools", "1.0.0", files={"new.txt": b"new"}))
    after = await artifact_of(stored)
    assert hashlib.sha256(before).hexdigest() != hashlib.sha256(after).hexdigest() == new.sha256


async def test_it_is_let_go_of_when_nobody_waits_for_it(stored: TestGalaxy) -> None:
    stored.storage.faults.add(Fault(kind("artifact"), wirefaults.stall(100)))
    async with connected(stored.url, credentials=credentials(stored)) as client:
        url = await download_url(client)
        sink = Collected()
        download = asyncio.create_task(client.artifact(url, sink, limit=LIMIT))
        async with asyncio.timeout(20):
            while len(sink.data) < 100:
                await asyncio.sleep(0.001)
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
        async with asyncio.timeout(20):
            while stored.storage.requests.in_flight:
                await asyncio.sleep(0.001)
