"""From the decision which cluster it is to the cluster itself."""

import contextlib
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from testcluster.binaries import binaries
from testcluster.choosing import Given, Own, choose
from testcluster.cluster import POSTGRES_IMAGE, Cluster
from testcluster.commands import run
from testcluster.errors import UnavailableError
from testcluster.images import image_archive, postgres_archive
from testcluster.node import prepare, running_node


def chosen() -> Given | Own:
    """Which cluster is to be used here; see `choose` for what it raises."""
    context = _current_context() if os.environ.get("KUBECONFIG") else None
    return choose(os.environ, current_context=context, system=platform.system(), is_root=os.geteuid() == 0)


def make_ready() -> None:
    """Build whatever the cluster needs that the cache lacks: the first time it takes minutes."""
    if isinstance(chosen(), Own):
        prepare()
        image_archive()
        postgres_archive()


@contextlib.contextmanager
def chosen_cluster() -> Iterator[Cluster]:
    """The cluster that is to be used here, with the project's image in it; one of our own ends with the block."""
    choice = chosen()
    if isinstance(choice, Given):
        yield _given(choice)
    else:
        with running_node(image_archive()) as cluster:
            yield cluster


def postgres_image(cluster: Cluster) -> str:
    """Make PostgreSQL's image known to the cluster; its name.

    Raises UnavailableError where the cluster was given, and it is not said which image its nodes have.
    """
    if cluster.ctr:
        cluster.load_image(POSTGRES_IMAGE, postgres_archive())
        return POSTGRES_IMAGE
    choice = chosen()
    if not isinstance(choice, Given) or not choice.postgres_image:
        raise UnavailableError(
            "To use PostgreSQL in a cluster that was given, set COLLECTIONSYNC_TEST_POSTGRES_IMAGE (an image of "
            "docker.io/library/postgres:17, or one like it, that its nodes have)."
        )
    return choice.postgres_image


def _given(choice: Given) -> Cluster:
    return Cluster(
        kubeconfig=Path(os.environ["KUBECONFIG"]),
        context=choice.context,
        host=choice.host,
        image=choice.image,
        kubectl_path=_tool("kubectl"),
        helm_path=_tool("helm"),
        enforces_network_policies=choice.enforces_network_policies,
    )


def _current_context() -> str:
    return run([_tool("kubectl"), "config", "current-context"], check=False).stdout.strip()


def _tool(name: str) -> Path:
    """The machine's own, else the one that is built."""
    found = shutil.which(name)
    return Path(found) if found else binaries() / name
