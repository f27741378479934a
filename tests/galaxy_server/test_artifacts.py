"""Artifacts as servers give them out: themselves, or from another host; right, or wrong in a way that was asked for."""

import hashlib
from collections.abc import AsyncIterator
from xml.etree import ElementTree as Xml

import aiohttp
import pytest
from yarl import URL

from testgalaxy import Fault, TestGalaxy, artifactfaults, kind, small_catalog, small_version, with_tarball
from testgalaxy.faults import Action


@pytest.fixture
async def stored() -> AsyncIterator[TestGalaxy]:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), storage=True) as galaxy:
        yield galaxy


def url_of(galaxy: TestGalaxy, filename: str = "acme-tools-1.0.0.tar.gz") -> str:
    return galaxy.layout.download_url(filename)


async def fetch(client: aiohttp.ClientSession, url: str | URL, **headers: str) -> tuple[int, bytes]:
    async with client.get(url, headers=headers) as response:
        return response.status, await response.read()


async def presigned(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> str:
    """Where the redirects end, without going there."""
    url = url_of(galaxy)
    while not url.startswith(galaxy.storage.origin):
        async with client.get(URL(url, encoded=True), allow_redirects=False) as response:
            url = response.headers["Location"]
    return url


async def refusal(client: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, str | None]:
    status, body = await fetch(client, URL(url, encoded=True), **headers)
    return status, Xml.fromstring(body).findtext("Code")


async def test_storage_gives_what_it_is_asked_for_with_a_signature(
    stored: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    status, body = await fetch(client, URL(await presigned(stored, client), encoded=True))
    assert (status, hashlib.sha256(body).hexdigest()) == (200, stored.catalog.versions()[0].sha256)


async def test_storage_refuses_two_kinds_of_credentials(stored: TestGalaxy, client: aiohttp.ClientSession) -> None:
    url = await presigned(stored, client)
    assert await refusal(client, url, Authorization="Token x") == (400, "InvalidArgument")


async def test_storage_refuses_a_query_that_was_quoted_again(stored: TestGalaxy, client: aiohttp.ClientSession) -> None:
    url = await presigned(stored, client)
    assert str(URL(url)) != url
    assert await refusal(client, str(URL(url))) == (403, "SignatureDoesNotMatch")
    assert await refusal(client, url.partition("?")[0]) == (403, "SignatureDoesNotMatch")


async def test_storage_says_that_it_has_no_such_object(stored: TestGalaxy, client: aiohttp.ClientSession) -> None:
    url = await presigned(stored, client)
    stored.catalog.remove("acme", "tools")
    assert await refusal(client, url) == (404, "NoSuchKey")


async def test_the_log_of_the_storage_is_its_own(stored: TestGalaxy, client: aiohttp.ClientSession) -> None:
    await fetch(client, URL(await presigned(stored, client), encoded=True))
    assert stored.storage.requests.kinds == {"artifact": 1}
    assert stored.requests.kinds == {"redirect": 2}


async def test_storage_of_a_server_with_tls_has_its_certificate(client: aiohttp.ClientSession) -> None:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), storage=True, tls=True) as galaxy:
        assert galaxy.certificates is not None
        async with client.get(galaxy.storage.origin, ssl=galaxy.certificates.client()) as response:
            assert response.status == 403


async def test_a_version_can_be_replaced_by_another_digest(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    before = galaxy.catalog.version("acme", "tools", "1.0.0")
    replaced = galaxy.catalog.add(small_version("acme.tools", "1.0.0", files={"more.txt": b"more"}))
    _, body = await fetch(client, url_of(galaxy))
    assert before is not None
    assert hashlib.sha256(body).hexdigest() == replaced.sha256 != before.sha256
    assert len(galaxy.catalog) == 12


async def test_a_version_can_have_any_tarball_that_its_detail_announces(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    galaxy.catalog.add(with_tarball(small_version("acme.tools", "1.0.0"), b"no tarball at all"))
    async with client.get(f"{galaxy.url}v3/collections/acme/tools/versions/1.0.0/") as response:
        announced = (await response.json())["artifact"]
    status, body = await fetch(client, url_of(galaxy))
    assert (status, body) == (200, b"no tarball at all")
    assert (announced["size"], announced["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


async def test_a_pulp_does_not_give_out_build_metadata_although_its_content_app_has_it(
    client: aiohttp.ClientSession,
) -> None:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0+b.1"]})) as galaxy:
        filename = "acme-tools-1.0.0+b.1.tar.gz"
        assert (await fetch(client, url_of(galaxy, filename)))[0] == 404
        assert (await fetch(client, f"{galaxy.origin}{galaxy.layout.artifacts}/{filename}"))[0] == 200


@pytest.mark.parametrize(
    ("action", "longer"),
    [
        (artifactfaults.flipped(), 0),
        (artifactfaults.flipped(100), 0),
        (artifactfaults.lengthened(7), 7),
        (artifactfaults.shortened(7), -7),
    ],
    ids=["last byte", "a byte", "longer", "shorter"],
)
async def test_bytes_can_be_wrong_under_a_length_that_agrees(
    galaxy: TestGalaxy, client: aiohttp.ClientSession, action: Action, longer: int
) -> None:
    version = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert version is not None
    galaxy.faults.add(Fault(kind("artifact"), action, times=1))
    status, body = await fetch(client, url_of(galaxy))
    assert (status, len(body)) == (200, version.size + longer)
    assert hashlib.sha256(body).hexdigest() != version.sha256
    assert hashlib.sha256((await fetch(client, url_of(galaxy)))[1]).hexdigest() == version.sha256


async def test_an_error_document_can_come_as_if_it_were_the_artifact(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    galaxy.faults.add(Fault(kind("artifact"), artifactfaults.error_document("SlowDown")))
    status, body = await fetch(client, url_of(galaxy))
    assert (status, Xml.fromstring(body).findtext("Code")) == (200, "SlowDown")


async def test_another_artifact_can_come_instead(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    other = small_version("acme.tools", "1.1.0").artifact
    assert isinstance(other, bytes)
    galaxy.faults.add(Fault(kind("artifact"), artifactfaults.other(other)))
    assert (await fetch(client, url_of(galaxy)))[1] == other


async def test_an_artifact_can_come_in_small_pieces_and_whole(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    version = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert version is not None
    galaxy.faults.add(Fault(kind("artifact"), artifactfaults.trickled(size=300, pause=0)))
    async with client.get(url_of(galaxy)) as response:
        assert response.content_length == version.size
        assert hashlib.sha256(await response.read()).hexdigest() == version.sha256


async def test_any_file_can_be_served_without_credentials(client: aiohttp.ClientSession) -> None:
    async with TestGalaxy(token="t0ken") as galaxy:
        url = galaxy.put_file("signatures/tools.asc", b"text")
        assert await fetch(client, url) == (200, b"text")
        assert (await fetch(client, f"{url}.not"))[0] == 404
