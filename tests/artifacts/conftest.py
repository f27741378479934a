"""Every kind of store that there is: a folder, and a bucket of a real S3 server by each way to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from artifacts.odd_servers import serve
from collectionsync.artifacts.store import ArtifactStore
from objectstore import Bucket, ObjectServer
from objectstore.fixtures import (
    plain_s3,
    plain_s3_server,
    pytest_runtestloop,
    s3,
    s3_program,
    s3_server,
    start_s3,
)

__all__ = ["plain_s3", "plain_s3_server", "pytest_runtestloop", "s3", "s3_program", "s3_server", "serve", "start_s3"]

OBSTORE = {"connect_timeout": "5s"}
"""A setting that changes nothing but the way: what is not ours alone is obstore's."""


_ON_A_SERVER = [pytest.param(name, marks=pytest.mark.slow) for name in ("s3 over TLS", "s3 over HTTP", "s3 by obstore")]


@pytest.fixture(params=["folder", *_ON_A_SERVER])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """An empty store's place."""
    if request.param == "folder":
        folder = tmp_path / "artifacts" / "of this test"
        return Bucket(folder.as_uri(), {}, folder)
    plain = request.param == "s3 over HTTP"
    server: ObjectServer = request.getfixturevalue("plain_s3_server" if plain else "s3_server")
    made = server.bucket()
    settings = {**made.settings, **(OBSTORE if request.param == "s3 by obstore" else {})}
    return Bucket(made.url, settings, made.folder)


@pytest.fixture
async def store(bucket: Bucket) -> AsyncIterator[ArtifactStore]:
    """An empty store that has been checked."""
    async with ArtifactStore.open(bucket.url, bucket.settings) as opened:
        await opened.check()
        yield opened


@pytest.fixture(params=["ours", "obstore"])
def way(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings that make a bucket be spoken to by our own client, and by obstore's."""
    return OBSTORE if request.param == "obstore" else {}
