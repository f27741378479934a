"""A mirror as clients find it: what the real sync has put into PostgreSQL and a folder, served by the real command."""

import contextlib
import http.client
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collectionsync.artifacts.store import ArtifactStore
from collectionsync.report import Result
from commandline import COLLECTIONSYNC
from syncing import PATIENCE_SECONDS, manifest, sync
from testgalaxy import Catalog, TestGalaxy

NAMESPACE = "default"
"""The Kubernetes namespace whose repositories everybody may read."""
CLOSED = "closed"
"""The one that takes a token, or a name and a password."""
TOKEN = "f3b1c8e7a5d94f02"
USER = ("reader", "pass:word 2")
READERS = {NAMESPACE: "*\n", CLOSED: f"{TOKEN}\n{':'.join(USER)}\n"}
"""The Secret that says so."""

_POLL_SECONDS = 0.02
_SERVING = re.compile(r"serving at http://(\S+)")


@dataclass(frozen=True)
class Store:
    """What the sync has filled: a database, and a store of artifacts with its settings."""

    database: str
    artifacts: str
    settings: Mapping[str, str] = field(default_factory=dict)

    async def publish(
        self, source: TestGalaxy | Catalog, repository: str, *, namespace: str = NAMESPACE, **spec: Any
    ) -> None:
        """Mirror all that a galaxy has, with its artifacts unless the spec says otherwise."""
        async with contextlib.AsyncExitStack() as stack:
            # In its layout with redirects a Pulp has no artifact of a version with build metadata.
            if isinstance(source, Catalog):
                source = await stack.enter_async_context(TestGalaxy(source, redirects=False))
            asked: dict[str, Any] = {"all": True, "contentPolicy": "Full", "target": {"repository": repository}, **spec}
            opened = ArtifactStore.open(self.artifacts, self.settings)
            store = await stack.enter_async_context(opened) if asked["contentPolicy"] == "Full" else None
            ended = await sync(manifest(source.url, namespace=namespace, **asked), self.database, artifacts=store)
            assert ended.result is Result.SUCCEEDED, ended


def write_secret(folder: Path, name: str, keys: Mapping[str, str]) -> None:
    """Write a Secret below the folder that `--secrets` names."""
    (folder / name).mkdir(parents=True)
    for key, text in keys.items():
        (folder / name / key).write_text(text)


@contextlib.contextmanager
def served(store: Store, *options: str | Path, path: str = "/readyz") -> Iterator[str]:
    """Run `collectionsync serve` from when it answers `path` with 200 until the end of the block; its origin."""
    places = ("--database", store.database, "--artifacts", store.artifacts)
    with tempfile.NamedTemporaryFile() as log:
        process = subprocess.Popen(
            [COLLECTIONSYNC, "serve", "--listen", "127.0.0.1:0", *places, *options],
            stdin=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            yield _ready(process, path, Path(log.name))
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            finally:
                process.kill()


def _ready(process: "subprocess.Popen[bytes]", path: str, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ((serving := _SERVING.search(log.read_text())) and _answers(serving[1], path)):
        assert process.poll() is None, f"serve ended with {process.returncode}: {log.read_text()}"
        assert time.monotonic() < deadline, f"{path} gave no 200: {log.read_text()}"
        time.sleep(_POLL_SECONDS)
    return f"http://{serving[1]}"


def _answers(address: str, path: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
