"""A small galaxy and a client for it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from testgalaxy import TestGalaxy, small_catalog


@pytest.fixture
async def galaxy() -> AsyncIterator[TestGalaxy]:
    catalog = small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(12)]})
    async with TestGalaxy(catalog) as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session
