"""What clients are told of where they are: the public URL, its prefix, or the host that they name themselves."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from collectionsync.server.public_url import PublicUrlError
from server.wire import ask
from servingmirror import Mirror, filled, mirror
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

API = "/default/default/api"
DETAIL = f"{API}/v3/collections/acme/alpha/versions/1.0.0/"
LIST = f"{API}/v3/collections/"


@pytest.fixture
async def content(database: str) -> str:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    return database


@pytest.fixture
async def behind_a_proxy(content: str) -> AsyncIterator[Mirror]:
    """A server at a prefix, for a proxy that takes the prefix away or does not."""
    async with mirror(content, public_url="https://galaxy.example.org/mirror/eu/") as server:
        yield server


@pytest.mark.parametrize("before", ["/mirror/eu", "", "/%6dirror/eu"])
async def test_with_and_without_the_prefix_the_answer_is_the_same(behind_a_proxy: Mirror, before: str) -> None:
    detail = (await ask(behind_a_proxy.port, f"{before}{DETAIL}")).json
    assert detail["href"] == f"/mirror/eu{DETAIL}"
    assert detail["download_url"].startswith(f"https://galaxy.example.org/mirror/eu{API}/v3/plugin/")


async def test_links_begin_with_the_prefix_whatever_the_proxy_did(behind_a_proxy: Mirror) -> None:
    for target in (f"/mirror/eu{LIST}", LIST):
        links = (await ask(behind_a_proxy.port, target)).json["links"]
        assert links["first"] == f"/mirror/eu{LIST}?limit=10&offset=0"


async def test_the_prefix_alone_is_the_root(behind_a_proxy: Mirror) -> None:
    reply = await ask(behind_a_proxy.port, "/mirror/eu")
    assert reply.headers["content-type"].startswith("text/plain")
    assert b"https://galaxy.example.org/mirror/eu/NAMESPACE/REPOSITORY/api/" in reply.body


@pytest.mark.parametrize("target", ["/mirror", "/mirror/eu2/default/default/api", "/mirroreu/default/default/api"])
async def test_what_only_looks_like_the_prefix_is_none(behind_a_proxy: Mirror, target: str) -> None:
    assert (await ask(behind_a_proxy.port, target)).status == 404


async def test_with_a_public_url_no_host_that_a_client_names_is_of_interest(behind_a_proxy: Mirror) -> None:
    detail = await behind_a_proxy.get(DETAIL, Host="evil.example.org", X_Forwarded_Proto="http")
    assert detail.json["download_url"].startswith("https://galaxy.example.org/")
    assert b"evil" not in detail.body


async def test_without_one_a_client_is_told_the_host_that_it_named(content: str) -> None:
    async with mirror(content) as server:
        detail = await server.get(DETAIL, Host="galaxy.internal:8443", X_Forwarded_Proto="https")
        assert detail.json["download_url"].startswith("https://galaxy.internal:8443/default/")
        index = await server.get("/", Host="galaxy.internal")
        assert b"http://galaxy.internal/NAMESPACE/REPOSITORY/api/" in index.body


async def test_the_root_is_text_so_that_clients_go_on_to_the_api(content: str) -> None:
    async with mirror(content) as server:
        reply = await server.get("/")
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert (await server.get("/api")).status == (await server.get("/api/")).status == 404


@pytest.mark.parametrize("options", [{"public_url": "https://user:word@host/"}, {"public_url": "galaxy"}])
async def test_an_address_that_is_none_is_found_out_at_the_start(database: str, options: Any) -> None:
    with pytest.raises(PublicUrlError):
        async with mirror(database, **options):
            pass
