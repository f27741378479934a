"""A server with some content, as the real process, for tests that only look at how it answers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from commandline import Commands
from postgres import fresh_database
from server.wire import Reply, ask
from servingmirror import enlarge, filled, mirror_process
from testgalaxy import small_catalog

API = "/default/default/api"
PLUGIN = f"{API}/v3/plugin/ansible/content/default"
ALPHA = f"{API}/v3/collections/acme/alpha"
DETAIL = f"{ALPHA}/versions/1.0.0/"
DOCS = f"{DETAIL}docs-blob/"
DOCS_BYTES = 200_000
VERSIONS = [f"1.{minor}.0" for minor in range(12)]


@dataclass(frozen=True)
class Shown:
    """A server on `port` of loopback, with acme.alpha in VERSIONS, acme.beta, and other.gamma 1.0.0+build.7."""

    port: int

    async def ask(self, target: str, *headers: str, method: str = "GET") -> Reply:
        """Ask over a connection of its own."""
        return await ask(self.port, target, *headers, method=method)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shown(postgres_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    """One process for all tests that only ask."""
    content = {"acme.alpha": VERSIONS, "acme.beta": ["2.0.0"], "other.gamma": ["1.0.0+build.7"]}
    with fresh_database(postgres_uri) as database:
        await filled(database, small_catalog(content))
        await enlarge(database, "docs_blob", DOCS_BYTES)
        commands = Commands(tmp_path_factory.mktemp("shown"))
        async with mirror_process(commands, database, "--default-repository", "default/default") as server:
            yield Shown(server.port)
