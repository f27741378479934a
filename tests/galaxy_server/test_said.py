"""What a server says beside the content: signatures, marks, deprecation, namespaces, excludes and whole lists."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from testgalaxy import PNG, TestGalaxy, small_catalog, small_version

COLLECTION = "v3/collections/acme/tools/"
VERSION = f"{COLLECTION}versions/1.3.0/"


async def body_of(client: aiohttp.ClientSession, url: str) -> bytes:
    async with client.get(url) as response:
        assert response.status == 200, url
        return await response.read()


async def get(client: aiohttp.ClientSession, url: str) -> Any:
    return json.loads(await body_of(client, url))


async def status_of(client: aiohttp.ClientSession, url: str) -> int:
    async with client.get(url) as response:
        return response.status


async def listed(client: aiohttp.ClientSession, galaxy: TestGalaxy) -> dict[str, Any]:
    page = await get(client, f"{galaxy.url}{COLLECTION}versions/?limit=100")
    return {item["version"]: item for item in page["data"]}


async def test_a_signature_that_comes_later_is_in_the_detail_and_in_no_paged_list(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    before = await listed(client, galaxy)
    galaxy.catalog.sign("acme", "tools", "1.3.0", fingerprint="AB12")
    (signature,) = (await get(client, galaxy.url + VERSION))["signatures"]
    assert set(signature) == {"signature", "pubkey_fingerprint", "signing_service", "pulp_created"}
    assert signature["pubkey_fingerprint"] == "AB12"
    assert signature["signature"].startswith("-----BEGIN PGP SIGNATURE-----\n")
    assert await listed(client, galaxy) == before


async def test_no_two_signatures_are_the_same(galaxy: TestGalaxy) -> None:
    for version in ("1.3.0", "1.4.0"):
        galaxy.catalog.sign("acme", "tools", version)
        galaxy.catalog.sign("acme", "tools", version, fingerprint="AB12")
        galaxy.catalog.sign("acme", "tools", version)
    assert len({each["signature"] for version in galaxy.catalog for each in version.signatures}) == 6


async def test_signatures_can_be_taken_off_again(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.catalog.sign("acme", "tools", "1.3.0")
    galaxy.catalog.unsign("acme", "tools", "1.3.0")
    assert (await get(client, galaxy.url + VERSION))["signatures"] == []


async def test_a_mark_is_in_the_list_and_the_times_stay(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    before = await listed(client, galaxy)
    galaxy.catalog.mark("acme", "tools", "1.3.0", "tested")
    assert await listed(client, galaxy) == {**before, "1.3.0": {**before["1.3.0"], "marks": ["tested"]}}
    galaxy.catalog.unmark("acme", "tools", "1.3.0", "tested")
    assert await listed(client, galaxy) == before


@pytest.mark.parametrize("change", ["sign", "mark", "deprecate", "describe", "replace"])
async def test_every_change_moves_published(galaxy: TestGalaxy, client: aiohttp.ClientSession, change: str) -> None:
    before = await get(client, f"{galaxy.url}v3/")
    catalog = galaxy.catalog
    changes: dict[str, Callable[[], object]] = {
        "sign": lambda: catalog.sign("acme", "tools", "1.3.0"),
        "mark": lambda: catalog.mark("acme", "tools", "1.3.0", "tested"),
        "deprecate": lambda: catalog.deprecate("acme", "tools"),
        "describe": lambda: catalog.describe("acme"),
        "replace": lambda: catalog.add(small_version("acme.tools", "1.3.0")),
    }
    changes[change]()
    assert await get(client, f"{galaxy.url}v3/") != before


async def test_deprecation_is_said_by_the_collection_and_by_both_lists(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    galaxy.catalog.deprecate("acme", "tools")
    assert (await get(client, galaxy.url + COLLECTION))["deprecated"]
    assert (await get(client, f"{galaxy.url}v3/collections/"))["data"][0]["deprecated"]
    assert (await get(client, f"{galaxy.url}v3/collections/all/"))[0]["deprecated"]


async def test_a_namespace_is_found_once_it_was_described(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    url = f"{galaxy.url}v3/namespaces/acme/"
    assert await status_of(client, url) == 404
    assert (await get(client, galaxy.url + VERSION))["namespace"] == {"name": "acme", "metadata_sha256": None}
    galaxy.catalog.describe("acme", company="Acme", links={"Home": "https://acme.example/"})
    found = await get(client, url)
    assert found["links"] == [{"name": "Home", "url": "https://acme.example/"}]
    assert (found["avatar_url"], found["avatar_sha256"], found["email"]) == (None, None, "")
    assert (await get(client, galaxy.url + VERSION))["namespace"]["metadata_sha256"] == found["metadata_sha256"]


async def test_the_digest_of_a_namespace_is_that_of_its_members_as_python_writes_them(galaxy: TestGalaxy) -> None:
    galaxy.catalog.describe("acme", company="é", links={"b": "1", "a": "2"})
    described = galaxy.catalog.namespace("acme")
    text = (
        '{"avatar_sha256": null, "company": "\\u00e9", "description": "", "email": "", '
        '"links": {"a": "2", "b": "1"}, "name": "acme", "resources": ""}'
    )
    assert described is not None
    assert described.metadata_sha256 == hashlib.sha256(text.encode()).hexdigest()


async def test_versions_that_come_later_have_the_digest_as_well(galaxy: TestGalaxy) -> None:
    described = galaxy.catalog.describe("acme", company="Acme")
    added = galaxy.catalog.add(small_version("acme.more", "1.0.0"))
    assert added.namespace_sha256 == described.metadata_sha256


async def test_an_avatar_is_behind_a_redirect_to_an_address_that_expires(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    galaxy.catalog.describe("acme", avatar=PNG, avatar_type="image/png")
    url = (await get(client, f"{galaxy.url}v3/namespaces/acme/"))["avatar_url"]
    async with client.get(url, allow_redirects=False) as response:
        assert response.status == 302
        location = response.headers["Location"]
    assert re.search(r"\?expires=\d+&validate_token=", location)
    async with client.get(url) as response:
        assert (response.headers["Content-Type"], await response.read()) == ("image/png", PNG)
    assert await status_of(client, galaxy.origin + location.partition("?")[0]) == 403


@pytest.mark.parametrize(
    ("excluded", "found"),
    [
        ([], []),
        ({"collections": []}, {"collections": []}),
        ({"collections": [{"name": "acme.tools"}]}, {"collections": [{"name": "acme.tools"}]}),
    ],
)
async def test_excludes_are_what_the_catalog_says(
    galaxy: TestGalaxy, client: aiohttp.ClientSession, excluded: object, found: object
) -> None:
    galaxy.catalog.excludes = excluded
    assert await get(client, f"{galaxy.url}v3/excludes/") == found


async def test_excludes_add_up(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    galaxy.catalog.exclude("acme.tools", ">=2")
    galaxy.catalog.exclude("acme.more")
    assert await get(client, f"{galaxy.url}v3/excludes/") == {
        "collections": [{"name": "acme.tools", "version": ">=2"}, {"name": "acme.more"}]
    }


async def test_a_server_without_excludes_has_a_page_that_says_so(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{galaxy.url}v3/excludes/") as response:
        assert (response.status, response.content_type) == (404, "text/html")


async def test_the_list_of_all_versions_is_html_with_keys_in_order_and_in_ascii(client: aiohttp.ClientSession) -> None:
    version = small_version("acme.tools", "1.0.0", tags=["<b>", "'", "&", "é"])
    catalog = small_catalog({"acme.more": ["1.0.0", "1.1.0"]})
    catalog.add(version)
    async with TestGalaxy(catalog) as galaxy, client.get(f"{galaxy.url}v3/collection_versions/all/") as response:
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        body = await response.read()
        details = [version.detail_at(galaxy.layout).json() for version in catalog.versions()]
    assert not re.search(rb"[<>&'\x80-\xff]", body)
    found = json.loads(body)
    assert found == [{key: each[key] for key in each if key not in ("manifest", "files")} for each in details]
    assert [list(each) for each in found] == [sorted(each) for each in found]


@pytest.mark.parametrize("path", ["collections/all/", "collection_versions/all/"])
async def test_the_whole_lists_can_be_left_out(client: aiohttp.ClientSession, path: str) -> None:
    catalog = small_catalog({"acme.tools": ["1.0.0"]})
    async with TestGalaxy(catalog, unpaged=False) as galaxy, client.get(f"{galaxy.url}v3/{path}") as response:
        assert (response.status, response.content_type) == (404, "application/json")


async def test_the_log_tells_the_whole_lists_from_pages(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    for path in ("", "excludes/", "collections/", "collections/all/", "collection_versions/all/"):
        await status_of(client, f"{galaxy.url}v3/{path}")
    kinds = {kind: count for kind, count in galaxy.requests.kinds.items() if kind != "redirect"}
    assert kinds == dict.fromkeys(("published", "excludes", "collections", "all-collections", "all-versions"), 1)
