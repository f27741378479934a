"""A test cluster by hand: `python -m testcluster up` starts one and keeps it, `build` only fills the cache."""

import argparse
import signal
import sys
from collections.abc import Sequence

from testcluster.errors import ClusterError
from testcluster.images import image_archive, postgres_archive
from testcluster.interactive import published, until_interrupted, usage
from testcluster.node import prepare, running_node
from testcluster.starting import postgres_image


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m testcluster", description="A one-node Kubernetes for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start a node with the images in it, and stop it on Ctrl-C")
    commands.add_parser("build", help="build and fetch what a node needs, and the images")
    return parser


def _up() -> None:
    with running_node(image_archive()) as cluster, published(cluster) as config:
        postgres_image(cluster)
        print(usage(cluster, config), flush=True)  # noqa: T201 - what this command is for
        until_interrupted()


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command says; 1 where it fails, and 130 where it is interrupted."""
    command = _parser().parse_args(arguments).command
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        if command == "up":
            _up()
        else:
            prepare()
            image_archive()
            postgres_archive()
    except ClusterError as error:
        print(f"testcluster: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
