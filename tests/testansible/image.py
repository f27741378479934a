"""`ansible-galaxy` as an image, for pods of the test cluster."""

import os
import sys
from pathlib import Path

from testansible.debian_python import debian_python
from testansible.installing import NEWEST, installed, pinned, requirements
from testcluster import Cluster, UnavailableError
from testcluster.caching import built, digest
from testcluster.images import BASE_IMAGE, build_image

IMAGE = f"collectionsync.test/ansible-core:{pinned(NEWEST)}"
"""The image's name, once it is loaded. Its entrypoint is `ansible-galaxy`, and its user 65532."""

_DOCKERFILE = Path(__file__).with_name("Dockerfile")
_GIVEN = "COLLECTIONSYNC_TEST_ANSIBLE_IMAGE"


def ansible_image(cluster: Cluster) -> str:
    """Make the newest `ansible-galaxy` known to the cluster, as the entrypoint of an image; its name.

    Raises:
        UnavailableError: the cluster was given, and it is not said which image its nodes have; or there is no Debian
            here to build one with.
    """
    if cluster.ctr:
        cluster.load_image(IMAGE, ansible_archive())
        return IMAGE
    given = os.environ.get(_GIVEN)
    if not given:
        raise UnavailableError(
            f"To install collections within a cluster that was given, set {_GIVEN} (an image that its nodes have, with "
            "ansible-galaxy as its entrypoint)."
        )
    return given


def ansible_archive() -> Path:
    """The docker-archive of the image by the name `IMAGE`; built if need be."""
    files = [_DOCKERFILE, requirements(NEWEST)]
    return built("ansible-image", digest(_DOCKERFILE.parent, files, IMAGE, BASE_IMAGE), _build) / "image.tar"


def _build(folder: Path) -> None:
    print("building ansible-core's image", file=sys.stderr, flush=True)  # noqa: T201
    build_image(installed(NEWEST, debian_python()), _DOCKERFILE, IMAGE, folder / "image.tar")
