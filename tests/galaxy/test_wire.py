"""What the worker says to a source, what it keeps of what the source says, and what a source can do to it."""

import asyncio
import re
from socket import SO_RCVBUF, SOL_SOCKET

import pytest
from yarl import URL

import collectionsync
from collectionsync.galaxy import route
from collectionsync.galaxy.errors import GalaxyError
from galaxy.wire import (
    LIMIT,
    QUICK,
    Collected,
    Recorder,
    answered,
    connected,
    redirected,
    scripted,
    sockets_to,
    transport_to,
)
from testgalaxy import Fault, TestGalaxy, kind, small_catalog, wirefaults


async def test_requests_say_who_asks_and_that_gzip_is_understood(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url):
        pass
    headers = galaxy.requests.entries[0].headers
    assert headers["User-Agent"] == f"collectionsync/{collectionsync.__version__}"
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["Accept"] == "application/json"


async def test_other_kinds_of_content_can_be_asked_for(galaxy: TestGalaxy) -> None:
    async with transport_to(galaxy.url) as transport:
        await transport.get("root", URL(galaxy.url), Collected(), limit=LIMIT, accept="image/*")
    assert galaxy.requests.entries[0].headers["Accept"] == "image/*"


@pytest.mark.parametrize("kind_of_content", ["image/png", "text/html; charset=utf-8", "no kind at all", ""])
async def test_the_kind_of_content_is_told_as_it_came_and_from_where(kind_of_content: str) -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: 2\r\n\r\n{}" % kind_of_content.encode()
    async with scripted(redirected("/there"), body) as server, transport_to(server.url) as transport:
        got = await transport.get("root", URL(server.url), Collected(), limit=LIMIT)
        assert got == (URL(f"{server.url}there"), kind_of_content)


async def test_content_of_no_kind_is_no_error() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    async with scripted(answer) as server, transport_to(server.url) as transport:
        got = await transport.get("root", URL(server.url), Collected(), limit=LIMIT)
    assert got.content_type == ""


async def test_cookies_are_not_kept() -> None:
    async with scripted(answered(b"{}", "Set-Cookie: session=1", "Set-Cookie: \x01=;;=")) as server:
        async with transport_to(server.url) as transport:
            for _ in range(2):
                await transport.get("root", URL(server.url), Collected(), limit=LIMIT)
        assert not [head for head in server.heads if "cookie" in head.lower()]


async def test_proxies_and_passwords_of_the_surroundings_are_not_used(
    galaxy: TestGalaxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with connected(galaxy.url):
        assert galaxy.requests.count("root") == 1


async def test_receive_buffers_do_not_grow(galaxy: TestGalaxy, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not its own 64 KiB, doubled, which many a kernel begins with before buffers grow.
    monkeypatch.setattr(route, "RECEIVE_BUFFER_BYTES", 48 * 1024)
    async with connected(galaxy.url):
        sizes = [each.getsockopt(SOL_SOCKET, SO_RCVBUF) for each in sockets_to(galaxy.url)]
    # The kernel doubles what it is asked for, for its own bookkeeping.
    assert sizes
    assert set(sizes) <= {48 * 1024, 96 * 1024}


async def test_connections_are_used_again(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        for _ in range(3):
            await client.collection("acme", "tools")
            await client.detail("acme", "tools", "1.0.0", Collected(), limit=LIMIT)
    assert galaxy.requests.connections == 1


async def test_there_are_never_more_connections_than_allowed(galaxy: TestGalaxy) -> None:
    galaxy.latency = 0.005
    async with transport_to(galaxy.url, connections=3) as transport:
        await asyncio.gather(*(transport.get("root", URL(galaxy.url), Collected(), limit=LIMIT) for _ in range(12)))
    assert galaxy.requests.max_in_flight <= 3
    assert galaxy.requests.connections <= 3


async def test_nothing_is_left_open_at_the_end(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        await client.collection("acme", "tools")
        assert list(sockets_to(galaxy.url))
    assert not list(sockets_to(galaxy.url))


@pytest.mark.parametrize(
    "version", ["1.0.0+build.5", "1.0.0-rc.1+x", "1.0.0?limit=1", "1.0.0#x", "1.0.0/../x", "%2e%2e", "1.0 0", "é漢"]
)
async def test_a_version_is_one_part_of_the_path_whatever_it_holds(version: str) -> None:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]})) as galaxy, connected(galaxy.url) as client:
        with pytest.raises(GalaxyError):
            await client.detail("acme", "tools", version, Collected(), limit=LIMIT)
        path = galaxy.requests.entries[-1].path
    assert re.fullmatch(r".*/acme/tools/versions/[^/?# ]+/", path)
    assert "+" not in version or path.endswith(f"/versions/{version}/")


