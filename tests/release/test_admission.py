"""What may be packaged: everything that says of itself what it is."""

from pathlib import Path

import pytest
from release.checkout import Checkout
from release.errors import ReleaseError
from release.packaging import admitted, image_name
from release.versions import drifted

ROOT = Path(__file__).parents[2]
VERSION = "1.2.3"
"""One that the project does not have now."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path, text in drifted(ROOT, VERSION):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {VERSION}\n")
    return tmp_path


def test_a_release_is_packaged(tree: Path) -> None:
    assert admitted(tree, Checkout("c0ffee", 0, (f"v{VERSION}",)), VERSION) == ()


def test_what_is_being_worked_on_is_packaged_and_is_no_release(tree: Path) -> None:
    found = admitted(tree, Checkout("c0ffee", 0, (), ("README.md",)), VERSION)
    assert "no tag v1.2.3" in found[0]
    assert "README.md" in found[1]


@pytest.mark.parametrize("checkout", [Checkout("c0ffee", 0, ("v1.2.3",), ("x",)), Checkout("c0ffee", 0, ("v1.2.2",))])
def test_what_is_called_a_release_and_is_none_is_refused(tree: Path, checkout: Checkout) -> None:
    with pytest.raises(ReleaseError, match="tagged as a release"):
        admitted(tree, checkout, VERSION)


def test_a_release_without_changes_told_is_refused(tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n")
    with pytest.raises(ReleaseError, match=r"CHANGELOG\.md has no section for 1\.2\.3"):
        admitted(tree, Checkout("c0ffee", 0, (f"v{VERSION}",)), VERSION)


def test_a_chart_of_another_version_is_refused(tree: Path) -> None:
    chart = tree / "charts/collectionsync/Chart.yaml"
    chart.write_text(chart.read_text().replace(VERSION, "1.2.2"))
    with pytest.raises(ReleaseError, match=r"Chart\.yaml.*make generate"):
        admitted(tree, Checkout("c0ffee", 0), VERSION)


def test_the_image_is_called_what_the_chart_asks_for() -> None:
    assert image_name(ROOT / "charts/collectionsync", VERSION) == "collectionsync:1.2.3"
