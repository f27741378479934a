"""Running other programs: what fails is told with what it printed."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from testcluster.errors import ClusterError

_TAIL_LINES = 40


def run(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
    check: bool = True,
    log: Path | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run `command` to its end. `environment` comes on top of this process's; `log` takes both outputs.

    Raises ClusterError where it cannot be run, or where it fails and `check` is on.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ClusterError(f"{words[0]} cannot be run: {error}") from error
    if log is not None:
        log.write_text(done.stdout + done.stderr)
    if check and done.returncode:
        raise ClusterError(f"{' '.join(words)}: exit status {done.returncode}\n{tail(done.stderr or done.stdout)}")
    return done


def tail(text: str) -> str:
    """The last lines of what a program printed."""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])
