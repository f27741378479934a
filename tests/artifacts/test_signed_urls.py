"""URLs that let anybody read one artifact for a while: proven against a real S3 server, by a client without keys."""

import re
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from artifacts.content import Blob, blob
from collectionsync.artifacts import s3 as ours
from collectionsync.artifacts.store import ArtifactStore
from objectstore import Bucket

NAME = "community-crypto-1.0.0+build.5.tar.gz"
CONTENT = blob(1000)


def fetched(url: str) -> tuple[int, HTTPMessage, bytes]:
    """What a client gets that knows nothing but the URL."""
    split = urlsplit(url)
    connection = HTTPConnection(split.netloc, timeout=30)
    try:
        connection.request("GET", f"{split.path}?{split.query}")
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


async def signed(bucket: Bucket, way: dict[str, str], content: Blob = CONTENT, seconds: int = 60) -> str:
    async with ArtifactStore.open(bucket.url, {**bucket.settings, **way}) as store:
        await store.put(content.sha256, content.pieces, content.size)
        url = await store.signed_url(content.sha256, filename=NAME, seconds=seconds)
        assert url is not None
        return url


@pytest.mark.slow
async def test_whoever_has_the_url_reads_the_artifact(plain_s3: Bucket, way: dict[str, str]) -> None:
    status, _, body = fetched(await signed(plain_s3, way))
    assert (status, body) == (200, CONTENT.data)


@pytest.mark.slow
async def test_it_is_at_the_endpoint_of_the_settings(plain_s3: Bucket, way: dict[str, str]) -> None:
    assert (await signed(plain_s3, way)).startswith(plain_s3.settings["aws_endpoint"] + "/")


@pytest.mark.slow
async def test_the_artifact_comes_as_a_download_with_its_name(plain_s3: Bucket) -> None:
    _, headers, _ = fetched(await signed(plain_s3, {}))
    assert headers["Content-Disposition"] == f'attachment; filename="{NAME}"'
    assert headers["Content-Type"] == "application/gzip"


@pytest.mark.slow
async def test_another_signature_reads_nothing(plain_s3: Bucket, way: dict[str, str]) -> None:
    url = await signed(plain_s3, way)
    wrong = re.sub(r"X-Amz-Signature=[0-9a-f]{4}", lambda found: f"X-Amz-Signature={other(found[0][-4:])}", url)
    assert wrong != url
    assert fetched(wrong)[0] == 403


def other(digits: str) -> str:
    return "0000" if digits != "0000" else "1111"


@pytest.mark.slow
async def test_a_signed_url_reads_no_other_artifact(plain_s3: Bucket, way: dict[str, str]) -> None:
    url, another = await signed(plain_s3, way), blob(10)
    await signed(plain_s3, way, another)
    moved = url.replace(f"{CONTENT.sha256[:2]}/{CONTENT.sha256}", f"{another.sha256[:2]}/{another.sha256}")
    assert fetched(moved)[0] == 403


@pytest.mark.slow
async def test_a_url_whose_time_is_over_reads_nothing(plain_s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ArtifactStore.open(plain_s3.url, plain_s3.settings) as store:
        await store.put(CONTENT.sha256, CONTENT.pieces, CONTENT.size)

        class Earlier(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return datetime.now(UTC) - timedelta(seconds=61)

        monkeypatch.setattr(ours, "datetime", Earlier)
        url = await store.signed_url(CONTENT.sha256, filename=NAME, seconds=60)
    assert url is not None
    assert fetched(url)[0] == 403


async def test_it_is_valid_for_as_long_as_was_asked() -> None:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "SECRET"}
    async with ArtifactStore.open("s3://bucket/mirror", keys) as store:
        url = await store.signed_url(CONTENT.sha256, filename=NAME, seconds=123)
    assert url is not None
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["123"]
    assert url.startswith("https://s3.us-east-1.amazonaws.com/bucket/mirror/sha256/")
    assert "SECRET" not in url


async def test_a_bucket_in_the_name_of_the_host_is_there_in_the_url_too() -> None:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "S", "aws_virtual_hosted_style_request": "true"}
    async with ArtifactStore.open("s3://bucket", keys) as store:
        url = await store.signed_url(CONTENT.sha256, filename=NAME, seconds=60)
    assert url is not None
    assert url.startswith("https://bucket.s3.us-east-1.amazonaws.com/sha256/")


async def test_a_folder_has_none(tmp_path: Path) -> None:
    async with ArtifactStore.open(tmp_path.as_uri(), {}) as store:
        assert await store.signed_url(CONTENT.sha256, filename=NAME, seconds=60) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("s3://bucket", {"aws_skip_signature": "true"}),
        ("gs://bucket", {"google_skip_signature": "true"}),
        ("az://container", {"azure_storage_account_name": "a", "azure_skip_signature": "true"}),
        ("az://container", {"azure_storage_account_name": "a", "azure_storage_sas_key": "sv=2020-01-01&sig=x"}),
    ],
)
async def test_credentials_that_cannot_sign_have_none(url: str, settings: dict[str, str]) -> None:
    async with ArtifactStore.open(url, settings) as store:
        assert await store.signed_url(CONTENT.sha256, filename=NAME, seconds=60) is None


@pytest.mark.slow
async def test_a_key_of_azure_signs() -> None:
    settings = {"azure_storage_account_name": "account", "azure_storage_account_key": "AAAA"}
    async with ArtifactStore.open("az://container", settings) as store:
        url = await store.signed_url(CONTENT.sha256, filename=NAME, seconds=60)
    assert url is not None
    assert url.startswith("https://account.blob.core.windows.net/container/sha256/")
    assert "sig=" in url
