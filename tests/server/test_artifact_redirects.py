"""Artifacts by a redirect to the store, where it has URLs for them; and sent where it has none."""

import logging

import pytest

from artifacts.content import Blob, blob
from artifacts.test_signed_urls import fetched
from collectionsync.artifacts.errors import ArtifactStoreError
from collectionsync.artifacts.store import ArtifactStore
from objectstore import Bucket
from objectstore.fixtures import plain_s3, plain_s3_server, pytest_runtestloop, s3_program
from server.artifact_serving import FILENAME, FakeBackend, artifact_of, serving

__all__ = ["plain_s3", "plain_s3_server", "pytest_runtestloop", "s3_program"]

CONTENT = Blob(b"abcdefghij")
URL = "https://s3.example/bucket/key?X-Amz-Signature=0123456789abcdef&response-content-type=application%2Fgzip"


async def test_a_redirect_leads_to_the_store_and_is_not_kept() -> None:
    async with serving(artifact_of(CONTENT), FakeBackend(url=URL, size=10).store(), redirect=True) as served:
        reply = await served.get()
    assert (reply.status, reply.body) == (302, b"")
    assert reply.headers["location"] == URL
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-length"] == "0"


async def test_the_url_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving(artifact_of(CONTENT), FakeBackend(url=URL, size=10).store(), redirect=True) as served:
            await served.get()
    assert "Signature" not in caplog.text


async def test_a_head_is_answered_since_the_url_is_for_a_get() -> None:
    async with serving(artifact_of(CONTENT), FakeBackend(url=URL, size=10).store(), redirect=True) as served:
        reply = await served.get(method="HEAD")
    assert (reply.status, reply.headers["content-length"]) == (200, "10")


async def test_who_has_it_already_is_sent_nowhere() -> None:
    async with serving(artifact_of(CONTENT), FakeBackend(url=URL, size=10).store(), redirect=True) as served:
        assert (await served.get(f'If-None-Match: "{CONTENT.sha256}"')).status == 304


async def test_a_store_without_urls_is_read() -> None:
    async with serving(artifact_of(CONTENT), FakeBackend(CONTENT.data, url=None).store(), redirect=True) as served:
        reply = await served.get()
    assert (reply.status, reply.body) == (200, CONTENT.data)


async def test_a_store_that_cannot_sign_now_is_read(caplog: pytest.LogCaptureFixture) -> None:
    class Unsigned(FakeBackend):
        async def signed_url(self, key: str, *, filename: str, seconds: int) -> str | None:
            raise ArtifactStoreError("nobody says who this machine is")

    async with serving(artifact_of(CONTENT), Unsigned(CONTENT.data).store(), redirect=True) as served:
        reply = await served.get()
    assert (reply.status, reply.body) == (200, CONTENT.data)
    assert "nobody says who this machine is" in caplog.text


@pytest.mark.slow
async def test_a_client_without_keys_follows_it_to_a_real_store(plain_s3: Bucket) -> None:
    content = blob(100_000)
    async with ArtifactStore.open(plain_s3.url, plain_s3.settings) as store:
        await store.put(content.sha256, content.pieces, content.size)
        async with serving(artifact_of(content), store, redirect=True) as served:
            reply = await served.get()
    status, headers, body = fetched(reply.headers["location"])
    assert (status, body) == (200, content.data)
    assert FILENAME in headers["Content-Disposition"]
