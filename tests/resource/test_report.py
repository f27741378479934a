"""A RunReport always fits into a termination message, and says the most that fits."""

import json
import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.report import (
    REPORT_LIMIT_BYTES,
    ArtifactCounts,
    ContentCounts,
    DocumentCounts,
    ExitCode,
    Result,
    RunReport,
    SkippedItem,
    VersionCounts,
)


def report(**changes: object) -> RunReport:
    sound = RunReport(result=Result.PARTIAL, reason="ItemsSkipped", message="2 items skipped of 12")
    return msgspec.structs.replace(sound, **changes)


def decoded(data: bytes) -> RunReport:
    return msgspec.json.decode(data, type=RunReport)


def item(name: str = "community.general", reason: str = "NotFound") -> SkippedItem:
    return SkippedItem(name=name, version="1.0.0", reason=reason)


def test_every_field_is_written_under_its_agreed_name() -> None:
    assert list(json.loads(report().encode())) == [
        "result",
        "reason",
        "message",
        "startTime",
        "durationSeconds",
        "baseRssBytes",
        "peakRssBytes",
        "memoryLimitBytes",
        "cgroupPeakBytes",
        "fetchedBytes",
        "requests",
        "retries",
        "versions",
        "documents",
        "artifacts",
        "skipped",
        "warnings",
        "revision",
        "content",
    ]


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("versions", ["discovered", "created", "unchanged", "skipped", "failed", "removed", "excluded"]),
        ("documents", ["created", "bytes"]),
        ("artifacts", ["created", "bytes"]),
        ("content", ["versions", "collections", "bytes"]),
    ],
)
def test_counts_are_written_under_their_agreed_names(part: str, names: list[str]) -> None:
    assert list(json.loads(report(content=ContentCounts()).encode())[part]) == names


def test_what_the_repository_holds_is_null_before_a_publication() -> None:
    assert json.loads(report().encode())["content"] is None


def test_a_skipped_item_is_written_with_name_version_and_reason() -> None:
    written = json.loads(report(skipped=[item()]).encode())["skipped"]
    assert written == [{"name": "community.general", "version": "1.0.0", "reason": "NotFound"}]


def test_a_report_that_fits_comes_back_as_it_was() -> None:
    content = ContentCounts(versions=7, collections=2, bytes=11)
    sound = report(
        skipped=[item()],
        warnings=["requirements.yml: roles are passed over"],
        documents=DocumentCounts(created=3, bytes=5),
        artifacts=ArtifactCounts(created=2, bytes=7),
        revision="ab" * 32,
        content=content,
    )
    assert decoded(sound.encode()) == sound


def test_a_field_of_a_newer_worker_is_passed_over() -> None:
    newer = json.loads(report().encode()) | {"energyJoules": 3}
    assert decoded(json.dumps(newer).encode()) == report(skipped=[], warnings=[])


def test_an_over_long_message_ends_in_an_ellipsis() -> None:
    message = decoded(report(message="x" * 10_000).encode()).message
    assert message.startswith("xxx")
    assert message.endswith("x…")


def test_trailing_skipped_items_are_left_out_until_the_report_fits() -> None:
    items = [item(name=f"community.c{number}") for number in range(1000)]
    written = decoded(report(skipped=items).encode()).skipped
    assert 20 < len(written) < 1000
    assert written == items[: len(written)]


def test_no_room_is_left_that_one_more_skipped_item_would_fit_into() -> None:
    data = report(skipped=[item()] * 1000).encode()
    assert len(data) + len(msgspec.json.encode(item())) + 1 > REPORT_LIMIT_BYTES


def test_trailing_warnings_are_left_out_and_long_ones_are_cut() -> None:
    written = decoded(report(warnings=["x" * 1000] * 1000).encode()).warnings
    assert 1 <= len(written) < 10
    assert {(text[-1], len(text) < 400) for text in written} == {("…", True)}


def test_warnings_leave_room_for_a_message_and_for_skipped_items() -> None:
    written = decoded(report(message="x" * 1000, warnings=["y" * 1000] * 1000, skipped=[item()] * 9).encode())
    assert (written.message, len(written.skipped)) == ("x" * 1000, 9)


def test_a_lone_surrogate_does_not_break_the_report() -> None:
    assert decoded(report(message="file \udcff.tar.gz").encode()).message == "file ?.tar.gz"


@pytest.mark.parametrize("character", ["\x01", '"', "\\", "é", "😀", "\ud800"])
def test_a_message_of_costly_characters_is_cut_between_two_of_them(character: str) -> None:
    data = report(
        message=character * 5000, reason=character * 5000, skipped=[item(reason=character * 5000)] * 99
    ).encode()
    assert len(data) <= REPORT_LIMIT_BYTES
    assert decoded(data).message.rstrip("…").replace(character, "").replace("?", "") == ""


_TEXT = st.text(st.characters(exclude_categories=[]), max_size=5000) | st.text(string.printable, max_size=5000)
_ITEMS = st.lists(st.builds(SkippedItem, name=_TEXT, version=_TEXT, reason=_TEXT), max_size=20)
_COUNT = st.integers(min_value=0, max_value=10**9)
_SIZE = st.integers(min_value=0, max_value=2**63 - 1)


@given(
    st.builds(
        RunReport,
        result=st.sampled_from(Result),
        reason=_TEXT,
        message=_TEXT,
        start_time=_TEXT,
        duration_seconds=st.floats(min_value=0, allow_nan=False, allow_infinity=False),
        base_rss_bytes=_SIZE,
        peak_rss_bytes=_SIZE,
        memory_limit_bytes=st.none() | _SIZE,
        cgroup_peak_bytes=st.none() | _SIZE,
        fetched_bytes=_SIZE,
        versions=st.builds(VersionCounts, **dict.fromkeys(("discovered", "created", "unchanged", "excluded"), _COUNT)),
        documents=st.builds(DocumentCounts, created=_COUNT, bytes=_SIZE),
        artifacts=st.builds(ArtifactCounts, created=_COUNT, bytes=_SIZE),
        skipped=_ITEMS,
        warnings=st.lists(_TEXT, max_size=5),
        revision=_TEXT,
    )
)
def test_any_report_fits_and_is_valid(any_report: RunReport) -> None:
    data = any_report.encode()
    assert len(data) <= REPORT_LIMIT_BYTES
    assert decoded(data).peak_rss_bytes == any_report.peak_rss_bytes


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("OK", 0),
        ("USAGE", 64),
        ("CONTENT", 65),
        ("UNAVAILABLE", 69),
        ("INTERRUPTED", 75),
        ("AUTHENTICATION", 77),
        ("CONFIGURATION", 78),
    ],
)
def test_exit_codes_are_those_of_sysexits(name: str, code: int) -> None:
    assert ExitCode[name] == code
