"""How a source is talked to, as its manifest and its Secrets have it."""

from pathlib import Path

import pytest

from collectionsync.report import Result
from serving import Serve
from syncing import manifest, names, published, sync
from testgalaxy import Catalog, Fault, kind, small_catalog
from testgalaxy.wirefaults import stall, status
from wayside import Keycloak, WaysideProxy

pytestmark = pytest.mark.slow


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0"]})


def secret(folder: Path, name: str, **keys: str) -> None:
    (folder / name).mkdir()
    for key, text in keys.items():
        (folder / name / key).write_text(text)


async def test_a_refresh_token_is_exchanged_at_its_endpoint(serve: Serve, database: str, tmp_path: Path) -> None:
    galaxy = await serve(tools())
    async with Keycloak() as keycloak:
        galaxy.faults.add(
            Fault(lambda exchange: exchange.headers.get("Authorization") != "Bearer access-1", status(401))
        )
        secret(tmp_path, "hub", token=keycloak.refresh_token, auth_url=keycloak.url)
        document = manifest(galaxy.url, "acme.tools", source={"secretRef": {"name": "hub"}})
        ended = await sync(document, database, secrets=tmp_path)
        assert ended.result is Result.SUCCEEDED, ended.outcome
        assert [request.form["refresh_token"] for request in keycloak.requests] == ["refresh-0"]
    assert await published(database) == names(galaxy.catalog)


async def test_a_proxy_is_gone_through_with_its_credentials(serve: Serve, database: str, tmp_path: Path) -> None:
    galaxy = await serve(tools())
    async with WaysideProxy(username="me", password="s3cret") as proxy:
        secret(tmp_path, "proxy", address=proxy.url, username="me", password="s3cret")
        document = manifest(galaxy.url, "acme.tools", source={"proxySecretRef": {"name": "proxy"}})
        ended = await sync(document, database, secrets=tmp_path)
        assert ended.result is Result.SUCCEEDED, ended.outcome
        assert len(proxy.asked) == len(galaxy.requests)


async def test_headers_of_the_manifest_and_of_the_secret_are_sent_with_every_request(
    serve: Serve, database: str, tmp_path: Path
) -> None:
    galaxy = await serve(tools())
    secret(tmp_path, "hub", headers="Authorization: Key s3cret\n")
    headers = [{"name": "User-Agent", "value": "mirror of example.org"}]
    document = manifest(galaxy.url, "acme.tools", source={"secretRef": {"name": "hub"}, "headers": headers})
    await sync(document, database, secrets=tmp_path)
    sent = {(request.headers.get("User-Agent"), request.headers.get("Authorization")) for request in galaxy.requests}
    assert sent == {("mirror of example.org", "Key s3cret")}


async def test_an_answer_is_waited_for_no_longer_than_the_manifest_says(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind("detail"), stall(50), times=1))
    document = manifest(galaxy.url, "acme.tools", source={"timeouts": {"total": "500ms"}})
    # By itself a silent source would be waited for longer than this test.
    ended = await sync(document, database, stall_seconds=3600)
    assert (ended.result, ended.report.retries) == (Result.SUCCEEDED, 1)


async def test_requests_are_as_far_apart_as_the_manifest_says(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools", source={"rateLimit": 10}), database)
    first, *_, last = galaxy.requests
    # Half of it: what is measured is when they arrive.
    assert last.started - first.started >= (len(galaxy.requests) - 1) / 10 / 2
