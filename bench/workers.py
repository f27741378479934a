"""Syncs as processes: started as a Job starts them, watched from outside, and stopped by their id whatever happens."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from bench import ROOT
from bench.confinement import MemoryCgroup
from bench.curve import Curve, Point
from bench.proc import connections_to, rss_bytes
from bench.rows import Row
from collectionsync.report import RunReport
from testgalaxy import Served

COMMAND = Path(sys.executable).with_name("collectionsync")
_EVERY_SECONDS = 0.05
_STOP_SECONDS = 20
_SECRET = "ca"  # its name


class MeasuringError(Exception):
    """A sync did not do what it should have, so there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A sync that is over, as it was seen from outside, and what it said itself."""

    exit_code: int
    seconds: float
    cpu_seconds: float
    connections: int
    curve: Curve
    report: RunReport
    log: str


class Worker:
    """A sync of a row's collections, for `with`. `folder` is for its files, `artifacts` for those of a Full row.

    `cgroup` is where it runs, if not beside the benchmark.
    """

    def __init__(
        self,
        row: Row,
        galaxy: Served,
        database: str,
        folder: Path,
        artifacts: Path,
        *,
        cgroup: MemoryCgroup | None = None,
    ) -> None:
        folder.mkdir()
        self._folder = folder
        self._port = int(galaxy.url.split("/")[2].rpartition(":")[2])
        command = _command(row, galaxy, database, folder, artifacts)
        self._command = cgroup.command(command) if cgroup else command
        self._curve: list[Point] = []
        self._connections = 0

    def __enter__(self) -> Self:
        with (self._folder / "log").open("wb") as log:
            self._began = time.monotonic()
            # A session of its own: Ctrl-C is the benchmark's, which then stops what it has started.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        self.handle = os.pidfd_open(self._process.pid)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        os.close(self.handle)

    def look(self) -> None:
        """Take a sample."""
        if size := rss_bytes(self._process.pid):
            self._curve.append(Point(time.monotonic() - self._began, size))
        if len(self._curve) % 4 == 0:
            self._connections = max(self._connections, connections_to(self._port))

    def end(self) -> Ended:
        """Return what became of it; waits for its end."""
        _, status, usage = os.wait4(self._process.pid, 0)
        seconds = time.monotonic() - self._began
        self._process.returncode = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(OSError, msgspec.DecodeError):
            return Ended(
                exit_code=self._process.returncode,
                seconds=seconds,
                cpu_seconds=usage.ru_utime + usage.ru_stime,
                connections=self._connections,
                curve=self._curve,
                report=msgspec.json.decode((self._folder / "report.json").read_bytes(), type=RunReport),
                log=self.log(),
            )
        raise MeasuringError(f"a sync ended with {self._process.returncode} and without a report:\n{self.log()}")

    def log(self) -> str:
        """Return what it has said so far."""
        return (self._folder / "log").read_text(errors="replace")


def run_to_end(workers: Sequence[Worker]) -> list[Ended]:
    """Run syncs beside each other, and sample them until the last has ended."""
    ended: dict[Worker, Ended] = {}
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(stack.enter_context(worker).handle, selectors.EVENT_READ, worker)
        tick = time.monotonic()
        while len(ended) < len(workers):
            for key, _ in selector.select(max(0.0, tick - time.monotonic())):
                selector.unregister(key.fileobj)
                ended[key.data] = key.data.end()
            if time.monotonic() >= tick:
                tick = max(tick + _EVERY_SECONDS, time.monotonic())
                for worker in workers:
                    if worker not in ended:
                        worker.look()
    return [ended[worker] for worker in workers]


def _command(row: Row, galaxy: Served, database: str, folder: Path, artifacts: Path) -> list[str]:
    """Write the files that a sync needs, and return how to start it."""
    (folder / "manifest.json").write_text(json.dumps(manifest(row, galaxy.url)))
    (folder / "spool").mkdir()
    start = [str(COMMAND)]
    if row.connections is not None:
        start = [sys.executable, "-m", "bench.fixed", str(row.connections)]
    files = {"--report": "report.json", "--spool": "spool"}
    if galaxy.ca is not None:
        (folder / "secrets" / _SECRET).mkdir(parents=True)
        (folder / "secrets" / _SECRET / "ca.crt").write_bytes(galaxy.ca.read_bytes())
        files["--secrets"] = "secrets"
    options = [word for option, name in files.items() for word in (option, str(folder / name))]
    if row.full:
        options += ["--artifacts", artifacts.as_uri()]
    return [*start, "sync", str(folder / "manifest.json"), "--database", database, "--progress", "none", *options]


def manifest(row: Row, url: str) -> dict[str, object]:
    """Return the resource that a row's sync is of; JSON, as a Job gets it."""
    source: dict[str, object] = {"url": url}
    if row.transport.encrypted:
        source["certSecretRef"] = {"name": _SECRET}
    else:
        source["insecure"] = True
    spec: dict[str, object] = {"source": source, "collections": [{"name": name} for name in row.collections]}
    if row.full:
        spec["contentPolicy"] = "Full"
    if row.limit is not None:
        spec["resources"] = {"limits": {"memory": row.limit}}
    if row.connections is not None:
        spec["fetch"] = {"concurrency": row.connections}
    return {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "metadata": {"name": "bench"},
        "spec": spec,
    }


def leave_on_sigterm() -> None:
    """Make SIGTERM end the benchmark as Ctrl-C does: by leaving every `with` on the way out."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
