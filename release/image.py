"""The image: what the Dockerfile says, with labels that say which commit it is, as an OCI archive.

The labels are a second, tiny build on top of the first: so all layers are those that tests have run, and they are taken
from the builder's cache where nothing has changed.
"""

import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from release.archives import settle
from release.checkout import Checkout
from release.errors import ReleaseError
from testcluster.images import BASE_IMAGE, Buildah, builder

_UNLABELLED = "localhost/collectionsync:unlabelled"


def labels(checkout: Checkout, version: str) -> dict[str, str]:
    """What the image says about its origin, besides what its Dockerfile says of it."""
    return {
        "org.opencontainers.image.created": datetime.fromtimestamp(checkout.committed, UTC).isoformat(),
        "org.opencontainers.image.revision": checkout.revision,
        "org.opencontainers.image.version": version,
    }


def write_image(root: Path, target: Path, name: str, checkout: Checkout, version: str, *, base: str = "") -> None:
    """Build the image of `root` and write it to `target` under this name and tag.

    It is built on `base`, or else on a Debian that is made here of Debian's signed packages. Raises ReleaseError where
    this machine cannot build it, and ClusterError where the build fails.
    """
    if os.geteuid() != 0:
        raise ReleaseError("The image is built by buildah as root: run `make package` as root, on Debian or Ubuntu.")
    base = base or BASE_IMAGE
    with builder() as buildah, tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        archive = Path(scratch, "image.tar")
        buildah.build(root, root / "Dockerfile", _UNLABELLED, base=base)
        _label(buildah, Path(scratch), name, labels(checkout, version), base=base, time=checkout.committed)
        buildah.run("push", f"localhost/{name}", f"oci-archive:{archive}:{name}")
        settle(archive, target, time=checkout.committed)


def labelling(image: str, labels: Mapping[str, str]) -> str:
    """A Dockerfile that gives labels to an image."""
    return f"FROM {image}\nLABEL " + " ".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "\n"


def _label(buildah: Buildah, folder: Path, name: str, labels: Mapping[str, str], *, base: str, time: int) -> None:
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(labelling(_UNLABELLED, labels))
    command = ["build", "--no-cache", "--layers", "--pull-never", "--timestamp", str(time), "--file", str(dockerfile)]
    digest = buildah.run("inspect", "--type", "image", "--format", "{{.FromImageDigest}}", base)
    for key, value in (("name", base), ("digest", digest)):  # else it would be the image without labels
        command += ["--annotation", f"org.opencontainers.image.base.{key}={value}"]
    buildah.run(*command, "--tag", f"localhost/{name}", str(folder))
