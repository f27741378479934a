"""The command line. Imports nothing heavy before it knows what is asked for: the worker pays for every import."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from collectionsync import __version__
from collectionsync.report import ExitCode

log = logging.getLogger(__name__)

# glibc keeps freed blocks for reuse unless it is told to give them back. asyncio reads into 256 KiB at a time: a
# threshold below that would cost a mapping, and its page faults, for every read.
_MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "524288", "MALLOC_TRIM_THRESHOLD_": "131072"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code (sysexits.h)."""
    options = _parser().parse_args(arguments)
    if arguments is None and options.command is _sync:
        _settle_malloc()
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _parser() -> _Parser:
    parser = _Parser(prog="collectionsync", description="Mirror Ansible collections into PostgreSQL.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    sync = commands.add_parser("sync", help="run the sync that a CollectionSync manifest describes")
    sync.add_argument("file", metavar="FILE", help="the manifest, YAML or JSON; - for stdin")
    _add_database(sync, "an embedded PostgreSQL in your data folder")
    sync.add_argument("--report", type=Path, metavar="FILE", help="where the RunReport (JSON) is written")
    sync.add_argument("--metrics-address", type=_address, metavar="HOST:PORT", help="serve /metrics there")
    sync.add_argument("--progress", choices=("auto", "plain", "none"), default="auto", help="default: auto")
    sync.add_argument("--log", choices=("json", "text"), default="text", help="default: text")
    sync.add_argument("--secrets", type=Path, metavar="DIR", help="Secrets as files: DIR/<secret name>/<key>")
    sync.add_argument(
        "--spool", type=Path, metavar="DIR", default=None, help="folder for documents on their way (default: TMPDIR)"
    )
    sync.set_defaults(command=_sync)

    migrate = commands.add_parser("migrate", help="bring the database's schema up to date; sync does so by itself")
    _add_database(migrate, "the embedded PostgreSQL in your data folder")
    migrate.set_defaults(command=_migrate)

    crd = commands.add_parser("crd", help="print the CustomResourceDefinition")
    crd.set_defaults(command=_crd)
    return parser


def _add_database(parser: argparse.ArgumentParser, otherwise: str) -> None:
    parser.add_argument(
        "--database",
        metavar="URI",
        default=os.environ.get("DATABASE_URL") or None,
        help=f"postgresql://…, 14 or newer (default: DATABASE_URL, else {otherwise})",
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _sync(options: argparse.Namespace) -> int:
    from collectionsync import manifest
    from collectionsync.log import configure

    # As Ctrl-C does it, from the first moment: without a handler SIGTERM does nothing to a container's first process,
    # and kills any other before it could stop a server that it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    configure(options.log)
    from collectionsync.worker.execute import Options, execute
    from collectionsync.worker.report import write_refusal

    try:
        resource = manifest.load(_read(options.file))
        manifest.refuse_unsupported(resource.spec)
    except manifest.ManifestError as error:
        log.error("%s: %s", options.file, error)
        write_refusal(options.report, "InvalidSpec", str(error))
        return ExitCode.CONFIGURATION
    except KeyboardInterrupt:
        log.error("stopped while the manifest was read")
        write_refusal(options.report, "Interrupted", "stopped while the manifest was read")
        return ExitCode.INTERRUPTED
    except OSError as error:
        log.error("%s cannot be read: %s", options.file, error.strerror)
        return ExitCode.USAGE
    return execute(
        resource,
        Options(
            database_uri=options.database,
            report=options.report,
            metrics_address=options.metrics_address,
            progress=options.progress,
            secrets=options.secrets,
            spool=options.spool or Path(os.environ.get("TMPDIR") or "/tmp"),  # noqa: S108 - files there have no name
        ),
    )


def _read(file: str) -> bytes:
    if file != "-":
        return Path(file).read_bytes()
    with open(0, "rb", closefd=False) as stdin:  # not sys.stdin, which is None where a shell closed it
        return stdin.read()


def _migrate(options: argparse.Namespace) -> int:
    import asyncio

    from collectionsync.log import configure
    from collectionsync.store.database import StoreError, connected
    from collectionsync.store.location import located
    from collectionsync.store.migrate import migrate
    from collectionsync.worker.outcome import stopped_by

    async def apply(uri: str) -> list[str]:
        async with connected(uri, sessions=1) as database:
            return await migrate(database)

    configure("text")
    try:
        with located(options.database) as uri:
            applied = asyncio.run(apply(uri))
    except StoreError as error:
        log.error("%s", error)
        outcome = stopped_by(error)
        assert outcome is not None, "every StoreError has an exit code"
        return outcome.code
    for name in applied:
        print(f"applied {name}")  # noqa: T201
    return ExitCode.OK


def _crd(_: argparse.Namespace) -> int:
    from collectionsync.crd import render

    sys.stdout.write(render())
    return ExitCode.OK


def _settle_malloc() -> None:
    """Run this process again with glibc's settings in place, unless they are: malloc reads them once, at its start."""
    if sys.platform == "linux" and not _MALLOC.keys() <= os.environ.keys():
        os.execve(sys.executable, sys.orig_argv, {**_MALLOC, **os.environ})  # noqa: S606 - it is itself
