"""Namespaces on a server: their metadata as it comes, and their avatars from wherever those are."""

import hashlib

import pytest
from yarl import URL

from collectionsync.galaxy.client import NAMESPACE_LIMIT_BYTES
from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import ContentError, NotFoundError, TransientError
from collectionsync.galaxy.namespace import NamespaceDocument, read_namespace
from galaxy.wire import LIMIT, Collected, answered, connected, scripted
from testgalaxy import PNG, Fault, TestGalaxy, contentfaults, kind, small_catalog, wirefaults


@pytest.fixture
def described(galaxy: TestGalaxy) -> TestGalaxy:
    galaxy.catalog.describe("acme", company="Acme", links={"Home": "https://acme.example/"}, avatar=PNG)
    return galaxy


async def read(galaxy: TestGalaxy, name: str = "acme") -> NamespaceDocument | None:
    async with connected(galaxy.url) as client:
        raw = await client.namespace(name)
    return None if raw is None else read_namespace(name, raw)


async def test_metadata_comes_as_the_details_announce_it(described: TestGalaxy) -> None:
    found = await read(described)
    assert found is not None
    assert found.metadata_sha256 == described.catalog.versions("acme", "tools")[0].namespace_sha256


async def test_a_namespace_that_nobody_described_has_none(galaxy: TestGalaxy) -> None:
    assert await read(galaxy) is None


async def test_the_redirect_of_namespaces_is_learned_once(described: TestGalaxy) -> None:
    described.catalog.describe("other")
    async with connected(described.url) as client:
        described.requests.clear()
        for name in ("acme", "other", "acme"):
            assert await client.namespace(name)
    assert described.requests.kinds == {"redirect": 1, "namespace": 3}


async def test_metadata_above_a_mebibyte_is_refused(described: TestGalaxy) -> None:
    described.catalog.describe("acme", resources="x" * NAMESPACE_LIMIT_BYTES)
    with pytest.raises(ContentError) as caught:
        await read(described)
    assert caught.value.reason == "TooLarge"


async def test_metadata_that_was_tampered_with_is_noticed(described: TestGalaxy) -> None:
    described.faults.add(Fault(kind("namespace"), contentfaults.with_members(company="Evil")))
    with pytest.raises(ContentError) as caught:
        await read(described)
    assert caught.value.reason == "DigestMismatch"


@pytest.mark.parametrize("storage", [False, True], ids=["Pulp's own content", "object storage"])
@pytest.mark.parametrize("redirects", [False, True])
async def test_an_avatar_comes_through_a_redirect_with_its_type(redirects: bool, storage: bool) -> None:
    catalog = small_catalog({"acme.tools": ["1.0.0"]})
    catalog.describe("acme", avatar=PNG, avatar_type="image/png")
    sink = Collected()
    async with TestGalaxy(catalog, redirects=redirects, storage=storage) as galaxy:
        found = await read(galaxy)
        assert found is not None
        assert found.avatar_url is not None
        async with connected(galaxy.url) as client:
            assert await client.avatar(found.avatar_url, sink, limit=LIMIT) == "image/png"
    assert hashlib.sha256(sink.data).hexdigest() == found.avatar_sha256


async def test_an_avatars_address_may_be_relative(described: TestGalaxy) -> None:
    found = await read(described)
    assert found is not None
    assert found.avatar_url is not None
    sink = Collected()
    async with connected(described.url) as client:
        await client.avatar(URL(found.avatar_url).raw_path, sink, limit=LIMIT)
    assert sink.data == PNG


async def test_an_avatar_is_asked_for_as_anything(described: TestGalaxy) -> None:
    found = await read(described)
    assert found is not None
    assert found.avatar_url is not None
    async with connected(described.url) as client:
        await client.avatar(found.avatar_url, Collected(), limit=LIMIT)
    assert [request.headers["Accept"] for request in described.requests.of("avatar")] == ["*/*"]


async def test_an_avatar_without_a_type_has_none() -> None:
    root, picture = answered(b'{"available_versions": {"v3": "v3/"}}'), b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    async with scripted(root, picture) as server, connected(server.url) as client:
        assert await client.avatar("/avatar", Collected(), limit=LIMIT) == ""


async def test_an_avatar_on_another_host_gets_no_credentials(described: TestGalaxy) -> None:
    async with TestGalaxy() as other:
        url = other.put_file("avatar.png", PNG)
        credentials = Credentials.token(URL(described.url), "t0ken")
        async with connected(described.url, credentials=credentials) as client:
            await client.avatar(url, Collected(), limit=LIMIT)
    assert [request.headers.get("Authorization") for request in other.requests] == [None]


@pytest.mark.parametrize("url", ["", "http://[", "mailto:a@example.com", "data:image/png;base64,AAAA", "javascript:x"])
async def test_an_address_that_cannot_be_asked_is_refused(galaxy: TestGalaxy, url: str) -> None:
    async with connected(galaxy.url) as client:
        with pytest.raises((ContentError, NotFoundError)):
            await client.avatar(url or "nowhere", Collected(), limit=LIMIT)


async def test_an_avatar_above_the_limit_is_refused(described: TestGalaxy) -> None:
    url = described.put_file("avatar.png", bytes(5000))
    async with connected(described.url) as client:
        with pytest.raises(ContentError) as caught:
            await client.avatar(url, Collected(), limit=4999)
    assert caught.value.reason == "TooLarge"


async def test_an_avatar_that_is_gone_is_not_found(described: TestGalaxy) -> None:
    found = await read(described)
    assert found is not None
    assert found.avatar_url is not None
    described.catalog.describe("acme")
    async with connected(described.url) as client:
        with pytest.raises(NotFoundError):
            await client.avatar(found.avatar_url, Collected(), limit=LIMIT)


async def test_a_namespace_of_a_server_that_is_down_is_not_taken_for_missing(described: TestGalaxy) -> None:
    described.faults.add(Fault(kind("namespace"), wirefaults.status(502)))
    with pytest.raises(TransientError):
        await read(described)
