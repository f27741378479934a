"""How a run ends: from what stopped it, or from its counts, to a result, a reason and an exit code. Pure."""

from dataclasses import dataclass

from collectionsync.artifacts.errors import (
    ArtifactStoreAuthenticationError,
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)
from collectionsync.galaxy.errors import AuthenticationError, GalaxyError
from collectionsync.manifest import ManifestError
from collectionsync.report import ExitCode, Result
from collectionsync.store.database import (
    DatabaseAuthenticationError,
    DatabaseConfigurationError,
    SchemaMismatchError,
    StoreError,
)
from collectionsync.store.repository import Publication
from collectionsync.worker.spool import SpoolError


class ContentFailedError(Exception):
    """Items could not be had, and the policy is that then the run fails. Nothing was published."""

    def __init__(self, reason: str, message: str, *, policy: str = "spec.onError is Fail") -> None:
        super().__init__(f"{message}; nothing was published since {policy}")
        self.reason = reason


class InterruptedRunError(Exception):
    """The run was told to stop; what it stored stays, and the next run goes on from there."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{message}; what was stored stays, and the next run resumes")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run, as its report and its exit code tell it."""

    code: ExitCode
    result: Result
    reason: str
    message: str


def stopped_by(error: Exception) -> Outcome | None:
    """Return the outcome of a run that `error` ended; None for an error that is a bug."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return Outcome(code, Result.FAILED, _reason(error), str(error))
    return None


def bug(error: Exception) -> Outcome:
    """Return the outcome of a run that an error ended which nobody foresaw."""
    return Outcome(ExitCode.BUG, Result.FAILED, "InternalError", f"{type(error).__name__}: {error}")


def failed_by_policy(error: ContentFailedError) -> Outcome:
    """Return the outcome of a run whose policy is to fail when an item does."""
    return Outcome(ExitCode.CONTENT, Result.FAILED, error.reason, str(error))


_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (InterruptedRunError, ExitCode.INTERRUPTED),
    (AuthenticationError, ExitCode.AUTHENTICATION),
    (ArtifactStoreAuthenticationError, ExitCode.AUTHENTICATION),
    (DatabaseAuthenticationError, ExitCode.AUTHENTICATION),
    (ManifestError, ExitCode.CONFIGURATION),
    (DatabaseConfigurationError, ExitCode.CONFIGURATION),
    (SchemaMismatchError, ExitCode.CONFIGURATION),
    (ArtifactStoreConfigurationError, ExitCode.CONFIGURATION),
    (GalaxyError, ExitCode.UNAVAILABLE),
    (StoreError, ExitCode.UNAVAILABLE),
    (ArtifactStoreError, ExitCode.UNAVAILABLE),
    (SpoolError, ExitCode.UNAVAILABLE),
)


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "InvalidSpec"))


def completed(*, skipped: int, changed: bool, versions: int) -> Outcome:
    """Return the outcome of a run that came to its end with `versions` versions, of which `skipped` are missing."""
    if skipped:
        noun = "item" if skipped == 1 else "items"
        return Outcome(ExitCode.OK, Result.PARTIAL, "ItemsSkipped", f"{skipped} {noun} skipped of {versions + skipped}")
    if not changed:
        return Outcome(ExitCode.OK, Result.NO_CHANGE, "NoChange", f"all {versions} versions were there already")
    return Outcome(ExitCode.OK, Result.SUCCEEDED, "Succeeded", f"{versions} versions are published")


def unchanged(publication: Publication) -> Outcome:
    """Return the outcome of a run that found its source as the last one had left it."""
    versions = publication.content.versions
    return Outcome(
        ExitCode.OK,
        Result.NO_CHANGE,
        "NoChange",
        f"the source says that nothing has changed; {versions} versions are published",
    )


def refuse_too_many(allowed: int | str | None, *, skipped: int, of: int) -> None:
    """Hold what was skipped against spec.maxSkipped: a number, or a percentage of all (`of`); None allows any number.

    Raises:
        ContentFailedError: more were skipped.
    """
    if allowed is None:
        return
    bound = (
        int(of * int(allowed.removesuffix("%")) / 100) if isinstance(allowed, str) and "%" in allowed else int(allowed)
    )
    if skipped > bound:
        raise ContentFailedError(
            "TooManySkipped", f"{skipped} of {of} items could not be had", policy=f"spec.maxSkipped is {allowed}"
        )
