"""Galaxies in the test's own loop, so that their logs of requests and their faults are at hand."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from syncing import stored_versions, until
from testgalaxy import Catalog, Fault, TestGalaxy, kind
from testgalaxy.wirefaults import hold

Serve = Callable[..., Awaitable[TestGalaxy]]

_ASKED = re.compile(r"/([a-z0-9_]+)/([a-z0-9_]+)/versions/([^/?]+)/(?:docs-blob/)?$")


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a galaxy with a catalog and TestGalaxy's options; all stop with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(catalog: Catalog, **options: Any) -> TestGalaxy:
            return await stack.enter_async_context(TestGalaxy(catalog, **options))

        yield start


def fetched(galaxy: TestGalaxy) -> set[str]:
    """The versions (`namespace.name version`) whose detail or docs were asked for."""
    found = (_ASKED.search(request.path) for request in galaxy.requests)
    return {f"{match[1]}.{match[2]} {match[3]}" for match in found if match}


@dataclass(frozen=True)
class Hold:
    """A galaxy that answers for the docs of `count` versions and keeps the rest waiting, until it is let go.

    So a run comes to a stand at a point that is known exactly, however fast or slow the machine is.
    """

    galaxy: TestGalaxy
    count: int
    fault: Fault
    released: asyncio.Event

    async def reached(self, database: str) -> None:
        """Wait until everything that was answered is stored."""

        async def stored() -> bool:
            return await stored_versions(database) == self.count

        await until(stored, f"the storing of {self.count} versions")

    def release(self) -> None:
        """Answer what waits, and hold nothing from now on."""
        self.galaxy.faults.remove(self.fault)
        self.released.set()


def hold_after(galaxy: TestGalaxy, count: int) -> Hold:
    """Let a run store `count` versions and then wait."""
    released = asyncio.Event()
    return Hold(galaxy, count, galaxy.faults.add(Fault(kind("docs"), hold(released), after=count)), released)
