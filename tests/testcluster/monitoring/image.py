"""One image for all of it: Debian's Prometheus, and prometheus-operator's two programs."""

import sys
from pathlib import Path

from testcluster.caching import built, digest
from testcluster.images import BASE_IMAGE, build_image
from testcluster.monitoring.programs import SOURCE, programs, programs_digest

IMAGE = "collectionsync.test/monitoring:test"

_DOCKERFILE = SOURCE / "Dockerfile"


def image_archive() -> Path:
    """The docker-archive of the image by the name `IMAGE`; built if need be."""
    key = digest(SOURCE, [_DOCKERFILE], programs_digest(), IMAGE, BASE_IMAGE)
    return built("monitoring-image", key, _build) / "image.tar"


def _build(folder: Path) -> None:
    root = programs()
    print("building the image with Prometheus", file=sys.stderr, flush=True)  # noqa: T201
    build_image(root, _DOCKERFILE, IMAGE, folder / "image.tar")
