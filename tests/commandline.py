"""The real command as a process: started, watched, signalled and waited for without blocking the test's own loop.

A test's galaxy lives in that loop, so whatever waited for a process by blocking would wait for ever.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncing import PATIENCE_SECONDS, until

COLLECTIONSYNC = Path(sys.executable).with_name("collectionsync")
# What a developer's shell may have set, and what no test may find by chance.
_KEPT_OUT = ("DATABASE_URL", "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "XDG_DATA_HOME")


@dataclass(frozen=True)
class Finished:
    """A process that has ended. `code` is negative where a signal killed it."""

    code: int
    out: str
    err: str
    report: dict[str, Any] | None


class Running:
    """A process that was started, and its files: standard output and error, and its report."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, report: Path) -> None:
        self.process = process
        self.pid = process.pid
        self.report_path = report
        self._folder = folder

    @property
    def out(self) -> str:
        """What it has said on standard output so far."""
        return self._folder.joinpath("stdout").read_text(errors="replace")

    @property
    def err(self) -> str:
        """What it has said on standard error so far."""
        return self._folder.joinpath("stderr").read_text(errors="replace")

    def report(self) -> dict[str, Any] | None:
        """The report as it is now; None before there is one, or while it is being written."""
        try:
            found: dict[str, Any] = json.loads(self.report_path.read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def proc(self, name: str) -> bytes:
        """A file of /proc about the process."""
        return Path(f"/proc/{self.pid}/{name}").read_bytes()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        self.process.send_signal(number)

    async def ended(self, *, seconds: float = PATIENCE_SECONDS) -> Finished:
        """Wait for its end."""
        await until(lambda: self.process.poll() is not None, f"the end of {self.process.args!r}", seconds=seconds)
        return Finished(self.process.returncode, self.out, self.err, self.report())


class Commands:
    """Starts commands, each in a folder of its own below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def write(self, document: Mapping[str, Any], name: str = "mirror.json") -> Path:
        """Write a manifest into a file."""
        path = self.folder / name
        path.write_text(json.dumps(document))
        return path

    def secret(self, name: str, **keys: str | bytes) -> Path:
        """Write a Secret as the kubelet mounts it, and return the folder for --secrets; `ca_crt` is the key ca.crt."""
        folder = self.folder / "secrets" / name
        folder.mkdir(parents=True)
        for key, text in keys.items():
            folder.joinpath(key.replace("_", ".")).write_bytes(text.encode() if isinstance(text, str) else text)
        return folder.parent

    def start(
        self,
        *arguments: str | Path,
        stdin: "int | None" = subprocess.DEVNULL,
        environment: Mapping[str, str | Path] | None = None,
        stdout: int | None = None,
        before: Sequence[str] = (),
        terminal: int | None = None,
    ) -> Running:
        """Start `collectionsync` with these arguments; `before` is a command that runs it, such as nice(1).

        With `terminal` its standard input, output and error are that descriptor; with `stdout` its output alone.
        """
        folder = self.folder / f"run-{len(self._started)}"
        folder.mkdir()
        variables = {key: text for key, text in os.environ.items() if key not in _KEPT_OUT}
        # No test may reach the data of whoever runs it.
        variables |= {"XDG_DATA_HOME": str(folder / "no" / "such" / "folder")}
        variables |= {key: str(text) for key, text in (environment or {}).items()}
        with folder.joinpath("stdout").open("wb") as out, folder.joinpath("stderr").open("wb") as err:
            process = subprocess.Popen(
                [*before, COLLECTIONSYNC, *arguments],
                stdin=stdin if terminal is None else terminal,
                stdout=next(each for each in (stdout, terminal, out) if each is not None),
                stderr=err if terminal is None else terminal,
                env=variables,
                start_new_session=True,
            )
        self._started.append(process)
        return Running(process, folder, folder / "report.json")

    def start_sync(
        self,
        document: Mapping[str, Any] | Path | str,
        *arguments: str | Path,
        database: str | None = None,
        stdin: "int | None" = subprocess.DEVNULL,
        environment: Mapping[str, str | Path] | None = None,
        before: Sequence[str] = (),
    ) -> Running:
        """Start `collectionsync sync` with a report; a manifest is written to a file first."""
        file = self.write(document, f"mirror-{len(self._started)}.json") if isinstance(document, Mapping) else document
        report = self.folder / f"run-{len(self._started)}" / "report.json"
        chosen: list[str | Path] = ["--database", database] if database is not None else []
        return self.start(
            *("sync", file, "--report", report, *chosen, *arguments),
            stdin=stdin,
            environment=environment,
            before=before,
        )

    async def run(self, *arguments: str | Path, **options: Any) -> Finished:
        """start() and wait for the end."""
        return await self.start(*arguments, **options).ended()

    async def sync(self, document: Mapping[str, Any] | Path | str, *arguments: str | Path, **options: Any) -> Finished:
        """start_sync() and wait for the end."""
        return await self.start_sync(document, *arguments, **options).ended()

    def kill(self) -> None:
        """End whatever a failing test left running."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    """Starts commands; none outlives its test."""
    started = Commands(tmp_path)
    # Where the tests run in the background of a shell they ignore SIGINT, and what they start would inherit that.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield started
    finally:
        started.kill()
        signal.signal(signal.SIGINT, inherited)
