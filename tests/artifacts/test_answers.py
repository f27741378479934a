"""What an answer means: later, other credentials, or another configuration."""

import pytest

from collectionsync.artifacts.answers import Answer
from collectionsync.artifacts.errors import (
    ArtifactStoreAuthenticationError,
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)

URL = "s3://bucket/mirror"


def body(code: str, more: str = "") -> str:
    return f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>of no use</Message>{more}</Error>'


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (500, "InternalError", ArtifactStoreError),
        (502, "", ArtifactStoreError),
        (503, "SlowDown", ArtifactStoreError),
        (429, "", ArtifactStoreError),
        (400, "RequestTimeout", ArtifactStoreError),
        (400, "BadDigest", ArtifactStoreError),
        (401, "", ArtifactStoreAuthenticationError),
        (403, "", ArtifactStoreAuthenticationError),
        (403, "InvalidAccessKeyId", ArtifactStoreAuthenticationError),
        (403, "AccessDenied", ArtifactStoreAuthenticationError),
        (400, "ExpiredToken", ArtifactStoreAuthenticationError),
        (403, "RequestTimeTooSkewed", ArtifactStoreAuthenticationError),
        (301, "PermanentRedirect", ArtifactStoreConfigurationError),
        (307, "TemporaryRedirect", ArtifactStoreConfigurationError),
        (400, "AuthorizationHeaderMalformed", ArtifactStoreConfigurationError),
        (404, "NoSuchBucket", ArtifactStoreConfigurationError),
        (405, "MethodNotAllowed", ArtifactStoreConfigurationError),
        (501, "NotImplemented", ArtifactStoreConfigurationError),
    ],
)
def test_an_answer_says_what_to_do_next(status: int, code: str, kind: type[ArtifactStoreError]) -> None:
    error = Answer.read(status, body(code) if code else "").error(URL)
    assert type(error) is kind
    assert f"{URL} answered {status}" in str(error)
    assert code in str(error)


def test_the_region_of_a_bucket_is_told_from_the_body_or_the_header() -> None:
    told = Answer.read(400, body("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")).error(URL)
    assert "eu-west-1" in str(told)
    assert "eu-west-1" in str(Answer.read(301, "", "eu-west-1").error(URL))


def test_clocks_that_differ_are_told_of() -> None:
    assert "clock" in str(Answer.read(403, body("RequestTimeTooSkewed")).error(URL))


@pytest.mark.parametrize(
    ("status", "code", "missing"),
    [
        (404, "", True),
        (404, "NoSuchKey", True),
        (404, "BlobNotFound", True),
        (404, "NoSuchBucket", False),
        (403, "", False),
    ],
)
def test_an_object_that_is_not_there_is_told_from_a_bucket_that_is_not(status: int, code: str, missing: bool) -> None:
    assert Answer(status, code).missing is missing


def test_nothing_else_of_an_answer_is_repeated() -> None:
    told = body("InvalidAccessKeyId", "<AWSAccessKeyId>AKIDSECRET</AWSAccessKeyId>")
    assert "AKIDSECRET" not in str(Answer.read(403, told).error(URL))
    assert "SECRET" not in str(Answer.read(403, "<Code>SECRET with spaces</Code>").error(URL))
