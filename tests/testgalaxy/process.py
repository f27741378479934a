"""A galaxy as a child process, so that what is measured beside it has no part in its memory and threads."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_TESTS = Path(__file__).parents[1]
_STOP_SECONDS = 10


@dataclass(frozen=True)
class Served:
    """A galaxy that is ready. `ca` is the file with the CA to trust, under TLS."""

    url: str
    ca: Path | None
    versions: int
    detail_bytes: int
    docs_bytes: int
    pid: int

    def cpu_seconds(self) -> float:
        """The processor time that it has used until now."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def served(
    *,
    collections: Sequence[str] | None = None,
    corpus: Path | str | None = None,
    plan: str | None = None,
    tls: bool = False,
    ca_file: Path | str | None = None,
    gzip: bool = False,
    latency_ms: float = 0.0,
    redirects: bool = True,
    token: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Served]:
    """Start `python -m testgalaxy`, wait until it is ready (building what it serves if need be), and stop it after."""
    command = [sys.executable, "-m", "testgalaxy", "--latency-ms", str(latency_ms)]
    command += ["--host", host, "--port", str(port)]
    valued = {
        "--collections": ",".join(collections) if collections else None,
        "--corpus": corpus,
        "--plan": plan,
        "--ca-file": ca_file,
        "--token": token,
    }
    command += [word for flag, value in valued.items() if value is not None for word in (flag, str(value))]
    switches = {"--tls": tls, "--gzip": gzip, "--no-redirects": not redirects}
    command += [flag for flag, on in switches.items() if on]
    environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
    # A session of its own: Ctrl-C is for the one that asked, who may still have questions while it ends.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    ) as process:
        try:
            yield _ready(process)
        finally:
            _stop(process)


def _ready(process: "subprocess.Popen[bytes]") -> Served:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the test galaxy did not start (exit status {process.wait()})")
    told = json.loads(line)
    return Served(
        url=told["url"],
        ca=Path(told["ca"]) if told["ca"] else None,
        versions=told["versions"],
        detail_bytes=told["detailBytes"],
        docs_bytes=told["docsBytes"],
        pid=process.pid,
    )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
