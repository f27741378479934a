"""Lists of everything: whole and in order however many batches they come in, with nothing held for a slow reader."""

import asyncio
import contextlib
import json
import socket

import pytest

from collectionsync.server import whole_lists
from server.wire import ask, request
from servingmirror import filled, mirror
from syncing import until
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

API = "/default/default/api"
VERSIONS = f"{API}/v3/collection_versions/all/"
COLLECTIONS = f"{API}/v3/collections/all/"
CONTENT = {f"acme.tool{number:02}": ["1.0.0", "1.1.0"] for number in range(12)}


@pytest.fixture
async def content(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database whose lists are read five at a time."""
    monkeypatch.setattr(whole_lists, "BATCH", 5)
    await filled(database, small_catalog(CONTENT))
    return database


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_all_batches_make_one_list(content: str, encoding: str) -> None:
    async with mirror(content) as server:
        versions = await server.json(VERSIONS, Accept_Encoding=encoding)
        collections = await server.json(COLLECTIONS, Accept_Encoding=encoding)
        assert len({item["href"] for item in versions}) == len(versions) == 24
        assert [item["name"] for item in collections] == [f"tool{number:02}" for number in range(12)]
        for item in versions:
            detail = await server.json(item["href"])
            assert {name: detail[name] for name in item} == item
            assert set(detail) - set(item) == {"manifest", "files"}


async def test_who_has_a_list_is_asked_to_load_it_again_when_anything_changed(content: str) -> None:
    async with mirror(content) as server:
        for path in (VERSIONS, COLLECTIONS):
            tag = (await server.get(path)).headers["ETag"]
            assert (await server.get(path, If_None_Match=tag)).status == 304
            await filled(content, small_catalog({**CONTENT, "acme.more": [f"{len(path)}.0.0"]}))
            assert (await server.get(path, If_None_Match=tag)).status == 200


async def test_a_slow_reader_of_a_list_holds_no_session_and_no_budget(content: str) -> None:
    async with mirror(content) as server, contextlib.AsyncExitStack() as stack:
        assert server.server is not None
        parts = server.server
        for _ in range(3 * parts.plan.sessions):
            raw = stack.enter_context(socket.socket())
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", server.port))
            await asyncio.get_running_loop().sock_sendall(raw, request(VERSIONS) * 50)
        await until(lambda: parts.tally.requests["all-versions", "200"] > 0)
        reply = await ask(server.port, VERSIONS)
        assert reply.whole
        assert len(json.loads(reply.body)) == 24
        await until(lambda: parts.budget.in_use == 0)
