"""Settings: by obstore's names, in any of their spellings, and none that nobody knows."""

import re
from collections.abc import Callable

import pytest
from obstore.store import AzureStore, GCSStore, S3Store

from collectionsync.artifacts.errors import ArtifactStoreConfigurationError
from collectionsync.artifacts.settings import _CLIENT, _OPTIONS, _SYNONYMS, read_settings
from collectionsync.artifacts.store import ArtifactStore

STORES: dict[str, Callable[..., object]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}


@pytest.mark.parametrize(
    ("scheme", "key", "name"),
    [
        ("s3", "aws_region", "region"),
        ("s3", "AWS_REGION", "region"),
        ("s3", "region", "region"),
        ("s3", "AWS_ENDPOINT_URL_S3", "endpoint"),
        ("s3", "aws_token", "session_token"),
        ("gs", "google_service_account_key", "service_account_key"),
        ("az", "AZURE_STORAGE_ACCOUNT_KEY", "account_key"),
        ("az", "azure_storage_sas_token", "sas_key"),
    ],
)
def test_a_setting_has_several_spellings(scheme: str, key: str, name: str) -> None:
    value = "https://example.com" if name == "endpoint" else "x"
    assert read_settings(scheme, {key: value}).options == {name: value}


@pytest.mark.parametrize("key", ["aws_allow_http", "ALLOW_HTTP", "root_certificate", "ca.crt", "proxy_url"])
def test_settings_of_the_client_are_known_everywhere(key: str) -> None:
    for scheme in STORES:
        if not key.startswith("aws_") or scheme == "s3":
            assert list(read_settings(scheme, {key: "true"}).client.values()) == ["true"]


def unknown(store: Callable[..., object], **arguments: object) -> bool:
    """Whether obstore says that it does not know a setting; of values that it cannot use it says something else."""
    try:
        store("bucket", **arguments)
    except Exception as error:
        return type(error).__name__ == "UnknownConfigurationKeyError" or "Invalid key" in str(error)
    return False


@pytest.mark.parametrize("scheme", STORES)
def test_obstore_knows_every_setting_that_is_taken(scheme: str) -> None:
    names = {*_OPTIONS[scheme], *_SYNONYMS[scheme].values()}
    assert {name for name in names if unknown(STORES[scheme], config={name: "true"})} == set()
    assert {name for name in _CLIENT if unknown(STORES[scheme], client_options={name: "true"})} == set()
    assert unknown(STORES[scheme], config={"nonsense": "true"})
    assert unknown(STORES[scheme], client_options={"nonsense": "true"})


@pytest.mark.parametrize(
    ("url", "key", "hint"),
    [
        ("s3://bucket", "aws_acces_key", "aws_access_key_id"),
        ("s3://bucket", "AWS_SECRET_KEY", "aws_secret_access_key"),
        ("s3://bucket", "alow_http", "allow_http"),
        ("gs://bucket", "google_servce_account", "google_service_account"),
        ("az://container", "azure_acount_name", "azure_account_name"),
    ],
)
def test_a_misspelt_setting_is_refused_with_what_was_meant(url: str, key: str, hint: str) -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match=f"no setting {key}.*; near it are .*{hint}"):
        ArtifactStore.open(url, {key: "x"})


@pytest.mark.parametrize("key", ["aws_bucket", "bucket_name"])
def test_what_the_url_says_is_no_setting(key: str) -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="the URL says it"):
        ArtifactStore.open("s3://bucket", {key: "other"})


def test_certificates_are_verified_whatever_is_asked_for() -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="no setting allow_invalid_certificates"):
        ArtifactStore.open("s3://bucket", {"allow_invalid_certificates": "true"})


def test_a_folder_takes_no_settings() -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="takes no settings: aws_region"):
        ArtifactStore.open("file:///srv/artifacts", {"aws_region": "x"})


def test_a_setting_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="region is there twice"):
        ArtifactStore.open("s3://bucket", {"aws_region": "a", "AWS_REGION": "b"})


def test_plain_http_is_refused_unless_it_is_meant() -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match=r"plain http.*allow_http"):
        ArtifactStore.open("s3://bucket", {"aws_endpoint": "http://minio.example"})


@pytest.mark.parametrize(
    "endpoint",
    [
        "minio.example:9000",
        "ftp://minio.example",
        "https://",
        "https://KEY:SECRET@minio.example",
        "https://minio.example?a=SECRET",
        "https://minio.example:port",
        "https://mini\no",
        "https://[::1",
    ],
)
def test_an_endpoint_that_is_no_url_is_refused_and_not_repeated(endpoint: str) -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="endpoint") as refusal:
        ArtifactStore.open("s3://bucket", {"aws_endpoint": endpoint})
    assert "SECRET" not in str(refusal.value)


def test_a_switch_is_on_or_off() -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="allow_http is neither true nor false"):
        ArtifactStore.open("s3://bucket", {"aws_endpoint": "http://minio.example", "allow_http": "maybe"})


@pytest.mark.parametrize("name", ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"])
@pytest.mark.parametrize("value", ["", " ", "SECRET\r\nx-header: 1", "SECRET key", "SECRETü"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(name: str, value: str) -> None:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "key", name: value}
    with pytest.raises(ArtifactStoreConfigurationError, match=f"{name} is empty, or holds what no key does") as refusal:
        ArtifactStore.open("s3://bucket", keys)
    assert "SECRET" not in str(refusal.value)


@pytest.mark.parametrize("region", ["", "eu/west", "eu.example.com#", "x" * 65])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="region is none"):
        ArtifactStore.open("s3://bucket", {"aws_region": region})


@pytest.mark.parametrize("missing", ["aws_access_key_id", "aws_secret_access_key"])
def test_half_a_pair_of_keys_is_refused(missing: str) -> None:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "SECRET"}
    del keys[missing]
    with pytest.raises(ArtifactStoreConfigurationError, match=f"{missing} is missing"):
        ArtifactStore.open("s3://bucket", keys)


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("gs://bucket", {"google_service_account_key": "SECRET"}),
        ("az://container", {"azure_storage_account_name": "a", "azure_storage_account_key": "no base64: SECRET"}),
        ("s3://bucket", {"aws_checksum_algorithm": "SECRET"}),
    ],
)
def test_values_that_obstore_cannot_use_are_refused_and_not_repeated(url: str, settings: dict[str, str]) -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="cannot be used with these settings") as refusal:
        ArtifactStore.open(url, settings)
    assert "SECRET" not in repr(refusal.value)
    assert refusal.value.__cause__ is None
    assert re.search(r"service_account_key|account_key|checksum_algorithm", str(refusal.value))


def test_settings_are_not_shown() -> None:
    assert "SECRET" not in repr(read_settings("s3", {"aws_session_token": "SECRET"}))
