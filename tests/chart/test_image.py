"""The image that the chart runs: what its Dockerfile says and what it is made of."""

import re

import pytest
import yaml

from chart.rendering import CHART, ROOT, Chart, only
from collectionsync import __version__

DOCKERFILE = ROOT.joinpath("Dockerfile").read_text()


def pins(name: str) -> dict[str, str]:
    """Return what a file of requirements pins, with its markers."""
    text = ROOT.joinpath("requirements", f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def test_project_image_and_chart_are_of_one_version() -> None:
    about = yaml.safe_load(CHART.joinpath("Chart.yaml").read_text())
    (label,) = re.findall(r'org\.opencontainers\.image\.version="([^"]*)"', DOCKERFILE)
    assert {about["version"], about["appVersion"], label} == {__version__}


def test_the_image_has_what_was_tested() -> None:
    assert pins("operator").items() <= pins("dev").items()


@pytest.mark.parametrize("package", ["kopf", "kubernetes", "cronsim", "aiohttp", "asyncpg"])
def test_the_image_has_what_operator_and_worker_need(package: str) -> None:
    assert package in pins("operator")


def test_the_image_runs_as_the_user_that_the_chart_names(chart: Chart) -> None:
    (user,) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    context = only(chart.render(), "Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert user == (str(context["runAsUser"]), str(context["runAsGroup"]))


def test_the_image_can_be_built_on_another_debian() -> None:
    assert DOCKERFILE.count("FROM ${BASE_IMAGE}") == len(re.findall(r"^FROM ", DOCKERFILE, re.MULTILINE))
