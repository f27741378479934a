"""`make cluster`: a one-node Kubernetes with the operator, and a demo Galaxy and a PostgreSQL beside it, to play with.

Nothing is acted: the node is the one that tests use, and it runs what anybody would install, the image of this checkout
and its chart. The Galaxy and PostgreSQL run on this machine, where pods reach them. All of it ends with this process.
Names as arguments, or in DEMO_COLLECTIONS, choose other collections of the `ansible` package.
"""

import argparse
import contextlib
import fcntl
import os
import platform
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from collectionsync.store.embedded import EmbeddedPostgresError
from operating import CHART, SYSTEM, server
from postgres import execute
from testcluster import Cluster, ClusterError
from testcluster.caching import cluster_cache
from testcluster.images import image_archive
from testcluster.interactive import published
from testcluster.node import prepare, running_node
from testgalaxy import Served, corpus, served

COLLECTIONS = ("ansible.posix", "ansible.utils", "community.crypto", "community.docker")
NAMESPACE = "mirrors"
NAME = "demo"
READY = ("--for=condition=Ready", "--timeout=5m", f"collectionsync/{NAME}")


class Interrupts:
    """Ctrl-C, SIGTERM and the end of the terminal: the first one ends everything, and what ends is not disturbed."""

    def __init__(self) -> None:
        self._waits = False
        self._told = False

    def listen(self) -> None:
        """Raise KeyboardInterrupt for the first of them from now on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._hear)

    def _hear(self, *_: object) -> None:
        if not self._told:
            self._told = True
            if not self._waits:
                raise KeyboardInterrupt

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Let them wait while something is being started that would go on by itself."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
        if self._told:
            raise KeyboardInterrupt

    def ignore(self) -> None:
        """Everything ends now in any case."""
        self._told = True


def main() -> int:
    """Start everything, wait for Ctrl-C, and stop everything. 1 where something failed, 130 where Ctrl-C came first."""
    names = _names()
    interrupts = Interrupts()
    interrupts.listen()
    started = False
    try:
        with alone(), contextlib.ExitStack() as stack:
            try:
                start(stack, interrupts, names)
                started = True
                while True:
                    signal.pause()
            except KeyboardInterrupt:
                heading("Ending")
                raise
            finally:
                interrupts.ignore()
    except (ClusterError, EmbeddedPostgresError, corpus.CorpusError, RuntimeError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0 if started else 128 + signal.SIGINT


def start(stack: contextlib.ExitStack, interrupts: Interrupts, names: Sequence[str]) -> None:
    """Bring everything up, one after the other, and say how to use it."""
    heading("1. What it takes: Kubernetes, the image of this checkout, collections")
    prepare()
    archive = image_archive()
    sources = corpus.with_dependencies(names or COLLECTIONS)
    print("All of it is built.")

    heading("2. A node, and beside it a Galaxy and PostgreSQL")
    cluster = stack.enter_context(running_node(archive))
    cluster.kubectl("config", "set-context", "--current", "--namespace", NAMESPACE)
    with interrupts.waiting():
        postgres = stack.enter_context(server(cluster.host))
    execute(postgres.uri, f"CREATE DATABASE {NAMESPACE} OWNER mirror")
    database = postgres.pods_uri(NAMESPACE)
    galaxy = stack.enter_context(served(collections=[source.collection for source in sources], host=cluster.host))
    config = stack.enter_context(published(cluster, "demo"))
    print(f"{galaxy.url} serves {galaxy.versions} versions.")

    heading("3. The operator")
    install(cluster)
    heading("4. A mirror")
    manifest = config.with_name("collectionsync.yaml")
    write_manifest(manifest, galaxy, names or COLLECTIONS)
    mirror(cluster, database, manifest)
    heading("What to type next, in another terminal")
    print(usage(cluster, config, manifest=manifest, galaxy=galaxy, database=database), flush=True)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Refuse what cannot be: a node without root or Linux, and two of them under one kubeconfig."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise ClusterError("a node needs Linux and root")
    with (cluster_cache() / ".demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterError("`make cluster` runs already; end that one first, with Ctrl-C") from None
        yield


def install(cluster: Cluster) -> None:
    """Install the chart with the image that the node has."""
    repository, _, tag = cluster.image.rpartition(":")
    image = ("--set", f"image.repository={repository},image.tag={tag}")
    chart = (str(CHART), "--namespace", SYSTEM, "--create-namespace")
    do(cluster, "helm", "install", "collectionsync", *chart, *image, "--wait", quietly=True)


def mirror(cluster: Cluster, database: str, manifest: Path) -> None:
    """Apply the manifest, beside a Secret with the URI of the database, and show what comes of it."""
    do(cluster, "kubectl", "create", "namespace", NAMESPACE)
    secret = ("create", "secret", "generic", "collectionsync-database", f"--from-literal=uri={database}")
    do(cluster, "kubectl", *secret)
    do(cluster, "kubectl", "apply", "--filename", str(manifest))
    try:
        do(cluster, "kubectl", "wait", *READY)
    except ClusterError as error:
        described = cluster.kubectl("describe", "collectionsyncs,jobs,pods", check=False).stdout
        said = cluster.kubectl("--namespace", SYSTEM, "logs", "deployment/collectionsync", check=False).stdout
        raise ClusterError(f"{error}\n{described}\n{said}") from error
    do(cluster, "kubectl", "get", "collectionsyncs")


def do(cluster: Cluster, program: str, *arguments: str, quietly: bool = False) -> None:
    """Run a command of the cluster's, shown as a person would type it."""
    print("$", shlex.join([program, *arguments]), flush=True)
    run = cluster.helm if program == "helm" else cluster.kubectl
    said = run(*arguments).stdout
    if not quietly:
        print(said, end="", flush=True)


