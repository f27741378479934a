"""The command line. Imports nothing heavy before it knows what is asked for: the worker pays for every import."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from collectionsync import __version__, malloc
from collectionsync.arguments import address, count, size
from collectionsync.report import ExitCode
from collectionsync.server import command as serving

if TYPE_CHECKING:
    from collectionsync.resource import ArtifactStore, CollectionSync
    from collectionsync.worker.targets import Options

log = logging.getLogger(__name__)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code (sysexits.h)."""
    options = _parser().parse_args(arguments)
    if arguments is None and options.command in (_sync, serving.run):
        _settle_malloc()
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _parser() -> _Parser:
    parser = _Parser(prog="collectionsync", description="Mirror Ansible collections into PostgreSQL.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    sync = commands.add_parser("sync", help="run the sync that a CollectionSync manifest describes")
    _add_manifest(sync)
    sync.add_argument("--report", type=Path, metavar="FILE", help="where the RunReport (JSON) is written")
    sync.add_argument("--metrics-address", type=address, metavar="HOST:PORT", help="serve /metrics there")
    sync.add_argument("--progress", choices=("auto", "plain", "none"), default="auto", help="default: auto")
    sync.set_defaults(command=_sync)

    plan = commands.add_parser("plan", help="what a sync would add, remove and download; it stores nothing")
    _add_manifest(plan)
    plan.add_argument("--output", choices=("text", "json"), default="text", help="default: text")
    plan.set_defaults(command=_plan)

    verify = commands.add_parser("verify", help="whether what is stored is as it came: documents and artifacts")
    _add_manifest(verify)
    verify.add_argument("--members", action="store_true", help="look at every file in every artifact as well")
    verify.add_argument("--forget", action="store_true", help="forget what is damaged: the next sync brings it again")
    verify.set_defaults(command=_verify)

    migrate = commands.add_parser("migrate", help="bring the database's schema up to date; sync does so by itself")
    _add_database(migrate, "the embedded PostgreSQL in your data folder")
    migrate.set_defaults(command=_migrate)

    serve = commands.add_parser("serve", help="serve what is stored to ansible-galaxy and to other mirrors")
    _add_database(serve, "the embedded PostgreSQL in your data folder")
    _add_database_secret(serve)
    serving.add_arguments(serve)

    _add_operator(commands)
    _add_check(commands)

    crd = commands.add_parser("crd", help="print the CustomResourceDefinition")
    crd.set_defaults(command=_crd)
    return parser


def _add_operator(commands: "argparse._SubParsersAction[_Parser]") -> None:
    operator = commands.add_parser("run-operator", help="carry out the CollectionSyncs of a cluster as Jobs")
    operator.add_argument(
        *("--namespace", "-n"), action="append", default=[], metavar="NS", help="serve only this; may be repeated"
    )
    operator.add_argument("--worker-image", required=True, metavar="IMAGE", help="the image that Jobs run")
    policies = ("Always", "IfNotPresent", "Never")
    operator.add_argument("--image-pull-policy", choices=policies, default="IfNotPresent", help="default: IfNotPresent")
    _add_database_secret(operator)
    operator.add_argument(
        "--artifacts", metavar="URL", help="the object store of resources that name none: s3://, gs:// or az://"
    )
    operator.add_argument(
        "--artifacts-secret", metavar="NAME", help="the Secret, beside each resource, that holds its settings"
    )
    operator.add_argument("--simultaneous-runs", type=count, default=4, metavar="N", help="default: 4")
    operator.add_argument(
        "--total-memory", type=size, default="512Mi", metavar="QUANTITY", help="of all runs (default: 512Mi)"
    )
    operator.add_argument("--per-source-host", type=count, default=2, metavar="N", help="runs (default: 2)")
    operator.add_argument(
        "--server-url", type=_server_url, metavar="URL", help="where repositories are served, for the status to tell"
    )
    operator.add_argument("--health-address", type=address, default="0.0.0.0:8080", metavar="HOST:PORT")
    operator.add_argument("--metrics-address", type=address, default="0.0.0.0:9090", metavar="HOST:PORT")
    operator.add_argument("--log", choices=("json", "text"), default="text", help="default: text")
    operator.set_defaults(command=_run_operator)


def _add_check(commands: "argparse._SubParsersAction[_Parser]") -> None:
    check = commands.add_parser(
        "check-installation", help="whether an operator in a cluster works; `helm test` asks it"
    )
    check.add_argument("--health-url", required=True, metavar="URL", help="the operator's /healthz")
    check.add_argument("--ready-url", metavar="URL", help="the server's /readyz, where there is a server")
    check.add_argument(
        "--namespace", "-n", required=True, metavar="NS", help="where a CollectionSync would be accepted"
    )
    check.add_argument("--secrets", type=Path, required=True, metavar="DIR", help="DIR/<secret name>/<key>")
    _add_database_secret(check)
    check.set_defaults(command=_check_installation)


def _add_database_secret(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database-secret",
        default="collectionsync-database",
        metavar="NAME",
        help="the Secret, beside each resource, that holds the database's URI (default: collectionsync-database)",
    )
    parser.add_argument("--database-secret-key", default="uri", metavar="KEY", help="the key in it (default: uri)")


def _add_database(parser: argparse.ArgumentParser, otherwise: str) -> None:
    parser.add_argument(
        "--database",
        metavar="URI",
        default=os.environ.get("DATABASE_URL") or None,
        help=f"postgresql://…, 14 or newer (default: DATABASE_URL, else {otherwise})",
    )


def _add_manifest(parser: argparse.ArgumentParser) -> None:
    """Add the manifest, and what says where its parts are on this machine."""
    parser.add_argument("file", metavar="FILE", help="the manifest, YAML or JSON; - for stdin")
    _add_database(parser, "an embedded PostgreSQL in your data folder")
    parser.add_argument(
        "--artifacts",
        metavar="URL",
        default=None,
        help="where artifacts are kept: s3://, gs://, az://, file:// (default: the manifest's, else your data folder)",
    )
    parser.add_argument("--secrets", type=Path, metavar="DIR", help="Secrets as files: DIR/<secret name>/<key>")
    parser.add_argument("--config-maps", type=Path, metavar="DIR", help="ConfigMaps as files: DIR/<name>/<key>")
    parser.add_argument(
        "--spool", type=Path, metavar="DIR", default=None, help="folder for documents on their way (default: TMPDIR)"
    )
    parser.add_argument("--log", choices=("json", "text"), default="text", help="default: text")


def _server_url(text: str) -> str:
    from collectionsync.controller.served import server_url

    try:
        return server_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run_operator(options: argparse.Namespace) -> int:
    from collectionsync.log import configure

    configure(options.log)
    try:
        from collectionsync.controller.process import run
    except ModuleNotFoundError as error:
        log.error("%s: install collectionsync with its extra, collectionsync[operator]", error)
        return ExitCode.CONFIGURATION
    from collectionsync.controller.admission import Budget
    from collectionsync.controller.jobs import JobDefaults
    from collectionsync.controller.settings import Settings
    from collectionsync.resource import DatabaseSecretRef

    return run(
        Settings(
            namespaces=tuple(dict.fromkeys(options.namespace)),
            jobs=JobDefaults(
                image=options.worker_image,
                image_pull_policy=options.image_pull_policy,
                database_secret=DatabaseSecretRef(name=options.database_secret, key=options.database_secret_key),
                artifacts=_artifact_store(options.artifacts, options.artifacts_secret),
            ),
            budget=Budget(
                simultaneous_runs=options.simultaneous_runs,
                total_memory_bytes=options.total_memory,
                per_source_host=options.per_source_host,
            ),
            health_address=options.health_address,
            metrics_address=options.metrics_address,
            server_url=options.server_url,
        )
    )


def _artifact_store(url: str | None, secret: str | None) -> "ArtifactStore | None":
    from collectionsync.resource import ArtifactStore, SecretRef

    return ArtifactStore(url=url, secret_ref=SecretRef(name=secret) if secret else None) if url else None


def _check_installation(options: argparse.Namespace) -> int:
    import asyncio

    from collectionsync.installation import Installation, examine
    from collectionsync.resource import DatabaseSecretRef

    async def report() -> ExitCode:
        installation = Installation(
            health_url=options.health_url,
            namespace=options.namespace,
            database=DatabaseSecretRef(name=options.database_secret, key=options.database_secret_key),
            secrets=options.secrets,
            ready_url=options.ready_url,
        )
        code = ExitCode.OK
        async for found in examine(installation):
            word = {True: "ok", False: "FAILED", None: "-"}[found.passed]
            print(f"{word:<6} {found.check}: {found.message}", flush=True)  # noqa: T201
            code = ExitCode.UNAVAILABLE if found.passed is False else code
        return code

    return asyncio.run(report())


def _sync(options: argparse.Namespace) -> int:
    # As Ctrl-C does it, from the first moment: without a handler SIGTERM does nothing to a container's first process,
    # and kills any other before it could stop a server that it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _carry_out(options)
    except KeyboardInterrupt:
        from collectionsync.worker import report_file

        log.error("stopped before the sync began")
        report_file.write(options.report, report_file.refused("Interrupted", "stopped before the sync began"))
        return ExitCode.INTERRUPTED


def _carry_out(options: argparse.Namespace) -> int:
    from collectionsync import manifest
    from collectionsync.log import configure
    from collectionsync.worker import report_file

    configure(options.log)
    try:
        resource = manifest.load(_read(options.file))
    except manifest.ManifestError as error:
        log.error("%s: %s", options.file, error)
        report_file.write(options.report, report_file.refused("InvalidSpec", str(error)))
        return ExitCode.CONFIGURATION
    except OSError as error:
        log.error("%s cannot be read: %s", options.file, error.strerror)
        return ExitCode.USAGE
    # Before the imports, since they are most of what a worker takes: a limit may be too small for them alone.
    report_file.write(options.report, report_file.begun(resource))
    from collectionsync.worker.execute import execute

    return execute(resource, _options(options))


def _options(options: argparse.Namespace) -> "Options":
    from collectionsync.worker.targets import Options

    return Options(
        database_uri=options.database,
        report=getattr(options, "report", None),
        metrics_address=getattr(options, "metrics_address", None),
        progress=getattr(options, "progress", "none"),
        secrets=options.secrets,
        spool=options.spool or Path(os.environ.get("TMPDIR") or "/tmp"),  # noqa: S108 - files there have no name
        config_maps=options.config_maps,
        artifacts=options.artifacts,
    )


def _plan(options: argparse.Namespace) -> int:
    def look(resource: "CollectionSync") -> int:
        from collectionsync.worker.inspection import plan

        return plan(resource, _options(options), as_json=options.output == "json")

    return _looked(options, look)


def _verify(options: argparse.Namespace) -> int:
    def look(resource: "CollectionSync") -> int:
        from collectionsync.worker.inspection import verify

        return verify(resource, _options(options), members=options.members, forget=options.forget)

    return _looked(options, look)


def _looked(options: argparse.Namespace, look: "Callable[[CollectionSync], int]") -> int:
    from collectionsync import manifest
    from collectionsync.log import configure

    configure(options.log)
    try:
        return look(manifest.load(_read(options.file)))
    except manifest.ManifestError as error:
        log.error("%s: %s", options.file, error)
        return ExitCode.CONFIGURATION
    except OSError as error:
        log.error("%s cannot be read: %s", options.file, error.strerror)
        return ExitCode.USAGE


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
    if sys.platform == "linux" and not malloc.SETTINGS.keys() <= os.environ.keys():
        os.execve(sys.executable, sys.orig_argv, {**malloc.SETTINGS, **os.environ})  # noqa: S606 - it is itself
