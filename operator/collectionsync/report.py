"""What a run says at its end: its exit code, and the RunReport that the kubelet carries from worker to operator.

Both sides import this and nothing of each other. It must hold no credential and no unbounded text, since a termination
message is cut at 4096 bytes and ends up in the status of the resource, where many may read it.
"""

import enum
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

REPORT_LIMIT_BYTES = 4096
"""The most that the kubelet reads of a termination message, in bytes (Pod API, `terminationMessagePath`)."""

# Of REPORT_LIMIT_BYTES: the most for each text, in bytes of JSON. What is left is for skipped items.
_MESSAGE_BYTES = 2048
_TEXT_BYTES = 128
_SKIPPED_REASON_BYTES = 256
_WARNING_BYTES = 300
_WARNINGS_BYTES = 900
_ELLIPSIS = "…"


class Result(enum.StrEnum):
    """How a run stands, or how it ended."""

    RUNNING = "Running"
    """The run goes on; a report that is left with it belongs to a run that was killed."""
    SUCCEEDED = "Succeeded"
    """Everything that was asked for is published, and something changed."""
    NO_CHANGE = "NoChange"
    """Everything that was asked for was there already: nothing was added, removed or filled."""
    PARTIAL = "Partial"
    """What could be had is published, and what could not is named as skipped, as the policy onError: Skip allows."""
    FAILED = "Failed"
    """Nothing was published; what was stored stays for the next run."""


class ExitCode(enum.IntEnum):
    """What the worker's process exits with, after sysexits(3); the Job's podFailurePolicy decides by it."""

    OK = 0
    """The run succeeded, changed nothing, or was partial within its policy."""
    USAGE = 64
    """The command line is wrong, and repeating it will not help."""
    CONTENT = 65
    """Content is invalid or missing, and the policy is onError: Fail."""
    UNAVAILABLE = 69
    """The source or the database cannot be reached or used for now: retry later."""
    BUG = 70
    """Something happened that nobody foresaw; the log has it whole."""
    INTERRUPTED = 75
    """The run was told to stop; what it stored stays, and the next run resumes."""
    AUTHENTICATION = 77
    """The source or the database refuses the credentials; only other credentials help."""
    CONFIGURATION = 78
    """The manifest, a Secret or the database's schema is not usable as it is; only a change of it helps."""


class VersionCounts(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Collection versions by what became of them in one run."""

    discovered: Annotated[int, Meta(description="Versions that the requirements and their dependencies mean.")] = 0
    created: Annotated[int, Meta(description="Versions that were stored by this run.")] = 0
    unchanged: Annotated[int, Meta(description="Versions that were stored already.")] = 0
    skipped: Annotated[int, Meta(description="Versions that could not be had, and that the policy let go.")] = 0
    failed: Annotated[int, Meta(description="Versions that could not be had, under a policy that fails the run.")] = 0
    removed: Annotated[int, Meta(description="Versions that are no longer published.")] = 0
    excluded: Annotated[int, Meta(description="Versions that are left out as asked: unsigned ones, for one.")] = 0


class DocumentCounts(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Documents that one run stored, and their size in bytes as they came over the wire."""

    created: int = 0
    bytes: int = 0


class ArtifactCounts(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Artifacts that one run stored, and their size in bytes."""

    created: int = 0
    bytes: int = 0


class ContentCounts(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a repository holds: versions, the collections that they are of, and the bytes of their documents."""

    versions: int = 0
    collections: int = 0
    bytes: int = 0


class SkippedItem(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A collection version, or a range where none was found, that a run went on without."""

    name: Annotated[str, Meta(description="The collection as namespace.name.")]
    version: Annotated[str, Meta(description="The version, or the range that nothing matched.")]
    reason: Annotated[str, Meta(description="Why it was left out, in one CamelCase word.")]


class RunReport(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The facts of one run, rewritten while it goes on so that even a killed run has said how much memory it took.

    Every field is always written, so that its readers need no defaults; unknown fields are ignored, so that an older
    operator reads a newer worker. `start_time` is RFC 3339 in UTC, `memory_limit_bytes` and `cgroup_peak_bytes` are
    None where there is no limit, or no cgroup that tells its peak, and `revision` is the SHA-256 in hexadecimal
    over the sorted (name, version, sha256) of what is published, empty before that. `warnings` are sentences on what
    was passed over or needs a look, as many as fit. `content` is what the repository held right after the publication,
    those versions included that this run had nothing to do with; None before that.
    """

    result: Result
    reason: str
    message: str = ""
    start_time: str = ""
    duration_seconds: float = 0.0
    base_rss_bytes: int = 0
    peak_rss_bytes: int = 0
    memory_limit_bytes: int | None = None
    cgroup_peak_bytes: int | None = None
    fetched_bytes: int = 0
    requests: int = 0
    retries: int = 0
    versions: VersionCounts = VersionCounts()
    documents: DocumentCounts = DocumentCounts()
    artifacts: ArtifactCounts = ArtifactCounts()
    skipped: Sequence[SkippedItem] = ()
    warnings: Sequence[str] = ()
    revision: str = ""
    content: ContentCounts | None = None

    def encode(self) -> bytes:
        """Return the report as compact JSON in UTF-8, of at most REPORT_LIMIT_BYTES.

        Over-long texts end in an ellipsis, and trailing skipped items are left out: `versions.skipped` has their
        number all the same.
        """
        report = msgspec.structs.replace(
            self,
            reason=_cut(self.reason, _TEXT_BYTES),
            message=_cut(self.message, _MESSAGE_BYTES),
            start_time=_cut(self.start_time, _TEXT_BYTES),
            revision=_cut(self.revision, _TEXT_BYTES),
            warnings=_warnings(self.warnings),
            skipped=(),
        )
        room = REPORT_LIMIT_BYTES - len(msgspec.json.encode(report))
        skipped: list[SkippedItem] = []
        for item in self.skipped:
            shown = msgspec.structs.replace(
                item,
                name=_cut(item.name, _TEXT_BYTES),
                version=_cut(item.version, _TEXT_BYTES),
                reason=_cut(item.reason, _SKIPPED_REASON_BYTES),
            )
            room -= len(msgspec.json.encode(shown)) + len(",")
            if room < 0:
                break
            skipped.append(shown)
        return msgspec.json.encode(msgspec.structs.replace(report, skipped=skipped))


def _warnings(texts: Sequence[str]) -> list[str]:
    """Return the first of them, as many as take at most _WARNINGS_BYTES together, and each cut."""
    shown: list[str] = []
    room = _WARNINGS_BYTES
    for text in texts:
        cut = _cut(text, _WARNING_BYTES)
        room -= _json_bytes(cut) + len('"",')
        if room < 0:
            break
        shown.append(cut)
    return shown


def _cut(text: str, limit: int) -> str:
    """Return `text`, or as much of its start as takes at most `limit` bytes in JSON; never half a character."""
    # An argument or a file name can hold lone surrogates, which UTF-8 cannot.
    text = text[: limit + 1].encode("utf-8", "replace").decode()
    if _json_bytes(text) <= limit:
        return text
    room = limit - _json_bytes(_ELLIPSIS)
    for end, character in enumerate(text):
        room -= _json_bytes(character)
        if room < 0:
            return text[:end] + _ELLIPSIS
    return text


def _json_bytes(text: str) -> int:
    return len(msgspec.json.encode(text)) - len('""')
