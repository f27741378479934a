"""A real Prometheus for tests of a cluster, as long as the session lasts, and its promtool for tests without one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from testcluster import Cluster, UnavailableError
from testcluster.choosing import may_skip
from testcluster.monitoring import Prometheus, installed, make_ready
from testcluster.packages import unpacked

_NEEDING = {"monitoring_kinds", "new_cluster", "prometheus"}
"""The fixtures that need something of it."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build what is not in the cache yet before any test's time runs; what fails here fails in the fixture again."""
    items = [item for item in session.items if isinstance(item, pytest.Function)]
    if session.config.option.collectonly or not any(_NEEDING & set(item.fixturenames) for item in items):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), contextlib.suppress(Exception):
        make_ready()


@pytest.fixture(scope="session")
def prometheus(cluster: Cluster) -> Iterator[Prometheus]:
    """Prometheus, which takes in each ServiceMonitor, PodMonitor and PrometheusRule that has its label.

    Where the machine can have none, tests are skipped, but never in continuous integration.
    """
    try:
        with installed(cluster) as started:
            yield started
    except UnavailableError as error:
        if may_skip(os.environ):
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' tool, out of a package; a machine that can have none skips, but never in continuous integration."""
    try:
        return unpacked() / "usr/bin/promtool"
    except UnavailableError as error:
        if may_skip(os.environ):
            pytest.skip(str(error))
        raise
