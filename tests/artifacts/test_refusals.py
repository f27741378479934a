"""What a store refuses, and how that is told: by what to do next, and without a credential."""

import re
from collections.abc import Mapping

import pytest
import trustme

import collectionsync.artifacts.s3
from artifacts.content import blob
from collectionsync.artifacts.errors import (
    ArtifactStoreAuthenticationError,
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)
from collectionsync.artifacts.store import ArtifactStore
from objectstore import Bucket

pytestmark = pytest.mark.slow

ACCESS_KEY = "AKIDVERYOWNSECRETKEY"
SECRET_KEY = "tZ3-another-secret-9qY"


async def failure(bucket: Bucket, *, url: str = "", **changes: str) -> ArtifactStoreError:
    """What a check of the store says, with other settings or at another place; nothing in it is a credential."""
    settings = {**bucket.settings, **changes}
    with pytest.raises(ArtifactStoreError) as raised:
        async with ArtifactStore.open(url or bucket.url, settings) as store:
            await store.check()
    check_discretion(raised.value, settings)
    return raised.value


def check_discretion(error: BaseException, settings: Mapping[str, str]) -> None:
    secrets = [value for key, value in settings.items() if "key" in key or "token" in key]
    told: BaseException | None = error
    while told is not None:
        assert not any(secret in str(told) for secret in secrets), "a credential"
        assert "?" not in str(told), "perhaps a query"
        told = told.__cause__


async def test_a_wrong_secret_key_is_told_of(s3: Bucket, way: Mapping[str, str]) -> None:
    error = await failure(s3, aws_secret_access_key=SECRET_KEY, **way)
    assert isinstance(error, ArtifactStoreAuthenticationError)
    assert error.reason == "AuthenticationFailed"
    assert re.search("answered 403 SignatureDoesNotMatch; check the Secret named in spec.target", str(error))


async def test_a_key_that_nobody_knows_is_told_of(s3: Bucket, way: Mapping[str, str]) -> None:
    error = await failure(s3, aws_access_key_id=ACCESS_KEY, **way)
    assert isinstance(error, ArtifactStoreAuthenticationError)


async def test_a_bucket_that_does_not_exist_is_told_of(s3: Bucket, way: Mapping[str, str]) -> None:
    error = await failure(s3, url="s3://no-such-bucket/mirror", **way)
    assert isinstance(error, ArtifactStoreConfigurationError)
    assert error.reason == "ArtifactStoreMisconfigured"
    assert re.search("no-such-bucket/mirror answered 404 NoSuchBucket; there is no such bucket: make it", str(error))


async def test_a_wrong_region_is_told_of_with_the_right_one(s3: Bucket, way: Mapping[str, str]) -> None:
    error = await failure(s3, aws_region="eu-west-9", **way)
    assert isinstance(error, ArtifactStoreConfigurationError)
    assert "the bucket is in the region us-east-1: set aws_region to it" in str(error)


async def test_a_certificate_of_a_stranger_is_told_of(s3: Bucket, way: Mapping[str, str]) -> None:
    stranger = trustme.CA().cert_pem.bytes().decode()
    error = await failure(s3, root_certificate=stranger, **way)
    assert isinstance(error, ArtifactStoreConfigurationError)
    assert "certificate that does not verify" in str(error)


async def test_an_authority_that_is_no_certificate_is_told_of(s3: Bucket, way: Mapping[str, str]) -> None:
    error = await failure(s3, root_certificate=SECRET_KEY, **way)
    assert isinstance(error, ArtifactStoreConfigurationError)
    assert "root_certificate" in str(error)
    assert SECRET_KEY not in str(error)


async def test_an_authority_may_be_called_as_certificates_in_secrets_are(s3: Bucket) -> None:
    settings = dict(s3.settings)
    settings["ca.crt"] = settings.pop("root_certificate")
    async with ArtifactStore.open(s3.url, settings) as store:
        await store.check()


async def test_keys_in_capitals_and_without_prefix_are_the_same_settings(plain_s3: Bucket) -> None:
    settings = {key.upper(): value for key, value in plain_s3.settings.items()}
    settings["ENDPOINT_URL"] = settings.pop("AWS_ENDPOINT")
    settings["region"] = settings.pop("AWS_REGION")
    async with ArtifactStore.open(plain_s3.url, settings) as store:
        await store.check()


async def test_credentials_that_are_nowhere_are_told_of(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    keyless = {key: value for key, value in s3.settings.items() if "access_key" not in key}
    # Where a machine asks who it is, nobody answers here.
    keyless["aws_metadata_endpoint"] = "http://127.0.0.1:1"
    error = await failure(Bucket(s3.url, keyless, s3.folder))
    assert isinstance(error, ArtifactStoreAuthenticationError)
    assert "nobody says who this machine is" in str(error)


async def test_the_store_itself_refuses_what_is_not_what_its_name_says(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collectionsync.artifacts.s3, "_BASE_SECONDS", 0.01)
    content, other = blob(1000), blob(1000)
    async with ArtifactStore.open(s3.url, s3.settings) as store:
        with pytest.raises(ArtifactStoreError, match="XAmzContentSHA256Mismatch"):
            await store.put(content.sha256, other.pieces, other.size)
        assert await store.size(content.sha256) is None


async def test_a_folder_that_may_not_be_written_to_is_told_of() -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match=r"cannot be written .*; mount a volume there"):
        async with ArtifactStore.open("file:///proc/artifacts", {}) as store:
            await store.check()
