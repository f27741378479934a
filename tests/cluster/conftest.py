"""A real Kubernetes for every test below this folder, which all have the marker `cluster`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from operating import bare_tenant, database_server, galaxy_for_pods, operator, other_tenant, tenant
from testcluster import Cluster
from testcluster.starting import NoClusterError, chosen_cluster

__all__ = ["bare_tenant", "database_server", "galaxy_for_pods", "operator", "other_tenant", "tenant"]

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a cluster: all that lies here."""
    for item in items:
        if item.path.is_relative_to(_FOLDER):
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster of this session; a machine that can have none skips, but never in continuous integration."""
    try:
        with chosen_cluster() as started:
            yield started
    except NoClusterError as error:
        if error.fails:
            pytest.fail(str(error))
        pytest.skip(str(error))
