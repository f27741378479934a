"""Our own client and obstore's speak to the same bucket: what one has stored, the other finds."""

import asyncio
from http.client import HTTPSConnection

import pytest

import collectionsync.artifacts.s3
from artifacts.conftest import OBSTORE
from artifacts.content import MIB, blob
from collectionsync.artifacts.store import ArtifactStore
from objectstore import Bucket

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [1, 20])
async def test_one_connection_serves_one_after_the_other(
    s3: Bucket, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = []

    class Counted(HTTPSConnection):
        def connect(self) -> None:
            connected.append(self.host)
            super().connect()

    monkeypatch.setattr(collectionsync.artifacts.s3, "HTTPSConnection", Counted)
    async with ArtifactStore.open(s3.url, s3.settings) as store:
        for content in map(blob, range(number)):
            assert await store.put(content.sha256, content.pieces, content.size)
            assert not await store.put(content.sha256, content.pieces, content.size)
    assert len(connected) == 1


PREFIXES = ["", "/mirror", "/a=b/c+d/e~f", "/it's/(all)/*right*!/a,b/"]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_what_one_has_stored_the_other_finds(s3: Bucket, prefix: str) -> None:
    url = s3.url.removesuffix("/mirror") + prefix
    first, second = blob(1000), blob(6 * MIB)
    async with (
        ArtifactStore.open(url, s3.settings) as ours,
        ArtifactStore.open(url, {**s3.settings, **OBSTORE}) as obstores,
    ):
        assert ours.url == obstores.url
        await asyncio.gather(
            ours.put(first.sha256, first.pieces, first.size), obstores.put(second.sha256, second.pieces, second.size)
        )
        assert await obstores.size(first.sha256) == first.size
        assert await ours.size(second.sha256) == second.size
        assert b"".join([piece async for piece in ours.get(second.sha256)]) == second.data
        assert b"".join([piece async for piece in obstores.get(first.sha256)]) == first.data
