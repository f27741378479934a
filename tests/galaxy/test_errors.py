"""Every status has a class that says what to do next, and messages are fit to be read by many."""

import pytest
from yarl import URL

from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    NotFoundError,
    RateLimitedError,
    TransientError,
    refused,
    shown,
)

DETAIL = URL("https://hub.example.com/api/v3/detail/")


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (401, AuthenticationError, "AuthenticationFailed"),
        (403, TransientError, "Forbidden"),
        (404, NotFoundError, "NotFound"),
        (410, NotFoundError, "NotFound"),
        (429, RateLimitedError, "RateLimited"),
        (408, TransientError, "SourceUnavailable"),
        (425, TransientError, "SourceUnavailable"),
        (500, TransientError, "SourceUnavailable"),
        (502, TransientError, "SourceUnavailable"),
        (503, TransientError, "SourceUnavailable"),
        (520, TransientError, "SourceUnavailable"),
        (204, ContentError, "UnexpectedStatus"),
        (206, ContentError, "UnexpectedStatus"),
        (302, ContentError, "UnexpectedStatus"),
        (400, ContentError, "UnexpectedStatus"),
    ],
)
def test_a_status_has_one_meaning(status: int, kind: type[GalaxyError], reason: str) -> None:
    error = refused(status, DETAIL)
    assert (type(error), error.reason) == (kind, reason)
    assert str(error).startswith(f"https://hub.example.com/api/v3/detail/ answered {status}")


def test_the_source_that_is_meant_is_named_as_the_manifest_has_it() -> None:
    said = str(refused(401, DETAIL, field="spec.sources[2]", via=" through the proxy http://p.example"))
    assert said == (
        "https://hub.example.com/api/v3/detail/ answered 401 through the proxy http://p.example; "
        "check the Secret named in spec.sources[2].secretRef"
    )


@pytest.mark.parametrize("status", [403, 429, 503])
def test_the_pause_that_a_source_asks_for_is_kept(status: int) -> None:
    error = refused(status, DETAIL, retry_after=7)
    assert isinstance(error, TransientError)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (URL("https://s3.example/x?X-Amz-Signature=secret#y"), "https://s3.example/x"),
        (URL("https://user:secret@s3.example/x"), "https://s3.example/x"),
        ("plain words", "plain words"),
        ("two\nlines \x1b[31m", "'two\\nlines \\x1b[31m'"),
        ("x" * 100_000, "x" * 200 + "…"),
    ],
)
def test_what_a_source_says_is_shown_short_printable_and_without_secrets(said: URL | str, text: str) -> None:
    assert shown(said) == text
