"""`python -m bench.serving`: the server beside Pulp's, and many slow clients at once: `make bench-serve`.

Both have the same content, and both are asked by wrk, turn by turn. Slow readers and idle connections are of our server
alone, since what is promised of them is a size.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import asyncpg

from bench import ROOT
from bench.cluster import Cluster
from bench.machine import describe
from bench.rows import Row, Transport
from bench.serving_asked import Route
from bench.serving_crowd import Crowd, Document, idle_connections, slow_readers
from bench.serving_load import install
from bench.serving_process import OurServer
from bench.serving_report import markdown, svg
from bench.serving_scene import ROOT_PATH, both, sync, tell
from bench.serving_targets import IDLE, SLOW, ServingResults
from bench.serving_turns import measure
from bench.workers import MeasuringError, leave_on_sigterm
from collectionsync.store.embedded import EmbeddedPostgresError
from testgalaxy import served
from testpulp import PulpError, installed, pinned

_BIG = Row("big", Transport.PLAIN)
_DOCUMENTS = """
    SELECT v.namespace, v.name, v.version, d.bytes, d.sha256
    FROM collection_version v JOIN collection_document d ON d.version_id = v.id WHERE d.kind = 'docs_blob'
"""
_PROBE = f"{ROOT_PATH}/v3/collections/"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. A target that is missed is no failure: it is printed as missed."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    try:
        install()
        installed()
        results = _measure(options)
    except (PulpError, MeasuringError, EmbeddedPostgresError) as error:
        print(f"bench.serving: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    text = markdown(results)
    print(f"\n{text}")
    _write(ROOT / "docs" / "bench" if options.write_docs else ROOT / "bench" / "out", text, svg(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description="The server, beside pulp-ansible's.")
    parser.add_argument("--corpus", type=Path, help="a ready folder with index.json, tarballs/ and docs/")
    parser.add_argument("--turns", type=int, default=2, metavar="N", help="how often both are asked; default: 2")
    parser.add_argument("--seconds", type=int, default=3, metavar="S", help="how long each load lasts; default: 3")
    parser.add_argument(
        "--routes", type=_routes, default=list(Route), help=f"names with commas between: {', '.join(Route)}"
    )
    parser.add_argument(
        "--pulp-workers",
        type=int,
        default=2,
        metavar="N",
        help="processes of Pulp's API, and of its content app; default: 2, as in its own images",
    )
    parser.add_argument("--no-crowds", action="store_true", help="leave slow readers and idle connections out")
    parser.add_argument("--write-docs", action="store_true", help="write to docs/bench instead of bench/out")
    return parser


def _routes(text: str) -> list[Route]:
    return [Route(word.strip()) for word in text.split(",")]


def _measure(options: argparse.Namespace) -> ServingResults:
    with _cluster() as (cluster, scratch):
        machine = describe(cluster)
        print(machine, flush=True)
        with both(options.corpus, cluster, scratch, pulp_workers=options.pulp_workers) as scene:
            versions = len(scene.releases)
            measured = measure(scene, scratch, turns=options.turns, seconds=options.seconds, routes=options.routes)
        crowds, unmeasured = ({}, {}) if options.no_crowds else _crowds(options.corpus, cluster, scratch)
        return ServingResults(
            machine=machine,
            command=_command(),
            seconds=options.seconds,
            pulp=f"pulp-ansible {pinned('pulp-ansible')} (pulpcore {pinned('pulpcore')})",
            pulp_workers=options.pulp_workers,
            versions=versions,
            measured=measured,
            slow=crowds.get(SLOW),
            idle=crowds.get(IDLE),
            unmeasured=unmeasured,
        )


@contextlib.contextmanager
def _cluster() -> Iterator[tuple[Cluster, Path]]:
    with tempfile.TemporaryDirectory(prefix="cs-bench-") as scratch:
        Path(scratch).chmod(0o711)  # PostgreSQL may have to run as another account
        with Cluster(Path(scratch, "data")) as cluster:
            yield cluster, Path(scratch)


def _crowds(corpus: Path | None, cluster: Cluster, scratch: Path) -> tuple[dict[str, Crowd], dict[str, str]]:
    crowds: dict[str, Crowd] = {}
    unmeasured: dict[str, str] = {}
    with cluster.fresh_database() as database:
        with served(corpus=corpus, plan=_BIG.served_plan) as galaxy:
            tell("large documents: syncing")
            sync(_BIG, galaxy, database, scratch)
        documents = cluster.run(_documents(database))
        for name in (SLOW, IDLE):
            tell(name)
            try:
                with OurServer(database, scratch / "artifacts", scratch / name.replace(" ", "-")) as process:
                    if name == SLOW:
                        crowds[name] = slow_readers(process, documents, _PROBE)
                    else:
                        crowds[name] = idle_connections(process, _PROBE)
            except (MeasuringError, OSError, TimeoutError) as error:
                unmeasured[name] = str(error) or type(error).__name__
    return crowds, unmeasured


async def _documents(database: str) -> list[Document]:
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(_DOCUMENTS)
    finally:
        await connection.close()
    return [
        Document(
            f"{ROOT_PATH}/v3/collections/{row['namespace']}/{row['name']}/versions/{row['version']}/docs-blob/",
            row["bytes"],
            row["sha256"],
        )
        for row in rows
    ]


def _command() -> str:
    """Return the command as others would type it: which folder the collections lay in is not theirs."""
    words = list(sys.argv[1:])
    if "--corpus" in words:
        at = words.index("--corpus")
        words[at : at + 2] = []
    words = [word for word in words if not word.startswith("--corpus=")]
    return f"make bench-serve ARGS='{' '.join(words)}'" if words else "make bench-serve"


def _write(folder: Path, text: str, drawing: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("serving.md", text), ("serving.svg", drawing)):
        if content is not None:
            (folder / name).write_text(content)
            print(f"written: {(folder / name).relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
