"""One store has one spelling, and what is no store's URL is refused without being repeated."""

import pytest

from collectionsync.artifacts.errors import ArtifactStoreConfigurationError
from collectionsync.artifacts.location import canonical_url, read_location

MINIO = {"aws_endpoint": "https://minio.example:9000", "aws_region": "us-east-1"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket", "s3://bucket"),
        ("S3://bucket/", "s3://bucket"),
        ("s3a://bucket//a///b/", "s3://bucket/a/b"),
        ("s3://bucket/A=b/c+d", "s3://bucket/A=b/c+d"),
        ("gs://bucket/a", "gs://bucket/a"),
        ("az://container/a", "az://container/a"),
        ("abfss://container/a/", "az://container/a"),
        ("file:///srv/artifacts", "file:///srv/artifacts"),
        ("file://localhost/srv//artifacts/./", "file:///srv/artifacts"),
        ("FILE:///srv/with%20space", "file:///srv/with%20space"),
        ("file:///srv/ü", "file:///srv/%C3%BC"),
    ],
)
def test_a_store_has_one_spelling(url: str, expected: str) -> None:
    assert canonical_url(url) == expected
    assert canonical_url(expected) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (MINIO, "s3+https://minio.example:9000/bucket/a"),
        ({"ENDPOINT_URL": "https://MINIO.example:9000/"}, "s3+https://minio.example:9000/bucket/a"),
        ({"endpoint": "https://minio.example:443"}, "s3+https://minio.example/bucket/a"),
        ({"endpoint": "https://[::1]:9000"}, "s3+https://[::1]:9000/bucket/a"),
        ({"endpoint": "http://minio.example", "allow_http": "yes"}, "s3+http://minio.example/bucket/a"),
        ({"region": "eu-west-1"}, "s3://bucket/a"),
    ],
)
def test_a_bucket_at_another_server_is_another_store(settings: dict[str, str], expected: str) -> None:
    assert canonical_url("s3://bucket/a", settings) == expected


def test_a_container_of_another_account_is_another_store() -> None:
    one, other = (canonical_url("az://container/a", {"azure_storage_account_name": name}) for name in ("one", "other"))
    assert (one, other) == ("az://one@container/a", "az://other@container/a")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bucket/a",
        "/srv/artifacts",
        "https://bucket.s3.amazonaws.com/a",
        "ftp://SECRET@host/a",
        "s3:/bucket",
        "s3://",
        "s3:///a",
        "s3://KEY:SECRET@bucket/a",
        "s3://bucket/a?SECRET=1",
        "s3://bucket/a#b",
        "s3://bucket:9000/a",
        "s3://bucket/../b",
        "s3://bucket/./b",
        "s3://bucket/a%20b",
        "s3://bucket/a\nb",
        "s3://bücket/a",
        "file://srv/artifacts",
        "file:///",
        "file:///srv/../etc",
        "file:///srv/%2e%2e/etc",
        "file:///srv/a%00b",
        "file:///srv?a=b",
        "file:srv/artifacts",
    ],
)
def test_what_is_no_stores_url_is_refused(url: str) -> None:
    with pytest.raises(ArtifactStoreConfigurationError, match="the artifact store's URL") as refusal:
        read_location(url)
    assert "SECRET" not in str(refusal.value)
