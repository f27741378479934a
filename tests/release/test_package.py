"""What `make package` makes of this checkout, as whoever downloads it sees it."""

import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from release.checkout import read
from release.layout import Layout
from release.packaging import Packages, package

from chart.rendering import Chart, only
from collectionsync import __version__
from testcluster.binaries import binaries

ROOT = Path(__file__).parents[2]


def found(packages: Packages, pattern: str) -> Path:
    (path,) = (each for each in packages.files if each.match(pattern))
    return path


@pytest.fixture
def image(packages: Packages) -> Iterator[Layout]:
    layout = Layout(found(packages, f"collectionsync-{__version__}.oci.tar"))
    yield layout
    layout.close()


@pytest.fixture
def components(packages: Packages) -> dict[str, dict[str, Any]]:
    document = json.loads(found(packages, f"collectionsync-{__version__}.cdx.json").read_text())
    return {each["bom-ref"]: each for each in document["components"]}


def test_every_file_is_as_its_checksum_says(packages: Packages) -> None:
    sums = found(packages, "SHA256SUMS")
    run = subprocess.run(
        ["sha256sum", "--check", "--strict", sums.name], cwd=sums.parent, capture_output=True, text=True, check=True
    )
    others = {path.name for path in sums.parent.iterdir()} - {sums.name}
    assert {line.removesuffix(": OK") for line in run.stdout.splitlines()} == others
    assert len(others) == 4


def test_packages_are_the_same_whenever_they_are_made(packages: Packages, tmp_path: Path) -> None:
    again = package(ROOT, tmp_path / "dist", __version__)
    assert found(again, "SHA256SUMS").read_text() == found(packages, "SHA256SUMS").read_text()


def test_the_images_archive_is_whole(image: Layout) -> None:
    assert not list(image.broken_blobs())
    assert image.entry["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert image.manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"


def test_the_image_has_the_name_that_the_chart_asks_for(image: Layout, packages: Packages, tmp_path: Path) -> None:
    packaged = Chart(binaries() / "helm", tmp_path, found(packages, f"collectionsync-{__version__}.tgz"))
    (container,) = only(packaged.render(), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == image.name == f"collectionsync:{__version__}"


def test_the_image_says_where_it_comes_from(image: Layout) -> None:
    checkout = read(ROOT)
    labels = image.config["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.revision"] == checkout.revision
    assert labels["org.opencontainers.image.title"] == "collectionsync"
    assert labels["org.opencontainers.image.created"][:19] == image.config["created"][:19]
    assert "debian" in image.manifest["annotations"]["org.opencontainers.image.base.name"]


def test_the_image_runs_as_nobody_in_particular(image: Layout) -> None:
    assert image.config["config"]["User"] == "65532:65532"
    assert image.config["config"]["Entrypoint"] == ["/opt/collectionsync/bin/collectionsync"]


def test_the_list_of_what_is_in_the_image_keeps_to_its_standard(packages: Packages) -> None:
    text = found(packages, "*.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_everything_that_pip_put_into_the_image_is_listed(components: dict[str, dict[str, Any]]) -> None:
    pinned = dict(
        re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / "requirements/operator.txt").read_text(), re.MULTILINE)
    )
    listed = {
        each["name"].lower().replace("_", "-"): each["version"] for ref, each in components.items() if "==" in ref
    }
    assert {"kopf", "asyncpg"} <= listed.keys()
    assert {name: version for name, version in listed.items() if name != "collectionsync"}.items() <= pinned.items()
    assert listed["collectionsync"] == __version__


@pytest.mark.parametrize("name", ["python3", "libc6", "tzdata"])
def test_everything_that_dpkg_put_into_the_image_is_listed(components: dict[str, dict[str, Any]], name: str) -> None:
    refs = [ref for ref, each in components.items() if each["name"] == name and "arch=source" not in ref]
    (ref,) = (ref for ref in refs if ref.startswith("pkg:deb/debian/"))
    assert components[ref]["version"]


def test_the_wheel_has_every_file_of_the_source(packages: Packages) -> None:
    with zipfile.ZipFile(found(packages, "*.whl")) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("collectionsync/")}
    package_root = ROOT / "operator/collectionsync"
    files = (path for path in package_root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert packed == {path.relative_to(package_root.parent).as_posix() for path in files}
