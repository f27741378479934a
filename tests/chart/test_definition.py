"""The CustomResourceDefinition in the chart is the one that the structs make."""

import yaml

from chart.rendering import CHART, ROOT, Chart, of, only

GENERATED = ROOT.joinpath("crds", "collectionsync.yaml").read_text()


def test_the_chart_has_the_generated_file() -> None:
    assert CHART.joinpath("files", "crd.yaml").read_text() == GENERATED, "run `make generate`"


def test_helm_changes_nothing_but_its_labels_and_annotations(chart: Chart) -> None:
    rendered = only(chart.render(), "CustomResourceDefinition")
    del rendered["metadata"]["labels"], rendered["metadata"]["annotations"]
    assert rendered == yaml.safe_load(GENERATED)


def test_it_outlives_the_release_unless_told_otherwise(chart: Chart) -> None:
    kept = only(chart.render(), "CustomResourceDefinition")
    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    given_up = only(chart.render(crds={"keep": False}), "CustomResourceDefinition")
    assert "annotations" not in given_up["metadata"]


def test_it_can_be_left_to_another_release(chart: Chart) -> None:
    assert of(chart.render(crds={"enabled": False}), "CustomResourceDefinition") == []