async def test_a_version_with_build_metadata_is_found() -> None:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.1+build.5"]})) as galaxy, connected(galaxy.url) as client:
        detail, docs = Collected(), Collected()
        await client.detail("acme", "tools", "1.0.1+build.5", detail, limit=LIMIT)
        assert await client.docs_blob("acme", "tools", "1.0.1+build.5", docs, limit=LIMIT)
    assert b'"version":"1.0.1+build.5"' in detail.data
    assert docs.data.startswith(b'{"docs_blob"')


async def test_docs_that_a_source_does_not_have_are_no_error() -> None:
    catalog = small_catalog({"acme.tools": ["1.0.0"]}, docs=False)
    sink = Collected()
    async with TestGalaxy(catalog) as galaxy, connected(galaxy.url) as client:
        assert not await client.docs_blob("acme", "tools", "1.0.0", sink, limit=LIMIT)
    assert sink.sizes == []


OK = b"HTTP/1.1 200 OK\r\n"
HOSTILE = {
    "nothing": b"",
    "an empty head": b"\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no status": b"HTTP/1.1 abc OK\r\n\r\n",
    "a huge status": b"HTTP/1.1 99999 OK\r\n\r\n",
    "another version": b"HTTP/3.0 200 OK\r\n\r\n",
    "a huge header": answered(b"{}", "X-Huge: " + "x" * 100_000),
    "many headers": answered(b"{}", *(f"X-{number}: x" for number in range(5000))),
    "a NUL in a header": answered(b"{}", "X-Bad\x00Name: x"),
    "a negative length": OK + b"Content-Length: -1\r\n\r\n{}",
    "a huge length": OK + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "a length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "a chunk without size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a huge chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
    "another protocol from here": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "no final answer": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
async def test_whatever_comes_over_the_wire_is_a_galaxy_error(answer: bytes, watcher: Recorder) -> None:
    async with (
        scripted(answer) as server,
        transport_to(server.url, observer=watcher, stall_seconds=0.3) as transport,
    ):
        with pytest.raises(GalaxyError) as caught:
            await transport.get("root", URL(server.url), Collected(), limit=LIMIT)
    assert watcher.started == len(watcher.ended) <= QUICK.attempts
    assert len(str(caught.value)) < 1000


async def test_early_hints_before_the_answer_do_no_harm() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answered(b"{}")
    async with scripted(answer) as server, transport_to(server.url) as transport:
        sink = Collected()
        await transport.get("root", URL(server.url), sink, limit=LIMIT)
    assert sink.data == b"{}"


async def test_one_connection_that_hangs_does_not_hold_up_the_others(galaxy: TestGalaxy) -> None:
    released = asyncio.Event()
    galaxy.faults.add(Fault(kind("docs"), wirefaults.stall(10, released)))
    docs = Collected()
    async with connected(galaxy.url) as client:
        hanging = asyncio.create_task(client.docs_blob("acme", "tools", "1.0.0", docs, limit=LIMIT))
        assert await client.collection("acme", "tools")
        assert (await client.versions("acme", "tools")).complete
        released.set()
        assert await hanging
