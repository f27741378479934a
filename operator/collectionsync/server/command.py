"""`collectionsync serve` on the command line. It imports nothing heavy before it is asked for."""

import argparse
import os
from pathlib import Path

from collectionsync.arguments import address, repository, seconds, size


def add_arguments(serve: argparse.ArgumentParser) -> None:
    """Add what a server can be told; the parser has the database already."""
    serve.add_argument(
        "--artifacts",
        metavar="URL",
        help="where artifacts are: s3://, gs://, az://, file:// (default: your data folder, else none)",
    )
    serve.add_argument("--secrets", type=Path, metavar="DIR", help="Secrets as files: DIR/<secret name>/<key>")
    serve.add_argument("--artifacts-secret", metavar="NAME", help="the Secret with the settings of that store")
    serve.add_argument(
        "--access-secret", metavar="NAME", help="the Secret that says who may read what (default: everybody everything)"
    )
    serve.add_argument(
        "--listen", type=address, default="127.0.0.1:8080", metavar="HOST:PORT", help="default: 127.0.0.1:8080"
    )
    serve.add_argument("--metrics-address", type=address, metavar="HOST:PORT", help="serve /metrics there")
    serve.add_argument("--public-url", metavar="URL", help="what clients reach it by (default: as they say themselves)")
    serve.add_argument(
        "--default-repository", type=repository, metavar="NS/NAME", help="the repository that is at /api/ as well"
    )
    serve.add_argument(
        "--redirect-artifacts", action="store_true", help="send clients to the store for artifacts, by presigned URLs"
    )
    serve.add_argument(
        "--memory-limit",
        type=size,
        metavar="QUANTITY",
        help="what buffers are derived from (default: the cgroup's limit, else 128Mi)",
    )
    serve.add_argument(
        "--shutdown-delay",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="go on serving that long after SIGTERM, and be unready meanwhile (default: 0)",
    )
    serve.add_argument("--spool", type=Path, metavar="DIR", help="folder for large documents (default: TMPDIR)")
    serve.add_argument("--log", choices=("json", "text"), default="text", help="default: text")
    serve.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Serve, and return the exit code."""
    from collectionsync.log import configure
    from collectionsync.server.options import Options
    from collectionsync.server.process import serve

    configure(options.log)
    return serve(
        Options(
            database_uri=options.database,
            artifacts=options.artifacts,
            secrets=options.secrets,
            database_secret=(options.database_secret, options.database_secret_key),
            artifacts_secret=options.artifacts_secret,
            access_secret=options.access_secret,
            listen=options.listen,
            metrics_address=options.metrics_address,
            public_url=options.public_url,
            default_repository=options.default_repository,
            redirect_artifacts=options.redirect_artifacts,
            memory_limit_bytes=options.memory_limit,
            shutdown_delay_seconds=options.shutdown_delay,
            spool=options.spool or Path(os.environ.get("TMPDIR") or "/tmp"),  # noqa: S108 - files there have no name
        )
    )
