"""`python -m bench.peer`: pulp-ansible and this project, turn by turn, on the same work: `make bench-peer`.

Each turn has an empty Pulp with its own PostgreSQL, and then an empty database and store of ours, or the other way
round, and both mirror the same collections of the same galaxy. Pulp is in the arrangement that takes it least: nothing
serves what it syncs, for with a distribution a sync updates an index too, and holds every document for it.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.cluster import Cluster
from bench.machine import describe
from bench.peer_report import markdown
from bench.peer_turns import Scene, Turn, turn
from bench.rows import Row, Transport
from bench.workers import MeasuringError, leave_on_sigterm
from collectionsync.resource import ContentPolicy
from collectionsync.store.embedded import EmbeddedPostgresError
from testgalaxy import served
from testpulp import PulpError, installed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison. A target that is missed is no failure: it is printed as missed."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    row = Row("630", Transport(options.transport), full=options.policy is ContentPolicy.FULL)
    try:
        installed()
        with _scene(options.corpus, row) as scene:
            print(describe(scene.cluster), flush=True)
            turns = list(_turns(scene, options.turns))
    except (PulpError, MeasuringError, EmbeddedPostgresError) as error:
        print(f"bench.peer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"\n{markdown(turns)}")
    if not row.full:
        print("\nOurs has left the artifacts, which Pulp always brings: this was not the same work.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.peer", description="Memory and time, beside pulp-ansible's.")
    parser.add_argument("--corpus", type=Path, help="a ready folder with index.json, tarballs/ and docs/")
    parser.add_argument("--turns", type=int, default=1, metavar="N", help="how often both are measured; default: 1")
    parser.add_argument(
        "--policy",
        type=ContentPolicy,
        choices=list(ContentPolicy),
        default=ContentPolicy.FULL,
        help="our contentPolicy; Pulp always brings the artifacts, so that only Full is the same work",
    )
    parser.add_argument("--transport", choices=[Transport.PLAIN, Transport.TLS], default=Transport.PLAIN)
    return parser


@contextlib.contextmanager
def _scene(corpus: Path | None, row: Row) -> Iterator[Scene]:
    with (
        tempfile.TemporaryDirectory(prefix="cs-bench-") as scratch,
        served(corpus=corpus, plan="630-full", tls=row.transport.encrypted) as galaxy,
    ):
        Path(scratch).chmod(0o711)  # PostgreSQL may have to run as another account
        with Cluster(Path(scratch, "data")) as cluster:
            yield Scene(row, galaxy, cluster, Path(scratch))


def _turns(scene: Scene, count: int) -> Iterator[Turn]:
    for number in range(1, count + 1):
        print(f"... turn {number} of {count}", file=sys.stderr, flush=True)
        yield turn(scene, pulp_first=number % 2 == 1)


if __name__ == "__main__":
    sys.exit(main())
