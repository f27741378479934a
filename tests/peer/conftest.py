"""What these tests share: a real Pulp for the session, galaxies in the test's loop. They run by `make test-peer` alone.

Pulp's installation takes a minute and its start half of one, so nobody pays for it who has not asked for it by the
marker `peer`, or by naming a file in here. A run that has not asked does not collect these tests at all.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from commandline import commands
from serving import serve
from testpulp import Peer, Pulp, running_pulp

__all__ = ["commands", "serve"]

_HERE = Path(__file__).parent
# Of a test whose fixture installs Pulp first, on a slow machine.
_PATIENCE_SECONDS = 1800


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "peer: needs a real Pulp, which is installed from the Python index when missing")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_ours = collection_path.is_relative_to(_HERE)
    return True if is_ours and not _is_asked_for(config) else None


def _is_asked_for(config: pytest.Config) -> bool:
    named = (config.invocation_params.dir / argument.partition("::")[0] for argument in config.args)
    return "peer" in config.option.markexpr or any(path.resolve().is_relative_to(_HERE) for path in named)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.peer)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(_PATIENCE_SECONDS))


@pytest.fixture(scope="session")
def pulp() -> Iterator[Pulp]:
    """One for all tests of a session: each has repositories of its own in it."""
    with running_pulp() as found:
        yield found


@pytest.fixture
async def peer(pulp: Pulp) -> AsyncIterator[Peer]:
    """The administrator's connection to it."""
    async with Peer.connected(pulp) as found:
        yield found
