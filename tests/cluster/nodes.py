"""Nodes of a test's own, beside the cluster of the session, and what tests may expect of either."""

import contextlib
import os
import platform
from collections.abc import Iterator

import pytest

from testcluster import Cluster, UnavailableError
from testcluster.choosing import choose, may_skip
from testcluster.images import image_archive
from testcluster.node import running_node


@contextlib.contextmanager
def empty_node() -> Iterator[Cluster]:
    """Start a node where nothing is installed yet, also where the session's cluster was given by KUBECONFIG.

    A machine that can have none skips, but never in continuous integration.
    """
    try:
        choose({}, current_context=None, system=platform.system(), is_root=os.geteuid() == 0)
        with running_node(image_archive()) as node:
            yield node
    except UnavailableError as error:
        if os.environ.get("KUBECONFIG") or may_skip(os.environ):
            pytest.skip(str(error))
        raise


def require_enforced_policies(cluster: Cluster) -> None:
    """Go without network policies only where a person may, and where they are not enforced."""
    if not cluster.enforces_network_policies:
        assert may_skip(os.environ), "this machine's kernel has no NFQUEUE, on which network policies are decided"
        pytest.skip("network policies are not enforced here")
