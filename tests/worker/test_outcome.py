"""Every way to end, and the exit code that it has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectionsync.artifacts.errors import (
    ArtifactMissingError,
    ArtifactStoreAuthenticationError,
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)
from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    NotFoundError,
    RateLimitedError,
    TokenUnavailableError,
    TransientError,
    UntrustedError,
)
from collectionsync.galaxy.tokens import StaleTokenError
from collectionsync.manifest import ManifestError
from collectionsync.report import ExitCode, Result
from collectionsync.store.content import ConflictError
from collectionsync.store.database import (
    DatabaseAuthenticationError,
    DatabaseConfigurationError,
    DatabaseUnavailableError,
    RejectedDocumentError,
    SchemaMismatchError,
    StoreError,
    UnreadableUriError,
)
from collectionsync.store.said import RejectedSignatureError
from collectionsync.worker.outcome import (
    ContentFailedError,
    InterruptedRunError,
    completed,
    failed_by_policy,
    stopped_by,
)
from collectionsync.worker.secrets import SecretError, SecretNotFoundError
from collectionsync.worker.spool import SpoolError
from collectionsync.worker.wanted import ConfigMapNotFoundError

SPOOL = SpoolError(Path("/spool"), OSError(28, "No space left on device"))
CASES = [
    (AuthenticationError("401"), 77, "AuthenticationFailed"),
    (ContentError("NotGalaxy", "no API"), None, "NotGalaxy"),
    (NotFoundError("404"), 69, "NotFound"),
    (TransientError("503"), 69, "SourceUnavailable"),
    (TransientError("403", reason="Forbidden"), 69, "Forbidden"),
    (RateLimitedError("429"), 69, "RateLimited"),
    (TokenUnavailableError("no token"), 69, "TokenUnavailable"),
    (UntrustedError("expired"), None, "CertificateNotTrusted"),
    (StoreError("gone"), 69, "DatabaseUnavailable"),
    (DatabaseUnavailableError("gone"), 69, "DatabaseUnavailable"),
    (DatabaseAuthenticationError("password"), 77, "AuthenticationFailed"),
    (DatabaseConfigurationError("PostgreSQL 12"), 78, "DatabaseMisconfigured"),
    (UnreadableUriError(), 78, "DatabaseMisconfigured"),
    (SchemaMismatchError("newer"), 78, "SchemaMismatch"),
    (RejectedDocumentError("no JSON"), 69, "InvalidJSON"),
    (RejectedSignatureError("NUL"), 69, "InvalidSignature"),
    (ConflictError("digest"), 69, "DigestConflict"),
    (SPOOL, 69, "SpoolUnavailable"),
    (ManifestError("spec.source.url", "no URL"), 78, "InvalidSpec"),
    (SecretError("spec.source.secretRef", "no PEM"), 78, "InvalidSpec"),
    (SecretNotFoundError("spec.source.secretRef", "no token"), 78, "SecretNotFound"),
    (ConfigMapNotFoundError("spec.requirementsFrom", "no key"), 78, "ConfigMapNotFound"),
    (ArtifactStoreError("503"), 69, "ArtifactStoreUnavailable"),
    (ArtifactMissingError("404"), 69, "ArtifactMissing"),
    (ArtifactStoreAuthenticationError("403"), 77, "AuthenticationFailed"),
    (ArtifactStoreConfigurationError("no bucket"), 78, "ArtifactStoreMisconfigured"),
    (InterruptedRunError("Interrupted", "stopped by SIGTERM"), 75, "Interrupted"),
    (InterruptedRunError("DeadlineExceeded", "over"), 75, "DeadlineExceeded"),
]


@pytest.mark.parametrize(("error", "code", "reason"), CASES, ids=lambda value: type(value).__name__)
def test_an_error_has_an_exit_code_a_reason_and_its_own_text(error: Exception, code: int | None, reason: str) -> None:
    outcome = stopped_by(error)

    assert outcome is not None
    assert outcome.code in ([code] if code else [ExitCode.UNAVAILABLE, ExitCode.CONFIGURATION])
    assert (outcome.result, outcome.reason, outcome.message) == (Result.FAILED, reason, str(error))


# Whether these modules are there depends on the tests that ran before: no worker imports them, or meets their errors.
OF_A_SERVER = ("collectionsync.server.", "collectionsync.store.catalog.")


def classes(kind: type[Exception]) -> Iterator[type[Exception]]:
    if not kind.__module__.startswith(OF_A_SERVER):
        yield kind
    for each in kind.__subclasses__():
        yield from classes(each)


@pytest.mark.parametrize("base", [GalaxyError, StoreError, ManifestError, ArtifactStoreError])
def test_the_cases_are_all_there_are(base: type[Exception]) -> None:
    assert set(classes(base)) - {GalaxyError, StaleTokenError} <= {type(error) for error, _, _ in CASES}


@pytest.mark.parametrize("error", [ValueError("odd"), AssertionError(), OSError(5, "I/O"), MemoryError()])
def test_what_nobody_foresaw_is_a_bug(error: Exception) -> None:
    assert stopped_by(error) is None


def test_an_item_that_fails_under_the_policy_fail_ends_with_65() -> None:
    outcome = failed_by_policy(ContentFailedError("InvalidJSON", "a.b 1.0.0: odd"))

    assert (outcome.code, outcome.result, outcome.reason) == (65, Result.FAILED, "InvalidJSON")
    assert "a.b 1.0.0: odd" in outcome.message
    assert "nothing was published" in outcome.message


@pytest.mark.parametrize(
    ("skipped", "changed", "result"),
    [
        (0, True, Result.SUCCEEDED),
        (0, False, Result.NO_CHANGE),
        (2, True, Result.PARTIAL),
        (1, False, Result.PARTIAL),
    ],
)
def test_a_run_that_came_to_its_end_exits_with_0(skipped: int, changed: bool, result: Result) -> None:
    outcome = completed(skipped=skipped, changed=changed, versions=5)

    assert (outcome.code, outcome.result) == (0, result)
    assert str(skipped) in outcome.message or not skipped
