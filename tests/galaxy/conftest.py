"""A small galaxy in the layout of a real Pulp, and somebody who watches the wire."""

from collections.abc import AsyncIterator

import pytest

from galaxy.wire import Recorder
from testgalaxy import TestGalaxy, small_catalog


@pytest.fixture
async def galaxy() -> AsyncIterator[TestGalaxy]:
    catalog = small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(12)], "acme.other": ["1.0.0"]})
    async with TestGalaxy(catalog) as server:
        yield server


@pytest.fixture
def watcher() -> Recorder:
    return Recorder()
