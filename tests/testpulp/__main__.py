"""A whole Pulp for as long as standard input is open: PostgreSQL, API, content app and one worker.

`python -m testpulp BIN [--workers N] [--anonymous]`, where BIN has Pulp's commands. When all of it answers, one line of
JSON says where. Standard input is a pipe from whoever started it, which the kernel closes whatever ends that one;
SIGTERM ends it as well. Everything is in a temporary folder, which goes with it.
"""

import argparse
import asyncio
import contextlib
import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from collectionsync.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from collectionsync.store.postgres_local import read_postmaster
from postgres import short_folder
from testpulp import children
from testpulp.configuration import Addresses, environment, write_settings
from testpulp.installing import PulpError

_START_SECONDS = 120.0
_POLL_SECONDS = 0.1
_LOG_LINES = 20
_DATABASE = "pulp"


def main(arguments: Sequence[str]) -> int:
    """Run a Pulp until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the starter, who then closes the pipe
    signal.signal(signal.SIGTERM, _leave)
    try:
        with _pulp(_parser().parse_args(arguments)) as told:
            print(json.dumps(told), flush=True)  # noqa: T201 - the one line that is this program's output
            sys.stdin.buffer.read()
    except (PulpError, EmbeddedPostgresError) as error:
        print(f"testpulp: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m testpulp")
    parser.add_argument("commands", type=Path)
    parser.add_argument("--workers", type=int, default=1, help="processes of the API, and as many of the content app")
    parser.add_argument("--anonymous", action="store_true", help="let everybody read the Galaxy API")
    return parser


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


@contextlib.contextmanager
def _pulp(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(short_folder())
        postgres = stack.enter_context(EmbeddedPostgres(folder / "data"))
        children.adopt_orphans()  # not before: the server is one, and must be stopped by its own means
        stack.callback(children.end_all)
        asyncio.run(_execute(postgres.uri, f'CREATE DATABASE "{_DATABASE}"'))
        uri = postgres.uri.replace("/postgres?", f"/{_DATABASE}?", 1)
        pulp = _Processes(options, folder, uri)
        pulp.migrate()
        pulp.start()
        pulp.wait()
        postmaster = read_postmaster(postgres.folder)
        assert postmaster is not None, "it was just used"
        yield {
            "origin": pulp.addresses.api,
            "content_origin": pulp.addresses.content,
            "password": pulp.password,
            "database": uri,
            **{name: process.pid for name, process in pulp.started.items()},
            "postmaster": postmaster.pid,
            "folder": str(folder),
        }


async def _execute(uri: str, statement: str) -> None:
    connection = await asyncpg.connect(uri)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


class _Processes:
    """Pulp's own processes. The sockets that they listen on are made here, so that no port is taken meanwhile."""

    def __init__(self, options: argparse.Namespace, folder: Path, database: str) -> None:
        self.password = secrets.token_hex(16)
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self._commands = options.commands
        self._workers = options.workers
        self._folder = folder
        self._sockets = {name: socket.create_server(("127.0.0.1", 0), backlog=512) for name in ("api", "content")}
        origins = {name: f"http://127.0.0.1:{each.getsockname()[1]}" for name, each in self._sockets.items()}
        self.addresses = Addresses(**origins)
        settings = write_settings(folder, database, self.addresses, is_anonymous=options.anonymous)
        self._environment = environment(settings)

    def migrate(self) -> None:
        """Make the schema and the administrator."""
        self._manage("migrate", "--verbosity", "0")
        self._manage("reset-admin-password", "--password", self.password)

    def start(self) -> None:
        """Start the three processes."""
        self._start("worker", "pulpcore-worker")
        for name, each in self._sockets.items():
            descriptor = each.fileno()
            options = ("--bind", f"fd://{descriptor}", "--workers", str(self._workers), "--no-control-socket")
            self._start(name, f"pulpcore-{name}", *options, keep_open=[descriptor])
            each.close()

    def wait(self) -> None:
        """Wait until the API says that all three are there."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            for name, process in self.started.items():
                if process.poll() is not None:
                    raise PulpError(f"Pulp's {name} ended with {process.returncode}. It said:\n{self._said(name)}")
            if time.monotonic() > deadline:
                said = "\n".join(self._said(name) for name in self.started)
                raise PulpError(f"Pulp did not answer within {_START_SECONDS:.0f} s. It said:\n{said}")
            time.sleep(_POLL_SECONDS)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.addresses.api}/pulp/api/v3/status/", timeout=10) as answer:
                status = json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return bool(status["online_workers"] and status["online_content_apps"])

    def _start(self, name: str, command: str, *arguments: str, keep_open: Sequence[int] = ()) -> None:
        self.started[name] = children.start(
            [self._commands / command, *arguments],
            environment=self._environment,
            log=self._log(name),
            folder=self._folder,
            keep_open=keep_open,
        )

    def _manage(self, *arguments: str) -> None:
        process = children.start(
            [self._commands / "pulpcore-manager", *arguments],
            environment=self._environment,
            log=self._log("manager"),
            folder=self._folder,
        )
        if process.wait():
            said = self._said("manager")
            raise PulpError(f"pulpcore-manager {arguments[0]} ended with {process.returncode}. It said:\n{said}")

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _said(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
