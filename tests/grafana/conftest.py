"""promtool, out of a package of Debian's."""

import os
from pathlib import Path

import pytest

from testcluster import UnavailableError
from testcluster.choosing import may_skip
from testcluster.packages import unpacked


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' own tool; a machine that can have none skips, but never in continuous integration."""
    try:
        return unpacked() / "usr/bin/promtool"
    except UnavailableError as error:
        if may_skip(os.environ):
            pytest.skip(str(error))
        raise
