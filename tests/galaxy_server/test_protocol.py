"""What the server says is what a real one was recorded to say."""

import asyncio
import gzip
import hashlib
import io
import json
import tarfile
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest

from testgalaxy import TestGalaxy, small_catalog, small_version

VERSIONS = "v3/collections/acme/tools/versions/"
DETAIL_MEMBERS = """
    version href created_at updated_at requires_ansible marks artifact collection download_url name namespace
    signatures metadata git_url git_commit_sha manifest files
"""


async def get_json(client: aiohttp.ClientSession, url: str) -> Any:
    async with client.get(url) as response:
        assert response.status == 200, await response.text()
        return json.loads(await response.read())


async def status_of(client: aiohttp.ClientSession, url: str, **options: Any) -> int:
    async with client.get(url, **options) as response:
        return response.status


async def test_the_root_says_that_it_speaks_v3(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    assert (await get_json(client, galaxy.url))["available_versions"]["v3"] == "v3/"


async def test_legacy_paths_redirect_to_another_prefix_without_a_host(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    async with client.get(galaxy.url + VERSIONS + "?limit=5", allow_redirects=False) as response:
        assert response.status == 302
        assert response.headers["Location"] == (
            "/pulp_ansible/galaxy/default/api/v3/plugin/ansible/content/lab/collections/index/acme/tools/versions/?limit=5"
        )


async def test_a_missing_slash_is_put_there_by_a_redirect(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    assert await status_of(client, galaxy.url + VERSIONS.rstrip("/"), allow_redirects=False) == 301


async def test_without_redirects_every_path_answers_directly(client: aiohttp.ClientSession) -> None:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), redirects=False) as galaxy:
        for path in ("v3", VERSIONS, VERSIONS.rstrip("/"), VERSIONS + "1.0.0/docs-blob/"):
            assert await status_of(client, galaxy.url + path, allow_redirects=False) == 200


async def test_pages_link_to_each_other_newest_first(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    page = await get_json(client, galaxy.url + VERSIONS)
    assert (page["meta"]["count"], page["data"][0]["version"], len(page["data"])) == (12, "1.11.0", 10)
    rest = await get_json(client, urljoin(galaxy.url, page["links"]["next"]))
    assert [item["version"] for item in rest["data"]] == ["1.1.0", "1.0.0"]
    assert rest["links"]["next"] is None


async def test_a_limit_above_100_counts_as_100(client: aiohttp.ClientSession) -> None:
    async with TestGalaxy(small_catalog({"acme.tools": [f"1.0.{patch}" for patch in range(101)]})) as galaxy:
        page = await get_json(client, galaxy.url + VERSIONS + "?limit=1000")
        assert len(page["data"]) == 100


async def test_versions_of_an_unknown_collection_are_an_empty_list_but_it_is_not_found(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    unknown = galaxy.url + "v3/collections/no/such/"
    assert (await get_json(client, unknown + "versions/"))["data"] == []
    assert await status_of(client, unknown) == 404


async def test_a_detail_has_the_members_of_a_real_one_in_their_order(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    detail = await get_json(client, galaxy.url + VERSIONS + "1.0.0/")
    assert list(detail) == DETAIL_MEMBERS.split()


async def test_the_chain_of_checksums_holds_down_to_each_file(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    detail = await get_json(client, galaxy.url + VERSIONS + "1.0.0/")
    async with client.get(detail["download_url"]) as response:
        tarball = await response.read()
    assert hashlib.sha256(tarball).hexdigest() == detail["artifact"]["sha256"]
    with tarfile.open(fileobj=io.BytesIO(tarball)) as tar:
        members = {member.name: tar.extractfile(member) for member in tar}
        data = {name: file.read() for name, file in members.items() if file}
    assert list(members)[:2] == ["MANIFEST.json", "FILES.json"]
    manifest, files = json.loads(data["MANIFEST.json"]), json.loads(data["FILES.json"])
    assert (manifest, files) == (detail["manifest"], detail["files"])
    assert hashlib.sha256(data["FILES.json"]).hexdigest() == manifest["file_manifest_file"]["chksum_sha256"]
    for entry in files["files"]:
        if entry["ftype"] == "file":
            assert hashlib.sha256(data[entry["name"]]).hexdigest() == entry["chksum_sha256"]


async def test_head_says_how_long_the_body_would_be(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    async with client.head(galaxy.url + VERSIONS + "1.0.0/", allow_redirects=True) as response:
        assert await response.read() == b""
    version = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert version is not None
    assert response.content_length == version.detail_at(galaxy.layout).size


async def test_docs_that_do_not_exist_are_not_found(client: aiohttp.ClientSession) -> None:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}, docs=False)) as galaxy:
        assert await status_of(client, galaxy.url + VERSIONS + "1.0.0/docs-blob/") == 404


async def test_a_version_can_be_added_while_the_catalog_is_served(
    galaxy: TestGalaxy, client: aiohttp.ClientSession
) -> None:
    before = await get_json(client, galaxy.url + "v3/")
    galaxy.catalog.add(small_version("acme.tools", "0.9.0"))
    assert (await get_json(client, galaxy.url + VERSIONS))["data"][0]["version"] == "0.9.0"
    assert await get_json(client, galaxy.url + "v3/") != before
    collection = await get_json(client, galaxy.url + "v3/collections/acme/tools/")
    assert collection["highest_version"]["version"] == "1.11.0"


@pytest.mark.parametrize("accept", ["gzip, deflate", "identity"])
async def test_gzip_goes_only_to_clients_that_accept_it(client: aiohttp.ClientSession, accept: str) -> None:
    catalog = small_catalog({"acme.tools": ["1.0.0"]}, docs=50_000)
    async with (
        TestGalaxy(catalog, gzip=True) as galaxy,
        client.get(galaxy.url + VERSIONS + "1.0.0/docs-blob/", headers={"Accept-Encoding": accept}) as response,
    ):
        body = await response.read()
    packed = response.headers.get("Content-Encoding") == "gzip"
    assert packed is accept.startswith("gzip")
    document = catalog.versions()[0].docs
    assert document is not None
    assert (gzip.decompress(body) if packed else body) == bytes(document)


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({"token": "secret"}, {"Authorization": "Token secret"}),
        ({"username": "me", "password": "päss"}, {"Authorization": "Basic bWU6cMOkc3M="}),
    ],
)
async def test_credentials_are_asked_for_behind_the_root(
    client: aiohttp.ClientSession, options: dict[str, Any], headers: dict[str, str]
) -> None:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), **options) as galaxy:
        assert await status_of(client, galaxy.url) == 200
        assert await status_of(client, galaxy.url + VERSIONS) == 401
        assert await status_of(client, galaxy.url + VERSIONS, headers={"Authorization": "Token other"}) == 401
        assert await status_of(client, galaxy.url + VERSIONS, headers=headers) == 200


async def test_tls_is_trusted_with_its_own_ca_only(client: aiohttp.ClientSession) -> None:
    async with TestGalaxy(tls=True) as galaxy:
        assert galaxy.certificates is not None
        assert await status_of(client, galaxy.url, ssl=galaxy.certificates.client()) == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await status_of(client, galaxy.url)


async def test_the_log_counts_requests_by_kind_and_by_path(galaxy: TestGalaxy, client: aiohttp.ClientSession) -> None:
    for _ in range(2):
        await get_json(client, galaxy.url + VERSIONS + "1.0.0/docs-blob/")
    assert galaxy.requests.kinds == {"redirect": 2, "docs": 2}
    document = galaxy.catalog.versions()[-1].docs
    assert document is not None
    assert [request.bytes for request in galaxy.requests.of("docs")] == [document.size] * 2
    assert set(galaxy.requests.per_path.values()) == {2}


async def test_the_log_knows_how_many_were_in_flight(client: aiohttp.ClientSession) -> None:
    async with TestGalaxy(latency=0.1) as galaxy:
        await asyncio.gather(*(status_of(client, galaxy.url) for _ in range(5)))
        assert galaxy.requests.max_in_flight == 5
