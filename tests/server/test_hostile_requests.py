"""What is no request that HTTP allows, or more of one than anybody needs: refused, and the next client is served."""

import asyncio

import pytest

from server.attacked import API, ARTIFACT, COLLECTIONS, DETAIL, Attacked, shown
from server.wire import Reply, connected, request

pytestmark = pytest.mark.slow

MEBIBYTE = 1024 * 1024
HOST = b"Host: server\r\n"


async def first(attacked: Attacked, *pieces: bytes) -> Reply:
    """Send bytes, and read the first answer."""
    async with connected(attacked.port) as wire:
        await wire.send(*pieces)
        reply = await wire.reply()
        assert reply is not None
        return reply


async def send(attacked: Attacked, *pieces: bytes) -> list[Reply]:
    """Send bytes, and read every answer until the server ends the connection."""
    async with connected(attacked.port) as wire:
        await wire.send(*pieces)
        found = []
        while (reply := await wire.reply()) is not None:
            found.append(reply)
        return found


@pytest.mark.parametrize(
    "head",
    [
        b"GARBAGE\r\n\r\n",
        b"\r\n\r\nGARBAGE\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1 extra\r\n\r\n",
        b"GET / HTTPS/1.1\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nHost server\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b": no name\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Na me: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Name : a\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Name: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"\xff\xfe: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,  # TLS hello
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 100,
        bytes(range(256)) * 40,
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
    ids=shown,
)
async def test_what_is_no_request_is_refused(attacked: Attacked, head: bytes) -> None:
    replies = await send(attacked, head)
    assert [reply.status for reply in replies] == [400]
    assert replies[0].detail


async def test_a_request_of_http_1_0_is_answered_and_the_connection_ends(attacked: Attacked) -> None:
    async with connected(attacked.port) as wire:
        await wire.send(b"GET " + DETAIL.encode() + b" HTTP/1.0\r\nHost: server\r\n\r\n")
        reply = await wire.reply()
        assert reply is not None
        assert (reply.status, reply.json["version"]) == (200, "1.0.0")
        assert await wire.rest() == b""


@pytest.mark.parametrize("target", [DETAIL, f"{COLLECTIONS}/all/", ARTIFACT], ids=shown)
async def test_a_client_of_http_1_0_gets_no_chunks(attacked: Attacked, target: str) -> None:
    (reply,) = await send(attacked, b"GET " + target.encode() + b" HTTP/1.0\r\nHost: server\r\n\r\n")
    assert reply.status == 200
    assert "transfer-encoding" not in reply.headers


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["server", "server"],
        ["server", "evil.example.org"],
        [""],
        ["server/path"],
        ["user:password@server"],
        ["server:99999999"],
        ["server:port"],
        ["ser ver"],
        ["server,evil"],
        ["-server"],
        ["[::1"],
        ["a" * 300],
        ["server?x"],
        ["server#x"],
        ["\xe9.example.org"],
        ["<script>"],
    ],
    ids=shown,
)
async def test_a_host_that_is_none_is_refused(attacked: Attacked, hosts: list[str]) -> None:
    """Every download_url would begin with it."""
    head = f"GET {DETAIL} HTTP/1.1\r\n" + "".join(f"Host: {host}\r\n" for host in hosts) + "\r\n"
    reply = await first(attacked, head.encode("latin-1"))
    assert reply.status == 400
    assert reply.detail


async def test_health_is_told_to_whoever_asks_however(attacked: Attacked) -> None:
    without = await first(attacked, b"GET /healthz HTTP/1.0\r\n\r\n")
    odd = await first(attacked, b"GET /healthz HTTP/1.1\r\nHost: ../..\r\n\r\n")
    assert without.status == odd.status == 200


