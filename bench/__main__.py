"""`python -m bench`: measure the chosen rows, print them, and write results.md and rss.svg."""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import ROOT
from bench.cluster import Cluster
from bench.confinement import NoCgroupError
from bench.figures import Results
from bench.machine import describe
from bench.measure import Bench
from bench.report import first_syncs, markdown, svg
from bench.rows import EVERY, SECOND, SECOND_FULL, SETS, Row, Special, UnknownRowError, choose
from bench.workers import MeasuringError, leave_on_sigterm
from collectionsync.store.embedded import EmbeddedPostgresError

_DOCS = ROOT / "docs" / "bench"
_OUT = ROOT / "bench" / "out"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. A target that is missed is no failure: it is printed as missed."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    try:
        chosen = choose(options.rows)
        with _bench(options) as bench:
            results = _measure(bench, chosen)
    except (UnknownRowError, MeasuringError, EmbeddedPostgresError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    text = markdown(results)
    print(f"\n{text}")
    _write(_DOCS if options.write_docs else _OUT, text, svg(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Memory and time of a sync, and the floor.")
    parser.add_argument("--corpus", type=_corpus, help="a ready folder with index.json, tarballs/ and docs/")
    names = ", ".join([*SETS, *EVERY])
    parser.add_argument("--rows", default="all", help=f"names with commas between: {names}; default: all")
    parser.add_argument("--repeat", type=_positive, default=1, metavar="N", help="take the median of so many runs")
    parser.add_argument("--write-docs", action="store_true", help="write to docs/bench instead of bench/out")
    return parser


def _corpus(text: str) -> Path:
    folder = Path(text).absolute()
    if not (folder / "index.json").is_file():
        raise argparse.ArgumentTypeError(f"there is no {folder / 'index.json'}")
    return folder


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


@contextlib.contextmanager
def _bench(options: argparse.Namespace) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="cs-bench-") as scratch:
        Path(scratch).chmod(0o711)  # PostgreSQL may have to run as another account
        with Cluster(Path(scratch, "data")) as cluster:
            yield Bench(cluster, Path(scratch), options.corpus, options.repeat, _tell)


def _measure(bench: Bench, chosen: Sequence[Row | Special]) -> Results:
    results = Results(
        machine=describe(bench.cluster), command=_command(), repeats=bench.repeats, rows=[], floors=bench.floors
    )
    print(results.machine)
    if not results.machine.lz4:
        print("WARNING: this PostgreSQL has no lz4; it pays about three times the CPU for the same documents.")
    for row in chosen:
        if isinstance(row, Row):
            results.rows.append(bench.first_sync(row))
            print(first_syncs(results.rows[-1:], bench.floors), flush=True)
        elif row is Special.SECOND:
            results.second = bench.second(SECOND)
        elif row is Special.SECOND_FULL:
            results.second_full = bench.second(SECOND_FULL)
        elif row is Special.CONFINED:
            _confined(bench, results)
        elif row is Special.CONNECTIONS:
            results.connections = bench.connections()
        elif row is Special.TOGETHER:
            results.together = bench.together()
        else:
            results.idle = bench.idle()
    return results


def _confined(bench: Bench, results: Results) -> None:
    try:
        results.confined = bench.confined()
    except NoCgroupError as error:
        results.unmeasured[Special.CONFINED] = str(error)


def _command() -> str:
    """Return the command as others would type it: which folder the collections lay in is not theirs."""
    words = list(sys.argv[1:])
    if "--corpus" in words:
        at = words.index("--corpus")
        words[at : at + 2] = []
    words = [word for word in words if not word.startswith("--corpus=")]
    return f"make bench ARGS='{' '.join(words)}'" if words else "make bench"


def _tell(line: str) -> None:
    print(f"... {line}", file=sys.stderr, flush=True)


def _write(folder: Path, text: str, drawing: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(text)
    written = ["results.md"]
    if drawing is not None:
        (folder / "rss.svg").write_text(drawing)
        written.append("rss.svg")
    print(f"written: {', '.join(str((folder / name).relative_to(ROOT)) for name in written)}")


if __name__ == "__main__":
    sys.exit(main())