def write_manifest(path: Path, galaxy: Served, names: Sequence[str]) -> None:
    """A manifest to apply, and to change and apply again."""
    manifest = {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "metadata": {"name": NAME},
        "spec": {
            "source": {"url": galaxy.url, "insecure": True},
            "collections": [{"name": name, "version": "*"} for name in names],
            "target": {"repository": NAME},
            "interval": "10m",
        },
    }
    path.write_text(yaml.safe_dump(manifest, sort_keys=False))


def usage(cluster: Cluster, config: Path, *, manifest: Path, galaxy: Served, database: str) -> str:
    """What to type to use all this."""
    request = 'collectionsync.dev/requestedAt="$(date +%s)"'
    query = "SELECT namespace, name, version FROM repository_current ORDER BY 1, 2"
    return f"""
export KUBECONFIG={shlex.quote(str(config))} PATH={shlex.quote(str(config.parent))}:$PATH{_no_proxy(cluster)}

kubectl get collectionsyncs                   # what is published, the peak memory, when the next run is due
kubectl describe collectionsync {NAME}          # conditions, the last runs, events
kubectl annotate --overwrite collectionsync/{NAME} {request}   # run now
kubectl get jobs,pods                         # the runs; `kubectl logs job/...` is what a worker said
kubectl apply --filename {shlex.quote(str(manifest))}   # when you have changed it
kubectl --namespace {SYSTEM} logs deployment/collectionsync   # what the operator does

curl --location {galaxy.url}   # the Galaxy, with {galaxy.versions} versions
psql {shlex.quote(database)} --command {shlex.quote(query)}

docs/collectionsync.md describes the rest. Ctrl-C here ends all of it."""


def _no_proxy(cluster: Cluster) -> str:
    """What keeps clients from asking a proxy for the node, where this machine has one."""
    if not any(os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")):
        return ""
    (server,) = (each["cluster"]["server"] for each in yaml.safe_load(cluster.kubeconfig.read_text())["clusters"])
    hosts = ",".join([cluster.host, server.removeprefix("https://").partition(":")[0]])
    return f" NO_PROXY={hosts} no_proxy={hosts}"


def heading(text: str) -> None:
    """A line that stands out."""
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n{bold}{text}{plain}", flush=True)


def _names() -> list[str]:
    parser = argparse.ArgumentParser(description="A one-node Kubernetes with the operator and a demo Galaxy.")
    parser.add_argument("names", nargs="*", metavar="NS.NAME", help=f"collections; {', '.join(COLLECTIONS)} by default")
    given = parser.parse_args().names or os.environ.get("DEMO_COLLECTIONS", "").replace(",", " ").split()
    return [str(name) for name in given]


if __name__ == "__main__":
    sys.exit(main())
