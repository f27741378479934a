"""A termination message is a report, or it is not; and nothing that it says can harm who reads it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.controller.termination import LONGEST_MESSAGE, cleaned, is_reason, last_line, report_in
from collectionsync.report import ArtifactCounts, Result, RunReport, SkippedItem, VersionCounts
from collectionsync.status import MAX_SKIPPED, MAX_WARNINGS
from controller.samples import report, said

LARGEST = 2**63 - 1


def written(**fields: Any) -> str:
    """Return a report with these fields, whatever they are, as JSON."""
    return json.dumps(json.loads(said()) | fields)


def heard(**fields: Any) -> RunReport:
    found = report_in(written(**fields))
    assert found is not None
    return found


def test_a_sound_report_is_taken_as_it_is() -> None:
    assert report_in(said(Result.SUCCEEDED)) == report(Result.SUCCEEDED)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"result": "Succeeded"}',
        '{"result": "Splendid", "reason": "X"}',
        "INFO: all is well",
        written(message=3),
        written(requests="many"),
        written(requests=True),
        written(durationSeconds=float("nan")),
        written(durationSeconds=float("inf")),
        written(skipped=[{"name": "a.b"}]),
        written(versions=[]),
        said() + said(),
        '{"result": "Failed", "reason": "X", "x": ' + "[" * 4000,
        '{"result": "Failed", "reason": "\\ud800"}',
        "\ud800",
        written(message="x" * 4096),
    ],
)
def test_what_is_not_a_whole_report_is_none(message: str) -> None:
    assert report_in(message) is None


def test_fields_of_a_newer_worker_are_passed_over() -> None:
    assert heard(energyJoules=3) == report()


@pytest.mark.parametrize(("number", "stored"), [(-1, 0), (2**63, LARGEST), (10**400, LARGEST)])
def test_counts_are_what_an_api_server_stores(number: int, stored: int) -> None:
    found = heard(requests=number, retries=number, fetchedBytes=number, versions={"created": number})
    assert (found.requests, found.retries, found.fetched_bytes) == (stored, stored, stored)
    assert found.versions == VersionCounts(created=stored)


@pytest.mark.parametrize("size", [-1, 1024**4 + 1, 10**400])
def test_memory_that_nothing_takes_is_none_at_all(size: int) -> None:
    found = heard(peakRssBytes=size, baseRssBytes=size, cgroupPeakBytes=size)
    assert (found.peak_rss_bytes, found.base_rss_bytes, found.cgroup_peak_bytes) == (0, 0, 0)


@pytest.mark.parametrize("seconds", [-1, -1e308, 1e308, 10**300])
def test_a_duration_beyond_all_measure_is_dropped(seconds: float) -> None:
    assert heard(durationSeconds=seconds).duration_seconds == 0


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59"])
def test_what_is_no_time_is_dropped(time: str) -> None:
    assert heard(startTime=time).start_time == ""


@pytest.mark.parametrize("revision", ["", "AB" * 32, "ab" * 31, "ab" * 32 + "\n", "latest"])
def test_what_is_no_digest_is_no_revision(revision: str) -> None:
    assert heard(revision=revision).revision == ""


@pytest.mark.parametrize("reason", ["", "lower", "Two Words", "Ünicode", "A" * 65, "Line\n", "\u0410bc"])
def test_a_reason_that_is_no_word_is_dropped(reason: str) -> None:
    assert not is_reason(reason)
    assert heard(reason=reason).reason == ""


def test_skipped_items_are_as_many_as_a_status_names() -> None:
    items = [{"name": f"a.b{number}", "version": "1.0.0", "reason": "NotFound"} for number in range(40)]
    found = heard(skipped=items)
    assert len(found.skipped) == MAX_SKIPPED
    assert found.skipped[0] == SkippedItem(name="a.b0", version="1.0.0", reason="NotFound")


def test_skipped_items_are_cleaned_too() -> None:
    (item,) = heard(skipped=[{"name": "a.b\x1b[31m", "version": "x" * 999, "reason": "not a word"}]).skipped
    assert item.name == "a.b [31m"
    assert len(item.version) == 200
    assert item.reason == "Unknown"


def test_warnings_are_cleaned_and_as_many_as_a_status_keeps() -> None:
    found = heard(warnings=["see https://user:hunter2@example.com/", "x" * 2000])
    assert found.warnings == ("see https://…@example.com/", "x" * 299 + "…")
    assert len(heard(warnings=[f"{number}" for number in range(40)]).warnings) == MAX_WARNINGS
    assert heard(warnings=["\x1b", ""]).warnings == ()


@pytest.mark.parametrize(("number", "stored"), [(-1, 0), (2**63, LARGEST)])
def test_counts_of_artifacts_are_what_an_api_server_stores(number: int, stored: int) -> None:
    artifacts = {"created": number, "bytes": number}
    assert heard(artifacts=artifacts).artifacts == ArtifactCounts(created=stored, bytes=stored)


# Texts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("\x1b[31mred\x1b[0m\x07", "[31mred [0m"),
        ("right \u202eleft\u202c", "right left"),
        ("zero\u200bwidth", "zero width"),
        ("half \ud800 a character", "half a character"),
        ("größer 😀", "größer 😀"),
    ],
)
def test_a_text_is_one_printable_line(text: str, shown: str) -> None:
    assert cleaned(text) == shown


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert cleaned("x" * 5000) == "x" * (LONGEST_MESSAGE - 1) + "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no answer from postgresql://user:pass@db:5432/x", "no answer from postgresql://…@db:5432/x"),
        ("postgresql://user:p@ss/w@rd@db.example.com/x now", "postgresql://…@db.example.com/x now"),
        ("('redis://:pass@db', 3)", "('redis://…@db', 3)"),
        ("https://pass@galaxy.example.com/", "https://…@galaxy.example.com/"),
        ("a postgresql://u:pass@a b postgresql://u:pass@b", "a postgresql://…@a b postgresql://…@b"),
        ("postgresql://u:pa\x00ss@db", "postgresql://…@db"),
        ("cut on its left: er:pass@db.example.com/x", "cut on its left: …@db.example.com/x"),
        ("cut on its right: postgresql://user:pass…", "cut on its right: postgresql://…"),
        ("cut on its right: postgresql://user:123456pass", "cut on its right: postgresql://…"),
        ("host=db user=u password=pass dbname=x", "host=db user=u password=… dbname=x"),
        ("/download?X-Amz-Signature=pass&token=pass", "/download?X-Amz-Signature=…&token=…"),
    ],
)
def test_credentials_are_taken_out(text: str, shown: str) -> None:
    assert "pass" not in shown.replace("password", "")
    assert cleaned(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://galaxy.example.com:8443/api/ answered 503",
        "(see https://galaxy.example.com:8443)",
        "http://[2001:db8::1]:80/x is not reachable",
        "at 12:30:01, mail admin@example.com",
        "community.general 1.0.0: no artifact",
    ],
)
def test_what_holds_no_credentials_stays(text: str) -> None:
    assert cleaned(text) == text


PASSWORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=4, max_size=30)


@given(PASSWORDS)
def test_no_password_of_a_url_survives(password: str) -> None:
    shown = cleaned(f"cannot reach postgresql://mirror:{password}@db.example.org/x")
    assert shown == "cannot reach postgresql://…@db.example.org/x"


@given(st.text())
def test_to_clean_twice_changes_nothing_more(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)


# The end of a log


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", ""),
        ("\n\n", ""),
        ("first\nlast\n\n", "last"),
        ('{"level": "info", "message": "one"}\n{"level": "error", "message": "two"}\n', "two"),
        ('ssage": "cut on its left"}\n', 'ssage": "cut on its left"}'),
        ('{"message": 3}', '{"message": 3}'),
        ("[" * 4000, "[" * (LONGEST_MESSAGE - 1) + "…"),
    ],
)
def test_the_last_line_of_a_log_is_told(log: str, line: str) -> None:
    assert last_line(log) == line


@given(st.text())
def test_any_message_is_bounded(text: str) -> None:
    for shown in (cleaned(text), last_line(text)):
        assert len(shown) <= LONGEST_MESSAGE
        assert shown.isprintable()


@given(st.binary(max_size=5000))
def test_any_bytes_are_a_report_or_none(data: bytes) -> None:
    found = report_in(data.decode("utf-8", "replace"))
    assert found is None or msgspec.json.encode(found)
