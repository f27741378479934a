"""`make demo`: mirror real collections into PostgreSQL from a server on loopback, and install one from the mirror.

Nothing is acted: the collections come out of the `ansible` package, the server speaks as a real Pulp does, what syncs
them is the very command that a Job in a cluster runs, and what installs one of them is `ansible-galaxy` as everybody
has it. Names as arguments, or in DEMO_COLLECTIONS, choose fewer.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import asyncpg
import yaml

from collectionsync.store.embedded import EmbeddedPostgres, data_folder

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from testgalaxy import Served, corpus, served

COMMAND = Path(sys.executable).with_name("collectionsync")
ANSIBLE_GALAXY = Path(sys.executable).with_name("ansible-galaxy")
# The same port every time, if it is free: a mirror knows its source by the address, so a second demo finds its own.
PORT = 38640
MIRROR_PORT = 38641
REPOSITORY = "demo"
# What is installed from the mirror, unless others are chosen: the first of those then.
INSTALLED = "community.crypto"

TOTALS = """
SELECT count(DISTINCT (c.namespace, c.name)) AS collections, count(DISTINCT c.version_id) AS versions,
       count(*) AS documents, pg_size_pretty(sum(d.bytes)) AS fetched,
       pg_size_pretty(sum(pg_column_size(d.body))) AS stored
