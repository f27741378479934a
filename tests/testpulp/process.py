"""A Pulp as a child process, for as long as a `with` block."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testpulp.installing import PulpError, installed

_TESTS = Path(__file__).parents[1]
_STOP_SECONDS = 60


@dataclass(frozen=True)
class Pulp:
    """A Pulp that answers. `origin` is that of its API, `database` a URI, and `folder` has its logs and artifacts."""

    origin: str
    content_origin: str
    """The origin of the content app."""
    password: str
    database: str
    worker: int
    """The process id of the worker: each task is a child of it."""
    api: int
    """The process id of the API: each of its processes is a child of it."""
    content: int
    """The same of the content app."""
    postmaster: int
    """The process id of its PostgreSQL."""
    folder: Path


@contextlib.contextmanager
def running_pulp(*, workers: int = 1, is_anonymous: bool = False) -> Iterator[Pulp]:
    """Start a Pulp of its own, without content, and stop it after; installs Pulp if need be.

    `workers` are the processes of the API, and as many has the content app. With `is_anonymous` everybody may read the
    Galaxy API, else its users may.

    Raises:
        PulpError: it could not be installed, or it did not start.
    """
    environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
    options = ["--anonymous"] if is_anonymous else []
    # A session of its own: Ctrl-C is for the one that asked, who then closes the pipe.
    with subprocess.Popen(
        [sys.executable, "-m", "testpulp", installed(), "--workers", str(workers), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            yield _ready(process)
        finally:
            _stop(process)


def _ready(process: "subprocess.Popen[bytes]") -> Pulp:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise PulpError(f"Pulp did not start (exit status {process.wait()}; what it said is above).")
    told = json.loads(line)
    return Pulp(**{**told, "folder": Path(told["folder"])})


def _stop(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait(_STOP_SECONDS)
