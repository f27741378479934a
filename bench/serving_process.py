"""`collectionsync serve` as a process of its own, as its pod has it, and what the kernel says of its memory."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from bench import ROOT
from bench.proc import free_port
from bench.workers import COMMAND, MeasuringError
from testpulp.watching import high_water_bytes

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05


class OurServer:
    """A server of all that a database and a store of artifacts have, for `with`. `folder` is for what it writes."""

    def __init__(self, database: str, artifacts: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "spool").mkdir()
        self._log = folder / "log"
        address = f"127.0.0.1:{free_port()}"
        self.origin = f"http://{address}"
        self._command = [str(COMMAND), "serve", "--database", database, "--artifacts", artifacts.as_uri()]
        self._command += ["--listen", address, "--spool", str(folder / "spool")]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C is the benchmark's, which then stops what it has started.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            sys.stderr.write(f"our server did not end:\n{self.log()}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def log(self) -> str:
        """Return what it has said so far."""
        return self._log.read_text(errors="replace")

    def check(self) -> None:
        """Fail where it has ended.

        Raises:
            MeasuringError: it has.
        """
        if self._process.poll() is not None:
            raise MeasuringError(f"our server ended with {self._process.returncode}:\n{self.log()}")

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{self.origin}/readyz", timeout=5).close()
                return
            time.sleep(_POLL_SECONDS)
        raise MeasuringError(f"our server was not ready within {_START_SECONDS:.0f} s:\n{self.log()}")


class Memory:
    """The largest sum of the resident sets of some processes, which may come and go: each by its own high-water mark.

    What several share is counted with each of them.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0

    def begin(self, pids: Iterable[int]) -> None:
        """Begin anew: what was before does not count (proc(5), clear_refs)."""
        self.peak_bytes = 0
        for pid in pids:
            with suppress(ProcessLookupError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def look(self, pids: Iterable[int]) -> None:
        """Read the marks of those that there are now."""
        self.peak_bytes = max(self.peak_bytes, sum(high_water_bytes(pid) for pid in pids))
