"""A cluster for a person: where its files are, how to use it, and until when it runs."""

import contextlib
import os
import shlex
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from testcluster.caching import cluster_cache
from testcluster.cluster import POSTGRES_IMAGE, Cluster


@contextlib.contextmanager
def published(cluster: Cluster, name: str = "up") -> Iterator[Path]:
    """Keep the cluster's kubeconfig and links to kubectl and helm in the cache, at places that stay the same."""
    folder = cluster_cache() / name
    folder.mkdir(exist_ok=True)
    config = folder / "kubeconfig"
    config.touch(mode=0o600)
    config.write_text(cluster.kubeconfig.read_text())
    for name, program in {"kubectl": cluster.kubectl_path, "helm": cluster.helm_path}.items():
        link = folder / f".{name}.{os.getpid()}"
        link.symlink_to(program)
        link.replace(folder / name)
    try:
        yield config
    finally:
        config.unlink(missing_ok=True)


def usage(cluster: Cluster, config: Path) -> str:
    """What to type to use the cluster."""
    folder = shlex.quote(str(config.parent))
    policies = "enforced" if cluster.enforces_network_policies else "ignored"
    return (
        f"export KUBECONFIG={shlex.quote(str(config))}\n"
        f"export PATH={folder}:$PATH  # kubectl, helm\n"
        "# With these, tests use this cluster as well; they are the images, and this machine as pods reach it.\n"
        f"export COLLECTIONSYNC_TEST_IMAGE={cluster.image} COLLECTIONSYNC_TEST_HOST={cluster.host}\n"
        f"export COLLECTIONSYNC_TEST_POSTGRES_IMAGE={POSTGRES_IMAGE} COLLECTIONSYNC_TEST_NETWORK_POLICIES={policies}"
    )


def until_interrupted() -> None:
    """Wait for Ctrl-C or SIGTERM. Only for the main thread."""
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        told.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
