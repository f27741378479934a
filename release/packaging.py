"""All that a release consists of, made in one go: afterwards the folder has the whole of it, or what it had before."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from release.chart import write_chart
from release.checkout import Checkout, obstacles, read
from release.checksums import write_checksums
from release.errors import ReleaseError
from release.image import write_image
from release.sbom import write_sbom
from release.versions import check, drifted
from release.wheel import write_wheel

CHART = Path("charts/collectionsync")


@dataclass(frozen=True)
class Packages:
    """What was made, and what keeps it from being a release, if anything does."""

    files: tuple[Path, ...]
    obstacles: tuple[str, ...]


def package(root: Path, target: Path, version: str, *, base: str = "") -> Packages:
    """Package the checkout `root` into the folder `target`, whose earlier packages are replaced.

    `base` is the image that the project's is built on; see write_image. Raises ReleaseError where the commit is tagged
    as a release and is none, or where the files of the checkout are not of this version, and ClusterError where
    something cannot be built.
    """
    checkout = read(root)
    found = admitted(root, checkout, version)
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".packaging-", dir=target) as scratch:
        made = _make(root, Path(scratch), checkout, version, base)
        for old in (*target.glob("collectionsync-*"), *target.glob("SHA256SUMS")):
            old.unlink()
        return Packages(tuple(path.rename(target / path.name) for path in made), found)


def admitted(root: Path, checkout: Checkout, version: str) -> tuple[str, ...]:
    """What keeps the checkout from being a release. Raises ReleaseError where it must not be packaged at all."""
    check(version)
    if files := ", ".join(str(path.relative_to(root)) for path, _ in drifted(root, version)):
        raise ReleaseError(f"{files}: not of version {version}. Run `make generate` and commit.")
    found = tuple(obstacles(checkout, version, (root / "CHANGELOG.md").read_text()))
    if checkout.is_release and found:
        raise ReleaseError(f"The commit is tagged as a release ({', '.join(checkout.tags)}), but {'; '.join(found)}.")
    return found


def image_name(chart: Path, version: str) -> str:
    """The image's name and tag, as the chart asks for it."""
    return f"{yaml.safe_load((chart / 'values.yaml').read_text())['image']['repository']}:{version}"


def _make(root: Path, folder: Path, checkout: Checkout, version: str, base: str) -> list[Path]:
    name, time = f"collectionsync-{version}", checkout.committed
    image, chart, sbom = (folder / f"{name}{suffix}" for suffix in (".oci.tar", ".tgz", ".cdx.json"))
    write_chart(root / CHART, chart, time=time)
    wheel = write_wheel(root, folder, time=time)
    write_image(root, image, image_name(root / CHART, version), checkout, version, base=base)
    write_sbom(image, sbom, version=version, time=time)
    made = [image, chart, wheel, sbom]
    return [*made, write_checksums(folder, made)]
