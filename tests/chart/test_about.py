"""What Chart.yaml tells those who look for charts: https://artifacthub.io/docs/topics/annotations/helm/."""

import json
from typing import Any

import yaml

from chart.rendering import CHART, Chart, only, operator_container
from collectionsync import manifest

ABOUT = yaml.safe_load(CHART.joinpath("Chart.yaml").read_text())


def told(name: str) -> Any:
    """What an annotation holds."""
    return yaml.safe_load(ABOUT["annotations"][f"artifacthub.io/{name}"])


def test_the_images_are_those_that_are_run(chart: Chart) -> None:
    objects = chart.render(database={"bundled": {"enabled": True}})
    database = only(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert {each["name"]: each["image"] for each in told("images")} == {
        "collectionsync": operator_container(objects)["image"],
        "postgresql": database,
    }


def test_the_definition_is_the_one_that_is_installed(chart: Chart) -> None:
    (definition,) = told("crds")
    spec = only(chart.render(), "CustomResourceDefinition")
    assert definition["name"] == spec["metadata"]["name"]
    assert (definition["kind"], definition["version"]) == (
        spec["spec"]["names"]["kind"],
        spec["spec"]["versions"][0]["name"],
    )


def test_the_examples_are_manifests_that_are_accepted() -> None:
    for example in told("crdsExamples"):
        manifest.load(json.dumps(example).encode())
