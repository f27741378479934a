"""What a person sees of a run, and that a terminal that goes away stops the show and not the sync."""

import asyncio
import contextlib
import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.report import DocumentCounts, Result, RunReport, SkippedItem, VersionCounts
from collectionsync.worker import progress
from collectionsync.worker.progress import Progress, fitting, lines, table
from collectionsync.worker.tally import Tally


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LIVE_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_PLAIN_SECONDS", 0.0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def shown(progress: Progress) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(progress.keep_showing())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def a_tally() -> Tally:
    tally = Tally(collections_required=4, collections_listed=2, versions_discovered=8, fetched_bytes=3 * 2**20)
    tally.versions_done["Created"] = 2
    return tally


def a_report(**changes: object) -> RunReport:
    facts: dict[str, object] = {
        "result": Result.SUCCEEDED,
        "reason": "Succeeded",
        "message": "8 versions are published",
        "duration_seconds": 12.34,
        "base_rss_bytes": 40 * 2**20,
        "peak_rss_bytes": 51 * 2**20,
        "fetched_bytes": 1_300_000_000,
        "requests": 17,
        "retries": 1,
        "versions": VersionCounts(discovered=8, created=5, unchanged=2, skipped=1, removed=3),
        "documents": DocumentCounts(created=20, bytes=2**30),
        "revision": "ab" * 32,
    }
    return RunReport(**{**facts, **changes})  # type: ignore[arg-type]


def test_bars_show_how_much_is_done() -> None:
    collections, versions, fetched, memory = lines(a_tally())

    assert collections == "collections  [" + "#" * 16 + "." * 16 + "] 2/4"
    assert versions == "versions     [" + "#" * 8 + "." * 24 + "] 2/8"
    assert "3Mi fetched" in fetched
    assert re.fullmatch(r"memory +\S+ resident, \S+ at its peak", memory)


@given(
    required=st.integers(0, 10**6),
    listed=st.integers(0, 10**6),
    discovered=st.integers(0, 10**6),
    done=st.integers(0, 10**6),
    ago=st.floats(0, 1e6),
)
def test_bars_keep_their_width_whatever_was_counted(
    required: int, listed: int, discovered: int, done: int, ago: float
) -> None:
    tally = Tally(collections_required=required, collections_listed=listed, versions_discovered=discovered)
    tally.started -= ago
    tally.versions_done["Created"] = done

    assert all(len(line.partition("[")[2].partition("]")[0]) == 32 for line in lines(tally)[:2])


def test_a_run_that_began_this_very_moment_has_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = a_tally()
    monkeypatch.setattr("time.monotonic", lambda: tally.started)

    assert "0/s" in lines(tally)[2]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (None, ["abcdef", "gh", "ij"]),
        ((80, 24), ["abcdef", "gh", "ij"]),
        ((4, 24), ["abc", "gh", "ij"]),
        ((80, 3), ["abcdef", "gh"]),
        ((1, 24), ["", "", ""]),
        ((80, 1), []),
    ],
)
def test_what_a_terminal_is_too_small_for_is_left_out(size: tuple[int, int] | None, expected: list[str]) -> None:
    assert fitting(["abcdef", "gh", "ij"], size) == expected


@pytest.mark.parametrize("result", list(Result))
def test_the_table_tells_of_every_result(result: Result) -> None:
    text = table(a_report(result=result, reason="Because"), repository="default/mirror")

    assert f"{result.value} (Because)" in text.splitlines()[0]
    assert "8 found: 5 created, 2 unchanged, 1 skipped, 3 removed" in text
    assert "default/mirror" in text
    assert "51Mi (40Mi after the imports)" in text
    assert f"sha256:{'ab' * 32}" in text


def test_the_table_of_an_empty_report_is_whole() -> None:
    text = table(RunReport(result=Result.FAILED, reason="InvalidSpec"), repository="default/mirror")

    assert "revision" not in text
    assert "0 found" in text


def test_the_table_names_ten_skipped_items_and_says_where_the_others_are() -> None:
    skipped = [SkippedItem(name="a.b", version=f"1.0.{number}", reason="NotFound") for number in range(11)]
    text = table(a_report(skipped=skipped), repository="default/mirror")

    assert "a.b 1.0.9: NotFound" in text
    assert "1.0.10" not in text
    assert "sync_item" in text


def test_a_source_cannot_steer_the_terminal_through_the_table() -> None:
    hostile = "\x1b[2J\r\n\x07\ud800\u202e"
    skipped = [SkippedItem(name="a.b", version=hostile, reason=hostile)]
    text = table(a_report(message=hostile, skipped=skipped), repository="default/mirror")

    assert text.replace("\n", "").isprintable()
    assert len(text.splitlines()) == len(table(a_report(skipped=skipped), repository="x").splitlines())


async def test_plain_progress_is_a_line_now_and_then() -> None:
    stream = io.StringIO()
    async with shown(Progress(a_tally(), live=False, stream=stream)):
        await until(lambda: stream.getvalue().count("\n") >= 2)

    first = stream.getvalue().splitlines()[0]
    assert first.count("; ") == 3
    assert "\x1b" not in stream.getvalue()


async def test_live_progress_draws_over_itself_and_leaves_its_last_state() -> None:
    stream, tally = io.StringIO(), a_tally()
    async with shown(Progress(tally, live=True, stream=stream)):
        await until(lambda: stream.getvalue().count("versions") >= 2)
        tally.versions_done["Created"] = 8

    draws = stream.getvalue().split("\x1b[4F")
    assert len(draws) >= 3
    assert "8/8" in draws[-1]


@pytest.fixture
def terminal() -> Iterator[tuple[io.TextIOWrapper, int]]:
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as stream:
        yield stream, master
    os.close(master)


async def test_a_tiny_terminal_is_never_overrun(terminal: tuple[io.TextIOWrapper, int]) -> None:
    stream, master = terminal
    fcntl.ioctl(stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 3, 20, 0, 0))
    async with shown(Progress(a_tally(), live=True, stream=stream)):
        await asyncio.sleep(0)
    text = os.read(master, 4096).decode()
    drawn = [line for line in re.sub(r"\x1b\[\w+", "", text).split("\r\n") if line]

    assert len(drawn) % 2 == 0
    assert max(map(len, drawn)) < 20
    assert "\x1b[4F" not in text


@pytest.mark.parametrize("live", [True, False])
async def test_a_reader_that_goes_away_ends_the_show_and_nothing_else(live: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    show = Progress(a_tally(), live=live, stream=stream)
    async with shown(show) as task:
        await until(lambda: show._stream is None)

        assert not task.done()
    with contextlib.suppress(BrokenPipeError):
        stream.close()


@pytest.mark.parametrize("live", [True, False])
async def test_a_stream_that_is_closed_ends_the_show_and_nothing_else(live: bool) -> None:
    stream = io.StringIO()
    stream.close()
    show = Progress(a_tally(), live=live, stream=stream)
    async with shown(show) as task:
        await until(lambda: show._stream is None)

        assert not task.done()


def test_a_process_without_stderr_shows_nothing() -> None:
    program = """
import asyncio, sys
from collectionsync.worker.progress import Progress
from collectionsync.worker.tally import Tally
assert sys.stderr is None
Progress(Tally(), live=True)._show()
print("fine")
"""
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, program]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout == "fine\n"
