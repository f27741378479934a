"""A real object store that pods reach, as one outside of the cluster is reached."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from cluster.relay import relayed
from objectstore import Bucket, ObjectServer
from objectstore.program import program


@contextlib.asynccontextmanager
async def bucket_for_pods(host: str, folder: Path) -> AsyncIterator[Bucket]:
    """Start a server whose data lies in `folder`; a bucket of it, with the settings of pods on the node at `host`."""
    with ObjectServer(program(), folder) as server:
        port = urlsplit(server.endpoint).port
        assert port is not None
        async with relayed(host, port) as reached:
            made = server.bucket()
            yield replace(made, settings={**made.settings, "aws_endpoint": f"http://{host}:{reached}"})