@pytest.mark.parametrize(
    "host", ["server", "server:8080", "10.0.0.1:80", "[::1]:8080", "a_b.example.org", "SERVER"], ids=shown
)
async def test_a_host_that_can_be_reached_is_where_the_artifacts_are(attacked: Attacked, host: str) -> None:
    reply = await first(attacked, request(DETAIL, host=host))
    assert reply.json["download_url"].startswith(f"http://{host}{API}/")


@pytest.mark.parametrize("target", [DETAIL, f"{API}/v3/collection_versions/all/"], ids=shown)
async def test_who_comes_by_another_host_is_not_told_that_nothing_has_changed(attacked: Attacked, target: str) -> None:
    """What it has names the other host's artifacts."""
    known = (await first(attacked, request(target, host="one"))).headers["etag"]
    assert (await first(attacked, request(target, f"If-None-Match: {known}", host="one"))).status == 304
    assert (await first(attacked, request(target, f"If-None-Match: {known}", host="other"))).status == 200


@pytest.mark.parametrize("proto", ["javascript", "https://evil", "https, http", "\xe9", "ftp", "h" * 5000], ids=shown)
async def test_a_protocol_that_is_none_is_not_believed(attacked: Attacked, proto: str) -> None:
    reply = await attacked.ask(DETAIL, f"X-Forwarded-Proto: {proto}")
    assert reply.json["download_url"].startswith("http://server/")


async def test_a_head_of_a_mebibyte_is_refused_before_its_end(attacked: Attacked) -> None:
    head = b"GET / HTTP/1.1\r\n" + HOST + b"X: "
    async with connected(attacked.port) as wire:
        await wire.send(head, *[b"a" * 65536] * 16)
        reply = await wire.reply()
        assert reply is None or reply.status == 400


async def test_very_many_headers_are_refused(attacked: Attacked) -> None:
    headers = b"".join(b"X-%d: a\r\n" % number for number in range(10_000))
    async with connected(attacked.port) as wire:
        await wire.send(b"GET / HTTP/1.1\r\n", HOST, headers, b"\r\n")
        reply = await wire.reply()
        assert reply is None or reply.status == 400


@pytest.mark.parametrize(
    "header",
    [
        "Range: bytes=0-0,1-1,2-2",
        "Range: bytes=" + ",".join(f"{at}-{at}" for at in range(1000)),
        "Range: bytes=-0",
        "Range: bytes=99999999999999999999-",
        "Range: bytes=5-1",
        "Range: bytes=--1",
        "Range: pages=1-2",
        "Range: bytes=\xb2-",
        "If-None-Match: " + ",".join(['"a"'] * 1000),
        'If-None-Match: "',
        "If-None-Match: W/",
        "If-Modified-Since: yesterday",
        "If-Modified-Since: Mon, 99 Foo 99999 99:99:99 GMT",
        "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 -2359",
        "If-Unmodified-Since: \xe9",
        "If-Match: ***",
        "If-Range: Mon, 00 Jan 0000 00:00:00 GMT",
        "Accept-Encoding: " + ",".join(["gzip;q=1e999"] * 500),
        "Accept-Encoding: gzip;q=nan, *;q=",
        "Authorization: Basic " + "A" * 4000,
        "Authorization: Basic %%%",
        "Authorization: \xff\xfe",
        "Cookie: " + "a=b; " * 1000,
        "Connection: upgrade",
        "Upgrade: websocket",
        "Upgrade: h2c",
        "Expect: 100-continue",
        "Expect: nothing",
        "TE: trailers",
        "Trailer: X",
        "Content-Type: multipart/form-data",
        "Content-Encoding: gzip",
        "Forwarded: host=evil",
        "X-Forwarded-Host: evil.example.org",
        "X-HTTP-Method-Override: DELETE",
    ],
    ids=shown,
)
async def test_no_header_is_an_error_of_the_server(attacked: Attacked, header: str) -> None:
    for target in (DETAIL, f"{COLLECTIONS}/all/", ARTIFACT):
        reply = await attacked.ask(target, header)
        assert reply.status in (200, 304, 400, 412, 416, 417), reply
        assert b"evil" not in reply.body
        if target != ARTIFACT:
            assert reply.status in (200, 400, 417)


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "QUERY"], ids=shown
)
async def test_a_method_that_only_reads_nothing_is_not_allowed(attacked: Attacked, method: str) -> None:
    for target in ("/", "/healthz", DETAIL, ARTIFACT, f"{COLLECTIONS}/"):
        reply = await attacked.ask(target, method=method)
        assert reply.status in (400, 405)
        if reply.status == 405:
            assert reply.headers["allow"] == "GET, HEAD"


