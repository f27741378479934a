"""What a person sees of a run: live bars on a terminal, plain lines elsewhere, a table at the end.

A few lines of ANSI instead of a library: tqdm would add 1.7 MB and rich 2.6 MB to the very figure that is shown.
"""

import asyncio
import os
import sys
from typing import TextIO

from collectionsync.memory import peak_rss_bytes, rss_bytes
from collectionsync.quantity import format_bytes
from collectionsync.report import RunReport
from collectionsync.worker.tally import Tally

_LIVE_SECONDS = 0.1
_PLAIN_SECONDS = 5.0
_WIDTH = 32


def lines(tally: Tally) -> list[str]:
    """Return the bars as of now."""
    done = tally.versions_done.total()
    rate = tally.fetched_bytes / tally.seconds if tally.seconds else 0.0
    return [
        _bar("collections", tally.collections_listed, tally.collections_required),
        _bar("versions", done, tally.versions_discovered),
        f"{'bytes':<12} {format_bytes(tally.fetched_bytes)} fetched, {format_bytes(int(rate))}/s",
        f"{'memory':<12} {format_bytes(rss_bytes())} resident, {format_bytes(peak_rss_bytes())} at its peak",
    ]


def _bar(label: str, done: int, total: int) -> str:
    # A resumed run finishes more than it discovers.
    filled = min(_WIDTH, _WIDTH * done // total) if total else 0
    return f"{label:<12} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total}"


def table(report: RunReport, *, repository: str) -> str:
    """Return the closing table of a run."""
    versions, documents = report.versions, report.documents
    rows = [
        ("result", f"{report.result.value} ({report.reason})"),
        ("repository", repository),
        (
            "versions",
            f"{versions.discovered} found: {versions.created} created, {versions.unchanged} unchanged, "
            f"{versions.skipped + versions.failed} skipped, {versions.removed} removed"
            + (f", {versions.excluded} left out" if versions.excluded else ""),
        ),
        ("documents", f"{documents.created} created, {format_bytes(documents.bytes)}"),
        ("artifacts", f"{report.artifacts.created} created, {format_bytes(report.artifacts.bytes)}"),
        ("fetched", f"{format_bytes(report.fetched_bytes)} in {report.requests} requests, {report.retries} retries"),
        (
            "peak RSS",
            f"{format_bytes(report.peak_rss_bytes)} ({format_bytes(report.base_rss_bytes)} after the imports)",
        ),
        ("duration", f"{report.duration_seconds:.1f} s"),
    ]
    if report.revision:
        rows.append(("revision", f"sha256:{report.revision}"))
    rows += [("skipped", f"{item.name} {item.version}: {item.reason}") for item in report.skipped[:10]]
    if len(report.skipped) > 10:
        rows.append(("", "and more; see the report or the table sync_item"))
    rows += [("warning", text) for text in report.warnings]
    if report.message:
        rows.append(("message", report.message))
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {_printable(text)}" for label, text in rows)


def _printable(text: str) -> str:
    """Return `text` without what a terminal would obey: names and reasons come from sources."""
    return "".join(character if character.isprintable() else "?" for character in text)


class Progress:
    """Shows a run on `stream` (stderr): as bars that move (`live`), or as a line now and then.

    A stream that is closed, or that nobody reads any more, ends the show and nothing else.
    """

    def __init__(self, tally: Tally, *, live: bool, stream: TextIO | None = None) -> None:
        self._tally = tally
        self._live = live
        self._stream: TextIO | None = stream or sys.stderr  # None where the process was started without one
        self._drawn = 0

    async def keep_showing(self) -> None:
        """Show for ever; ends by being cancelled, with the last state on the screen."""
        try:
            while True:
                await asyncio.sleep(_LIVE_SECONDS if self._live else _PLAIN_SECONDS)
                self._show()
        finally:
            if self._live:
                self._show()

    def _show(self) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(self._bars(self._stream) if self._live else self._line())
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None

    def _line(self) -> str:
        return "; ".join(" ".join(line.split()) for line in lines(self._tally)) + "\n"

    def _bars(self, stream: TextIO) -> str:
        shown = fitting(lines(self._tally), _size(stream))
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        self._drawn = len(shown)
        # What a larger terminal was drawn on before is cleared below, too.
        return up + "".join(f"\x1b[2K{line}\n" for line in shown) + "\x1b[J"


def fitting(shown: list[str], size: tuple[int, int] | None) -> list[str]:
    """Return what a terminal of `size` (columns, rows) shows without wrapping or scrolling; all of it for None."""
    if size is None:
        return shown
    columns, rows = size
    return [line[: columns - 1] for line in shown[: rows - 1]]


def _size(stream: TextIO) -> tuple[int, int] | None:
    """Return columns and rows; None where that is no terminal, or one that does not know."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return None
    return (columns, rows) if columns > 0 and rows > 0 else None
