"""A real Kubernetes for every test below this folder, which all have the marker `cluster`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from testcluster import Cluster, UnavailableError
from testcluster.choosing import may_skip
from testcluster.starting import chosen_cluster, make_ready

_FOLDER = Path(__file__).parent
_UNREADY = pytest.StashKey[Exception]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a cluster: all that lies here."""
    for item in items:
        if item.path.is_relative_to(_FOLDER):
            item.add_marker("cluster")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build what is not in the cache yet before any test's time runs; what fails here, the fixture tells."""
    if session.config.option.collectonly or not any(item.get_closest_marker("cluster") for item in session.items):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        try:
            make_ready()
        except Exception as error:
            session.stash[_UNREADY] = error


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The cluster of this session; a machine that can have none skips, but never in continuous integration."""
    try:
        unready = request.session.stash.get(_UNREADY, None)
        if unready is not None:
            raise unready
        with chosen_cluster() as started:
            yield started
    except UnavailableError as error:
        if may_skip(os.environ):
            pytest.skip(str(error))
        raise
