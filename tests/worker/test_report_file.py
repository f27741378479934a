"""A report is written over the one before it, wherever that lies, and costs no run."""

import logging
import os
from pathlib import Path

import msgspec
import pytest

from collectionsync.manifest import load
from collectionsync.report import REPORT_LIMIT_BYTES, Result, RunReport
from collectionsync.worker import report_file
from syncing import manifest


def report(message: str) -> RunReport:
    return RunReport(result=Result.RUNNING, reason="Running", message=message)


def message_in(path: Path) -> str:
    return msgspec.json.decode(path.read_bytes(), type=RunReport).message


@pytest.mark.parametrize("before", [None, "", "short", "longer than any report can be " * 1000])
def test_a_report_replaces_whatever_was_there(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "report.json"
    if before is not None:
        path.write_text(before)
    report_file.write(path, report("now"))

    assert path.read_bytes() == report("now").encode()


def test_a_shorter_report_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report_file.write(path, report("a long message " * 50))
    report_file.write(path, report("a short one"))

    assert path.read_bytes() == report("a short one").encode()


def test_a_run_that_is_killed_before_the_rest_is_cut_off_has_left_a_report_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    report_file.write(path, report("a long message " * 1000))
    monkeypatch.setattr(os, "ftruncate", lambda target, length: None)
    report_file.write(path, report("a short one"))

    assert message_in(path) == "a short one"
    assert len(path.read_bytes()) <= REPORT_LIMIT_BYTES


def test_a_report_may_go_to_a_pipe() -> None:
    reader, writer = os.pipe()
    report_file.write(Path(f"/dev/fd/{writer}"), report("now"))

    assert os.read(reader, 8192) == report("now").encode()
    os.close(reader)
    os.close(writer)


def test_without_a_path_nothing_is_written() -> None:
    report_file.write(None, report("now"))


def test_a_report_that_cannot_be_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        report_file.write(tmp_path / "no/such/folder/report.json", report("now"))

    assert f"cannot be written to {tmp_path}/no/such/folder/report.json: No such file or directory" in caplog.text


def test_the_first_report_says_what_is_known_before_the_imports() -> None:
    resource = load(msgspec.json.encode(manifest("https://galaxy.example.com/api/", "acme.tools")))
    first = report_file.begun(resource)

    assert (first.result, first.reason) == (Result.RUNNING, "Running")
    assert first.peak_rss_bytes > first.base_rss_bytes == 0
    assert first.memory_limit_bytes is not None
    assert 0 < first.memory_limit_bytes <= 64 * 1024 * 1024
