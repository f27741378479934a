"""Our own mirror as the source of a Pulp: a galaxy, what ours has synced of it, and the command that serves that."""

import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectionsync.artifacts.store import ArtifactStore
from commandline import Commands
from servingmirror import Mirror, metrics_url, mirror_process
from syncing import Ended, manifest, sync
from testgalaxy import TestGalaxy

_COUNTED = re.compile(r'^collectionsync_server_requests_total\{code="(\d+)",route="([^"]+)"\} (\S+)$', re.MULTILINE)
SECRETS = "access"
"""The name of the Secret that says who may read, where one is given."""


@dataclass
class Upstream:
    """A mirror that is served. Of a galaxy that changes, it knows what it was told by the last refresh()."""

    galaxy: TestGalaxy
    database: str
    server: Mirror
    store: ArtifactStore
    spec: dict[str, Any]

    @property
    def url(self) -> str:
        """The root of its Galaxy API."""
        return f"{self.server.url}{self.server.api}/"

    async def refresh(self, **spec: Any) -> Ended:
        """Sync again."""
        return await _synced(self.galaxy, self.database, self.store, {**self.spec, **spec})

    async def published(self) -> str:
        """When it last changed, as it says."""
        return str((await self.server.json(f"{self.server.api}/v3/"))["published"])

    async def asked(self) -> Counter[str]:
        """How often it was asked, by route; a route that ever answered with an error has the code in its name."""
        assert self.server.process is not None
        async with self.server.client.get(metrics_url(self.server.process)) as answer:
            text = await answer.text()
        found: Counter[str] = Counter()
        for code, route, count in _COUNTED.findall(text):
            found[route if code == "200" else f"{route} {code}"] += int(float(count))
        return found


@contextlib.asynccontextmanager
async def upstream(
    galaxy: TestGalaxy, commands: Commands, database: str, folder: Path, *, access: str | None = None, **spec: Any
) -> AsyncIterator[Upstream]:
    """Mirror all of a galaxy with artifacts, and serve it; `access` is a line of the Secret that says who may read."""
    store = ArtifactStore.open((folder / "artifacts").as_uri(), {})
    chosen = {"all": True, "mirror": True, "contentPolicy": "Full", **spec}
    ended = await _synced(galaxy, database, store, chosen)
    assert ended.skipped == {}
    arguments: list[str | Path] = ["--artifacts", (folder / "artifacts").as_uri(), "--metrics-address", "127.0.0.1:0"]
    if access is not None:
        secret = folder / "secrets" / SECRETS
        secret.mkdir(parents=True)
        (secret / "_all").write_text(access)
        arguments += ["--secrets", secret.parent, "--access-secret", SECRETS]
    async with mirror_process(commands, database, *arguments) as server:
        yield Upstream(galaxy, database, server, store, chosen)


async def _synced(galaxy: TestGalaxy, database: str, store: ArtifactStore, spec: dict[str, Any]) -> Ended:
    artifacts = store if spec["contentPolicy"] == "Full" else None
    ended = await sync(manifest(galaxy.url, **spec), database, artifacts=artifacts)
    assert ended.code == 0, ended.outcome
    return ended
