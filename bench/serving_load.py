"""Load: wrk, which is told the paths and how many connections, and what it says of the answers."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.workers import MeasuringError

_SCRIPT = Path(__file__).with_name("serving.lua")
_TIMEOUT_SECONDS = 120
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Load:
    """What was answered. `refused` are answers of 400 and more, `broken` connections that did not hold.

    Latencies are in seconds, and are of those requests that were answered within the time: of a server that answers few
    they are too low.
    """

    requests: int
    seconds: float
    body_bytes: int
    p50: float
    p99: float
    longest: float
    refused: int
    broken: int

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def install() -> None:
    """Make sure that wrk is there; installs it where this is a Debian, and root.

    Raises:
        MeasuringError: it is not there, and cannot be installed.
    """
    if shutil.which("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("... installing wrk", file=sys.stderr, flush=True)
        command = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "wrk"]
        subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    if not shutil.which("wrk"):
        raise MeasuringError("wrk is not installed, and makes the load: `apt-get install wrk`, as root, then again")


def put(origin: str, paths: Path, *, connections: int, seconds: float) -> Load:
    """Keep `connections` busy with the paths of a file, one on each line, for so many seconds.

    Raises:
        MeasuringError: wrk failed.
    """
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{round(seconds)}s"]
    command += ["--timeout", f"{_TIMEOUT_SECONDS}s", "--script", str(_SCRIPT), origin, "--", str(paths)]
    try:
        ended = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds + _PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise MeasuringError(f"wrk did not end: {' '.join(command)}") from None
    if ended.returncode:
        raise MeasuringError(f"wrk ended with {ended.returncode}: {ended.stderr.decode(errors='replace')}")
    return parse(ended.stdout.decode())


def parse(text: str) -> Load:
    """Read what the script says at the end of what wrk prints.

    Raises:
        MeasuringError: it says nothing.
    """
    lines = [line for line in text.splitlines() if line.startswith("{")]
    if not lines:
        raise MeasuringError(f"wrk said nothing of its requests:\n{text}")
    told = json.loads(lines[-1])
    return Load(
        requests=told["requests"],
        seconds=told["microseconds"] / 1e6,
        body_bytes=told["bytes"],
        p50=told["p50"] / 1e6,
        p99=told["p99"] / 1e6,
        longest=told["longest"] / 1e6,
        refused=told["refused"],
        broken=told["broken"],
    )
