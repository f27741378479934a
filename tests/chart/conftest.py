"""Helm, and the chart that it renders."""

import pytest

from chart.rendering import Chart
from testcluster.binaries import binaries

BUILD_SECONDS = 3600.0


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    """The chart, with the helm that the test cluster is driven by."""
    return Chart(binaries() / "helm", tmp_path_factory.mktemp("helm"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run helm: where it is not there yet, the first of them waits for Go to build it."""
    for item in items:
        if "chart" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))
