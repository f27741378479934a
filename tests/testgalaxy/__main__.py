"""A galaxy in a process of its own, for the demo and the benchmark: `python -m testgalaxy --help`.

When it is ready it prints one line of JSON: where it is, and how much it has to give. It ends on SIGTERM, on SIGINT,
and when a pipe that is its standard input closes, so that it never outlives the one that started it.
"""

import argparse
import asyncio
import gc
import json
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from testgalaxy import corpus
from testgalaxy.catalog import Catalog
from testgalaxy.certificates import make_certificates
from testgalaxy.restamp import SEED_630, SEED_2000, Plan, big_documents, restamp
from testgalaxy.server import TestGalaxy
from testgalaxy.sources import CollectionSource

_PLANS: dict[str, Plan] = {"630": SEED_630, "2000": SEED_2000}
_FULL = "-full"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m testgalaxy", description="Serve real collections on loopback.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--collections", help="names with commas between them")
    what.add_argument("--all", action="store_true", help="all collections of the ansible package (the default)")
    what.add_argument("--corpus", type=Path, help="a ready folder with index.json, tarballs/ and docs/")
    parser.add_argument("--plan", choices=_plan_names(), help="many restamped versions, or 20 docs blobs of 30 MB")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", action="store_true", help="with a certificate of a new private CA")
    parser.add_argument("--ca-file", type=Path, help="where to write that CA")
    parser.add_argument("--gzip", action="store_true", help="compress for clients that accept it")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--no-redirects", action="store_true", help="answer legacy paths directly")
    parser.add_argument("--token", help="ask for `Authorization: Token ...`")
    return parser


def _plan_names() -> list[str]:
    """With `-full`, restamped versions have tarballs as well; making those takes seconds."""
    return [*_PLANS, *(f"{name}{_FULL}" for name in _PLANS), "big"]


def make_catalog(*, names: Sequence[str] | None = None, folder: Path | None = None, plan: str | None = None) -> Catalog:
    """The catalog that the command line asks for."""
    if plan is None:
        return Catalog(source.version() for source in _originals(names, folder))
    if plan == "big":
        originals = _originals(names or ["community.general"], folder)
        return Catalog(big_documents(max(originals, key=lambda source: source.docs.size)))
    counts = _PLANS[plan.removesuffix(_FULL)]
    chosen = {name: count for name, count in counts.items() if names is None or name in names}
    return restamp(_originals(list(chosen), folder), chosen, artifacts=plan.endswith(_FULL))


def _originals(names: Sequence[str] | None, folder: Path | None) -> list[CollectionSource]:
    if folder is None:
        return corpus.collections(names)
    return [source for source in corpus.from_folder(folder) if names is None or source.collection in names]


def _compress(catalog: Catalog) -> None:
    """Make every deflated part now: the benchmark is not to wait for it, nor to share its cores with it."""
    for version in catalog:
        for served in (version.detail, version.docs):
            if served:
                served.gzip_parts()


def _watch_stdin(stopped: asyncio.Event) -> None:
    """Stop when the pipe from the parent closes. /dev/null is always at its end, and a terminal is no parent."""

    def read() -> None:
        if not os.read(0, 4096):
            stopped.set()

    if stat.S_ISFIFO(os.fstat(0).st_mode):
        asyncio.get_running_loop().add_reader(0, read)


async def _serve(options: argparse.Namespace, catalog: Catalog, ca_file: Path | None) -> None:
    galaxy = TestGalaxy(
        catalog,
        redirects=not options.no_redirects,
        latency=options.latency_ms / 1000,
        tls=options.certificates,
        gzip=options.gzip,
        token=options.token,
        host=options.host,
        port=options.port,
    )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    _watch_stdin(stopped)
    async with galaxy:
        ready = {
            "url": galaxy.url,
            "ca": str(ca_file) if ca_file else None,
            "versions": len(catalog),
            "detailBytes": catalog.detail_bytes(galaxy.layout),
            "docsBytes": catalog.docs_bytes(),
        }
        print(json.dumps(ready), flush=True)  # noqa: T201 - the one line that is this program's output
        await stopped.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop."""
    options = _parser().parse_args(arguments)
    names = options.collections.split(",") if options.collections else None
    try:
        catalog = make_catalog(names=names, folder=options.corpus, plan=options.plan)
    except (corpus.CorpusError, LookupError, OSError) as error:
        print(f"testgalaxy: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if options.gzip:
        _compress(catalog)
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory(prefix="testgalaxy-") as scratch:
        ca_file = None
        options.certificates = make_certificates(options.host) if options.tls else False
        if options.certificates:
            ca_file = options.ca_file or Path(scratch, "ca.pem")
            ca_file.write_bytes(options.certificates.ca_pem)
        asyncio.run(_serve(options, catalog, ca_file))
    return 0


if __name__ == "__main__":
    sys.exit(main())