async def test_nothing_is_tunnelled(attacked: Attacked) -> None:
    for target in ("server:443", DETAIL):
        assert (await attacked.ask(target, method="CONNECT")).status in (400, 404, 405)


async def test_trace_tells_no_header_back(attacked: Attacked) -> None:
    reply = await attacked.ask("/", "Authorization: Token secret", method="TRACE")
    assert b"secret" not in reply.body


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"Content-Length: 5, 6\r\n\r\nabcde",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: +5\r\n\r\nabcde",
        b"Content-Length: 0x5\r\n\r\nabcde",
        b"Content-Length: 5 5\r\n\r\nabcde",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: x\r\n\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=shown,
)
async def test_a_body_whose_end_could_be_seen_at_two_places_hides_no_second_request(
    attacked: Attacked, framing: bytes
) -> None:
    """The server behind and the proxy in front would not agree on where the next request begins."""
    hidden = b"GET /healthz HTTP/1.1\r\nHost: hidden\r\n\r\n"
    replies = await send(attacked, b"POST / HTTP/1.1\r\n" + HOST + framing + hidden)
    assert replies
    assert replies[0].status == 400
    assert len(replies) == 1


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nabc\r\n0\r\n\r\n",
        b"-1\r\n\r\n",
        b"5\r\nabc",
        b"ffffffffffffffffff\r\n",
        b"5;" + b"x" * 20_000,
        b"5\n\nabcde",
    ],
    ids=shown,
)
async def test_chunks_that_are_none_harm_nobody(attacked: Attacked, chunks: bytes) -> None:
    head = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    assert (await first(attacked, head + chunks)).status in (200, 400)


async def test_a_body_of_a_get_is_no_request(attacked: Attacked) -> None:
    hidden = b"GET /healthz HTTP/1.1\r\nHost: hidden\r\n\r\n"
    head = b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(hidden)
    replies = await send(attacked, head + hidden + request("/healthz", "Connection: close"))
    assert [reply.headers["content-type"].split(";")[0] for reply in replies] == ["text/plain", "application/json"]


async def test_a_large_body_is_answered_without_being_kept(attacked: Attacked) -> None:
    async with connected(attacked.port) as wire:
        await wire.send(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % (64 * MEBIBYTE))
        reply = await wire.reply()
        assert reply is not None
        assert reply.status == 405
        await wire.send(*[bytes(65536)] * 256)


async def test_a_hundred_requests_at_once_are_answered_in_order(attacked: Attacked) -> None:
    paths = [DETAIL, DETAIL.replace("1.0.0", "1.1.0"), f"{COLLECTIONS}/none/none/", "/healthz"] * 25
    async with connected(attacked.port) as wire:
        await wire.send(b"".join(map(request, paths)))
        replies = [await wire.reply() for _ in paths]
    assert [reply and reply.status for reply in replies] == [200, 200, 404, 200] * 25
    assert [reply.json["version"] for reply in replies[:2] if reply] == ["1.0.0", "1.1.0"]


async def test_a_client_that_leaves_at_once_is_of_no_account(attacked: Attacked) -> None:
    async def leave(target: str) -> None:
        async with connected(attacked.port) as wire:
            await wire.send(request(target))
            wire.writer.transport.abort()

    await asyncio.gather(*map(leave, [DETAIL, ARTIFACT, f"{COLLECTIONS}/all/", "/healthz"] * 25))
