"""The dashboards are a package at the root, beside what is installed; promtool comes out of a package of Debian's."""

import os
import sys
from pathlib import Path

import pytest

from testcluster import UnavailableError
from testcluster.choosing import may_skip
from testcluster.packages import unpacked

sys.path.append(str(Path(__file__).parents[2]))


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' own tool; a machine that can have none skips, but never in continuous integration."""
    try:
        return unpacked() / "usr/bin/promtool"
    except UnavailableError as error:
        if may_skip(os.environ):
            pytest.skip(str(error))
        raise
