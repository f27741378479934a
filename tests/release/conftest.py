"""What a release consists of, really made, once for all tests that look at it."""

import os
import platform
from pathlib import Path

import pytest
from release.errors import NoCheckoutError
from release.packaging import Packages, package

from collectionsync import __version__
from testcluster import UnavailableError
from testcluster.choosing import choose, may_skip

ROOT = Path(__file__).parents[2]
BUILD_SECONDS = 3600.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what packages: where nothing is in the cache yet, the first of them waits for helm and the image."""
    for item in items:
        if "packages" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The packages of this checkout; a machine that cannot build images skips, but never in continuous integration."""
    try:
        # What a node needs is what building an image needs: Linux and root, and packages of Debian's.
        choose({}, current_context=None, system=platform.system(), is_root=os.geteuid() == 0)
        return package(ROOT, tmp_path_factory.mktemp("dist"), __version__)
    except (UnavailableError, NoCheckoutError) as error:
        if may_skip(os.environ):
            pytest.skip(str(error))
        raise
