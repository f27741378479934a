"""What clients ask a server for: what installations do, over and over, and now and then what they may not have."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp

from cluster.monitoring.release import TOKEN

_CLIENTS = 3
_PAUSE_SECONDS = 0.1
_READER = {"Authorization": f"Token {TOKEN}"}


@contextlib.asynccontextmanager
async def traffic(url: str, repository: str, *collections: str) -> AsyncIterator[None]:
    """Ask the server at `url` for versions of these collections, named with a slash, as long as the context."""
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as clients:
        client = Client(session, url, f"{url}/{repository}/api/")
        running = [clients.create_task(client.install(collections, first)) for first in range(_CLIENTS)]
        yield
        for each in running:
            each.cancel()


class Answer(NamedTuple):
    """What a client is told."""

    body: bytes
    etag: str


class Client:
    """Asks as ansible-galaxy does, and tells whether it was answered as it should have been."""

    def __init__(self, session: aiohttp.ClientSession, url: str, root: str) -> None:
        self._session = session
        self._url = url
        self._root = root

    async def install(self, collections: tuple[str, ...], first: int) -> None:
        """Install versions until cancelled, the `first` of each collection and the ones that follow it."""
        for index in itertools.count(first):
            await self._gets(200, self._root)
            for collection in collections:
                await self._install(f"{self._root}v3/collections/{collection}/", index % 20)
            content = f"{self._root}v3/plugin/ansible/content/default/collections/artifacts"
            await self._gets(404, f"{content}/community-crypto-{index}.0.0.tar.gz")
            await self._gets(401, self._root, headers={})
            await self._gets(404, f"{self._url}/nowhere")

    async def _install(self, collection: str, index: int) -> None:
        known = {**_READER, "If-None-Match": (await self._gets(200, collection)).etag}
        await self._gets(304, collection, headers=known)
        listed = json.loads((await self._gets(200, f"{collection}versions/?limit=100")).body)
        chosen = listed["data"][index]["version"]
        await self._gets(200, f"{collection}versions/{chosen}/")
        await self._gets(200, f"{collection}versions/{chosen}/docs-blob/")

    async def _gets(self, status: int, url: str, *, headers: dict[str, str] = _READER) -> Answer:
        """Ask, and read the answer, which has to have this status."""
        await asyncio.sleep(_PAUSE_SECONDS)
        async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
            body = await answer.read()
            assert answer.status == status, f"GET {url}: {answer.status} {body[:500]!r}"
            return Answer(body, answer.headers.get("ETag", ""))
