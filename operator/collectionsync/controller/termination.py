"""What a worker's last words are worth. PURE. Everything here is untrusted: whoever writes a container's log, or runs
another image, says what they like, and the status of a resource is read by many.

So a report is a report only if each of its fields is what it should be, numbers are what an API server stores, and
texts are short, on one line, and without credentials.
"""

import contextlib
import re
from typing import TypeVar

import msgspec
from msgspec.structs import asdict, replace

from collectionsync.controller import rfc3339
from collectionsync.report import (
    REPORT_LIMIT_BYTES,
    ArtifactCounts,
    ContentCounts,
    DocumentCounts,
    RunReport,
    SkippedItem,
    VersionCounts,
)
from collectionsync.status import MAX_SKIPPED, MAX_WARNINGS

LONGEST_MESSAGE = 1024
"""The most characters of a text for people in the status of a resource."""

_LARGEST = 2**63 - 1
_LARGEST_MEMORY = 1024**4
_LONGEST_SECONDS = 366 * 24 * 3600.0
_LONGEST_NAME = 200
_LONGEST_WARNING = 300
_REASON = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")
_REVISION = re.compile(r"[0-9a-f]{64}")
# From "://" to the last "@" of the word, whatever is in between: who writes a password need not have encoded it.
_USERINFO = re.compile(r"://\S*@")
# A word that was cut on its left, as the tail of a log is.
_REST_OF_USERINFO = re.compile(r"(?<!\S)[^\s:]*:(?!//)\S*@")
# What stands where a port does and is no number: a password, with the rest of the URL cut off.
_START_OF_USERINFO = re.compile(r"://[^\s/:\[]*:(?!\d{1,5}(?![^\s/?#,.;)\]}\"']))[^\s/]\S*")
_NAMED_SECRET = re.compile(r"(?i)((?:password|passwd|token|secret|signature)=)[^\s&]+")

_Counts = TypeVar("_Counts", VersionCounts, DocumentCounts, ArtifactCounts, ContentCounts)


class _Line(msgspec.Struct):
    """A record of the worker's log."""

    message: str


def report_in(message: str) -> RunReport | None:
    """Return the report that a termination message holds, made harmless; None where it is none."""
    data = message.encode(errors="replace")
    if len(data) > REPORT_LIMIT_BYTES:
        return None
    try:
        return _harmless(msgspec.json.decode(data, type=RunReport))
    except (msgspec.DecodeError, RecursionError):
        return None


def last_line(message: str) -> str:
    """Return the last line of a log, which the kubelet passes on where there is no report; empty without one."""
    line = next((line for line in reversed(message.splitlines()) if line.strip()), "")
    with contextlib.suppress(msgspec.DecodeError, RecursionError):  # it is no record of the worker's own
        line = msgspec.json.decode(line.encode(errors="replace"), type=_Line).message
    return cleaned(line)


def cleaned(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Return a text without credentials, on one line, of printable characters, and at most `longest` of them."""
    # Credentials first: what comes after may take away what they are known by.
    text = _NAMED_SECRET.sub(r"\1…", _without_userinfo(text))
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def is_reason(text: str) -> bool:
    """Whether a text is a reason: one word in CamelCase."""
    return _REASON.fullmatch(text) is not None


def count(number: int) -> int:
    """Return the nearest number that an API server stores as a count."""
    return min(max(number, 0), _LARGEST)


def _without_userinfo(text: str) -> str:
    text = _REST_OF_USERINFO.sub("…@", _USERINFO.sub("://…@", text))
    return _START_OF_USERINFO.sub("://…", text)


def _harmless(report: RunReport) -> RunReport:
    started = rfc3339.parse(report.start_time)
    return RunReport(
        result=report.result,
        reason=report.reason if is_reason(report.reason) else "",
        message=cleaned(report.message),
        start_time=rfc3339.render(started) if started else "",
        duration_seconds=_seconds(report.duration_seconds),
        base_rss_bytes=_memory(report.base_rss_bytes),
        peak_rss_bytes=_memory(report.peak_rss_bytes),
        memory_limit_bytes=None if report.memory_limit_bytes is None else count(report.memory_limit_bytes),
        cgroup_peak_bytes=None if report.cgroup_peak_bytes is None else _memory(report.cgroup_peak_bytes),
        fetched_bytes=count(report.fetched_bytes),
        requests=count(report.requests),
        retries=count(report.retries),
        versions=_counts(report.versions),
        documents=_counts(report.documents),
        artifacts=_counts(report.artifacts),
        skipped=tuple(_item(each) for each in report.skipped[:MAX_SKIPPED]),
        warnings=tuple(filter(None, (cleaned(each, _LONGEST_WARNING) for each in report.warnings[:MAX_WARNINGS]))),
        content=_counts(report.content) if report.content else None,
        revision=report.revision if _REVISION.fullmatch(report.revision) else "",
    )


def _seconds(duration: float) -> float:
    return duration if 0 <= duration <= _LONGEST_SECONDS else 0.0


def _memory(size: int) -> int:
    """Return an amount of memory; 0 for what no process of ours can have taken."""
    return size if 0 <= size <= _LARGEST_MEMORY else 0


def _counts(counts: _Counts) -> _Counts:
    return replace(counts, **{field: count(number) for field, number in asdict(counts).items()})


def _item(item: SkippedItem) -> SkippedItem:
    return SkippedItem(
        name=cleaned(item.name, _LONGEST_NAME),
        version=cleaned(item.version, _LONGEST_NAME),
        reason=item.reason if is_reason(item.reason) else "Unknown",
    )