FROM repository_current c JOIN collection_document d USING (version_id)
WHERE c.repository = 'demo'
"""
OPTIONS = """
SELECT docs.namespace || '.' || docs.name AS collection, entry ->> 'content_name' AS module,
       json_array_length(entry #> '{doc_strings,doc,options}') AS options
FROM repository_current c JOIN collection_docs docs USING (version_id),
     json_array_elements(docs.docs -> 'contents') AS entry
WHERE c.repository = 'demo' AND entry ->> 'content_type' = 'module'
  AND json_typeof(entry #> '{doc_strings,doc,options}') = 'array'
ORDER BY options DESC, collection, module
LIMIT 5
"""
DEPENDENCIES = """
SELECT dependency, count(*) AS needed_by
FROM repository_current c JOIN collection_version v ON v.id = c.version_id,
     jsonb_object_keys(v.dependencies) AS dependency
WHERE c.repository = 'demo'
GROUP BY dependency
ORDER BY needed_by DESC, dependency
LIMIT 5
"""
QUERIES = {
    "In the repository `demo`": TOTALS,
    "The modules with the most options, out of the docs as they were fetched": OPTIONS,
    "The collections that most others depend on": DEPENDENCIES,
}


def main() -> int:
    """Run the demo. Its exit code is that of the sync that failed, or 1 if the second one was not NoChange."""
    signal.signal(signal.SIGTERM, _leave)
    names = _names()
    folder = corpus.cache_folder() / "demo"
    folder.mkdir(exist_ok=True)
    manifest, report = folder / "collectionsync.yaml", folder / "report.json"
    try:
        code = run(names, manifest, report)
    except (corpus.CorpusError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    places(manifest, report)
    return code


def run(names: Sequence[str], manifest: Path, report: Path) -> int:
    """Build, serve, sync twice, query, and install."""
    heading("1. Real collections, out of the ansible package")
    sources = real_collections(names)
    heading("2. A Galaxy v3 server, on loopback")
    with served(collections=[source.collection for source in sources], port=free_port(PORT)) as galaxy:
        print(f"{galaxy.url} serves {galaxy.versions} versions")
        write_manifest(manifest, galaxy, names or [source.collection for source in sources])
        heading("3. The sync")
        if sync(manifest, report) == "NoChange":
            print("All of it was there already, from an earlier demo.")
        heading("4. The sync once more: what is stored is not fetched again")
        result = sync(manifest, report)
    heading("5. What PostgreSQL holds")
    with database() as uri:
        asyncio.run(show(uri))
    heading("6. The mirror serves unmodified ansible-galaxy; the first server is gone by now")
    install(INSTALLED if not names or INSTALLED in names else names[0])
    if result != "NoChange":
        print(f"demo: the second sync was to be NoChange, and is {result}", file=sys.stderr)
        return 1
    return 0


def real_collections(names: Sequence[str]) -> list[corpus.CollectionSource]:
    """The collections to serve: those named, with all that they depend on; or all."""
    began = time.monotonic()
    sources = corpus.with_dependencies(names) if names else corpus.collections()
    size = sum(source.docs.size + source.files.size for source in sources)
    print(f"{len(sources)} collections, {size / 1e6:,.1f} MB of documents, ready in {time.monotonic() - began:.1f} s")
    return sources


def free_port(port: int) -> int:
    """This port, or 0, which is any, if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
        return port


def write_manifest(path: Path, galaxy: Served, names: Sequence[str]) -> None:
    """The same file that `kubectl apply` would take."""
    manifest = {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "metadata": {"name": "demo"},
        "spec": {
            "source": {"url": galaxy.url, "insecure": True},
            "collections": [{"name": name, "version": "*"} for name in names],
            "contentPolicy": "Full",
            "target": {"repository": REPOSITORY},
        },
    }
    path.write_text(yaml.safe_dump(manifest, sort_keys=False))


def sync(manifest: Path, report: Path) -> str:
    """Run the command as a person would, its output on this terminal; the report's result. A failure ends the demo."""
    command = [str(COMMAND), "sync", str(manifest), "--report", str(report), *artifacts()]
    report.unlink(missing_ok=True)
    code = _wait(subprocess.Popen(shown(command)))
    if code:
        print(f"demo: the sync failed with exit code {code}; its report: {report}", file=sys.stderr)
        sys.exit(code)
    return str(json.loads(report.read_text())["result"])


def artifacts() -> list[str]:
    """Where artifacts are, as an option: beside a database of one's own; the embedded one knows its folder."""
    if not os.environ.get("DATABASE_URL"):
        return []
    return ["--artifacts", (corpus.cache_folder() / "demo" / "artifacts").absolute().as_uri()]


def install(name: str) -> None:
    """Serve the mirror, and install a collection from it into a folder that goes again. A failure ends the demo."""
    with mirror() as origin, tempfile.TemporaryDirectory(prefix="demo-") as folder:
        url = f"{origin}/default/{REPOSITORY}/api/"
        command = [str(ANSIBLE_GALAXY), "collection", "install", "-s", url, name]
        code = _wait(subprocess.Popen(shown(command), env=_of_nobody(Path(folder))))
    if code:
        print(f"demo: ansible-galaxy could not install {name}", file=sys.stderr)
        sys.exit(code)


@contextlib.contextmanager
def mirror() -> Iterator[str]:
    """Serve what was mirrored, as a process of its own: where it is."""
    command = [str(COMMAND), "serve", "--listen", f"127.0.0.1:{free_port(MIRROR_PORT)}", *artifacts()]
    with subprocess.Popen(shown(command), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                print(line, end="", flush=True)
                if serving := re.search(r"serving at (http://\S+)", line):
                    yield serving[1]
                    break
            else:
                raise RuntimeError(f"the mirror could not be served (exit code {process.wait()})")
        finally:
            process.terminate()
            print(process.stderr.read(), end="")


def _of_nobody(folder: Path) -> dict[str, str]:
    """An environment for ansible-galaxy in which nothing of this machine's plays a part."""
    (folder / "ansible.cfg").touch()
    kept = {key: text for key, text in os.environ.items() if not key.startswith("ANSIBLE_")}
    ours = {"ANSIBLE_HOME": str(folder), "ANSIBLE_CONFIG": str(folder / "ansible.cfg")}
    return {**kept, **ours, "LC_ALL": "C.UTF-8", "no_proxy": "*"}


def shown(command: list[str]) -> list[str]:
    """The command, which a person sees as typed."""
    print("$", " ".join(command), flush=True)
    return command


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """The exit code. Ctrl-C reaches the command as well, which ends in its own way: wait for that."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
        except SystemExit:
            process.terminate()
            process.wait()
            raise


@contextlib.contextmanager
def database() -> Iterator[str]:
    """Where the command put everything: DATABASE_URL, or the embedded server, which it had stopped again."""
    if uri := os.environ.get("DATABASE_URL"):
        yield uri
    else:
        with EmbeddedPostgres() as server:
            yield server.uri


async def show(uri: str) -> None:
    """Run the queries and print what they give."""
    connection = await asyncpg.connect(uri)
    try:
        for title, query in QUERIES.items():
            began = time.monotonic()
            rows = await connection.fetch(query)
            print(f"{title} ({time.monotonic() - began:.2f} s):")
            print_table([dict(row) for row in rows])
    finally:
        await connection.close()


def print_table(rows: Sequence[dict[str, object]]) -> None:
    """Columns as wide as what is in them, numbers to the right."""
    if not rows:
        print("  nothing\n")
        return
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    numbers = [isinstance(value, int) for value in rows[0].values()]
    for line in lines:
        cells = zip(line, widths, numbers, strict=True)
        aligned = (cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells)
        print(f"  {'  '.join(aligned)}".rstrip())
    print()


def places(manifest: Path, report: Path) -> None:
    """Say where everything lies."""
    heading("Where things lie")
    named = {
        "database": "DATABASE_URL" if os.environ.get("DATABASE_URL") else data_folder(),
        "collections": corpus.built_folder(),
        "manifest": manifest,
        "report": report,
        "command": COMMAND,
    }
    for name, place in named.items():
        print(f"  {name:<12} {place}")


def heading(text: str) -> None:
    """A line that stands out."""
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n{bold}{text}{plain}", flush=True)


def _names() -> list[str]:
    parser = argparse.ArgumentParser(description="Mirror real collections from loopback into PostgreSQL.")
    parser.add_argument(
        "names", nargs="*", metavar="NS.NAME", help="collections of the ansible package; all by default"
    )
    given = parser.parse_args().names or os.environ.get("DEMO_COLLECTIONS", "").replace(",", " ").split()
    return [str(name) for name in given]


def _leave(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
