"""The chart's rules as helm renders them, and Prometheus' own promtool to evaluate them."""

from pathlib import Path

import pytest
import yaml

from alerts.promtool import RUNBOOKS, Rules
from alerts.series import OPERATORS_NAMESPACE
from chart.rendering import Chart, only
from testcluster.binaries import binaries

BUILD_SECONDS = 3600.0


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of rules: what the chart's PrometheusRule specifies."""
    chart = Chart(binaries() / "helm", tmp_path_factory.mktemp("helm"))
    enabled = {"enabled": True, "runbookUrl": RUNBOOKS}
    monitoring = {"ifMissing": "render", "prometheusRule": enabled}
    objects = chart.render(namespace=OPERATORS_NAMESPACE, monitoring=monitoring, server={"enabled": True})
    spec = only(objects, "PrometheusRule")["spec"]
    file = tmp_path_factory.mktemp("rules") / "rules.yaml"
    file.write_text(yaml.safe_dump(spec))
    return file


@pytest.fixture
def rules(promtool: Path, rendered: Path, tmp_path: Path) -> Rules:
    """The rules to be asked."""
    (group,) = yaml.safe_load(rendered.read_text())["groups"]
    return Rules(promtool, rendered, frozenset(rule["alert"] for rule in group["rules"]), tmp_path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run promtool: the first of them may wait for it, and for helm to be built."""
    for item in items:
        if "rules" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))
