"""A server that tests may send anything to: the real process, which has to live through all of it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection

import pytest
import pytest_asyncio

from collectionsync.artifacts.store import ArtifactStore
from commandline import Commands, Running
from postgres import fresh_database
from server.wire import Reply, ask
from servingmirror import filled, mirror_process
from testgalaxy import small_catalog

API = "/default/default/api"
COLLECTIONS = f"{API}/v3/collections"
VERSIONS = f"{COLLECTIONS}/acme/alpha/versions"
DETAIL = f"{VERSIONS}/1.0.0/"
ARTIFACTS = f"{API}/v3/plugin/ansible/content/default/collections/artifacts"
ARTIFACT = f"{ARTIFACTS}/acme-alpha-1.0.0.tar.gz"


def shown(sent: object) -> str:
    """What a test is called by that sends this."""
    return repr(sent)[:60]


@dataclass(frozen=True)
class Attacked:
    """A server on `port` of loopback, which has acme.alpha 1.0.0 and 1.1.0 with their artifacts."""

    port: int
    process: Running

    async def ask(self, target: str | bytes, *headers: str, method: str = "GET") -> Reply:
        """Send a request's head as it is, over a connection of its own, and read the answer."""
        return await ask(self.port, target, *headers, method=method)

    def is_sane(self) -> bool:
        """Whether it answers, and has met nothing that nobody foresaw."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", DETAIL)
        status = connection.getresponse().status
        connection.close()
        return status == 200 and "Traceback" not in self.process.err and "ERROR" not in self.process.err


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def attacked_process(postgres_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Attacked]:
    """One process for all tests that do no more than talk to it."""
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "artifacts").mkdir()
    artifacts = (folder / "artifacts").as_uri()
    store = ArtifactStore.open(artifacts, {})
    commands = Commands(folder)
    with fresh_database(postgres_uri) as database:
        await filled(database, small_catalog({"acme.alpha": ["1.0.0", "1.1.0"]}), artifacts=store, contentPolicy="Full")
        await store.close()
        async with mirror_process(commands, database, "--artifacts", artifacts) as server:
            assert server.process is not None
            yield Attacked(server.port, server.process)


@pytest.fixture
def attacked(attacked_process: Attacked) -> Iterator[Attacked]:
    """The same, looked at after each test."""
    yield attacked_process
    assert attacked_process.is_sane(), attacked_process.process.err[-5000:]
