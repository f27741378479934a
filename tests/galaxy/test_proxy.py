"""A proxy on the way: found, told who we are and nothing else, and blamed for its own failures by name."""

import asyncio
import asyncio.sslproto
import re
import socket
import ssl
from socket import SO_RCVBUF, SOL_SOCKET

import pytest
import trustme
from aiohttp import web
from yarl import URL

from collectionsync.galaxy import route
from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    TransientError,
    UntrustedError,
)
from collectionsync.galaxy.proxy import Proxy
from collectionsync.galaxy.retry import RetryPolicy
from collectionsync.galaxy.tls import READ_BUFFER_BYTES
from galaxy.wire import LIMIT, QUICK, Collected, Recorder, body_of, scripted, sockets_to, transport_to, until
from testgalaxy import Fault, TestGalaxy, kind, wirefaults
from testgalaxy.certificates import Certificates
from wayside import Origin, WaysideProxy

AUTHORITY = trustme.CA()
ONCE = RetryPolicy(attempts=1)
AS_USER = "Basic bWU6czNjcmV0"


def server_context(*names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert(*names or ("127.0.0.1", "hub.example")).configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=AUTHORITY.cert_pem.bytes().decode())


@pytest.fixture(params=["http proxy", "https proxy"])
def proxy_tls(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    return server_context() if request.param == "https proxy" else None


@pytest.fixture(params=["http source", "https source"])
def source_tls(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    return server_context() if request.param == "https source" else None


def nobody() -> str:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("https://proxy.example:3129/", "https://proxy.example:3129"),
        ("HTTP://proxy.example", "http://proxy.example"),
        ("http://[::1]:3128", "http://[::1]:3128"),
    ],
)
def test_an_address_is_a_url_without_a_path(address: str, url: str) -> None:
    assert str(Proxy.at(address)) == url


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "not a proxy's address"),
        ("proxy.example:3128", "not a proxy's address"),
        ("proxy.example", "not a proxy's address"),
        ("socks5://proxy.example:1080", "not a proxy's address"),
        ("http://", "not a "),
        ("http://:3128", "not a "),
        ("http://proxy.example:s3cret", "not a URL"),
        ("http://proxy.example:0", "not a proxy's address"),
        ("http://[::1", "not a URL"),
        ("http://me:s3cret@proxy.example:3128", "username and password"),
        ("http://s3cret@proxy.example:3128", "username and password"),
        ("http://proxy.example:3128/s3cret", "leave out"),
        ("http://proxy.example:3128?s3cret", "leave out"),
        ("http://proxy.example:3128#s3cret", "leave out"),
    ],
)
def test_an_address_of_another_kind_is_refused_and_not_repeated(address: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Proxy.at(address)
    assert "s3cret" not in str(caught.value)


def test_credentials_are_not_shown() -> None:
    proxy = Proxy.at("http://proxy.example:3128", "me", "s3cret")
    assert proxy.authorization == AS_USER
    assert not re.search("s3cret|bWU6", f"{proxy} {proxy!r}")


async def test_everything_goes_through_the_proxy(
    proxy_tls: ssl.SSLContext | None, source_tls: ssl.SSLContext | None
) -> None:
    async with Origin(tls=source_tls) as source, WaysideProxy(hosts={"hub.example": source.port}, tls=proxy_tls) as way:
        url = f"{URL(source.url).scheme}://hub.example/"
        source.redirects("/", "/there?a=b")
        async with transport_to(url, tls=client_context(), proxy=Proxy.at(way.url)) as transport:
            assert await body_of(transport, url) == b"{}"
        # The names of sources are not looked up here, which only the proxy may be able to do.
        if source_tls:
            assert {(asked.method, asked.target) for asked in way.asked} == {("CONNECT", "hub.example:443")}
        else:
            assert [asked.target for asked in way.asked] == [url, f"{url}there?a=b"]
        assert [request.path for request in source.requests] == ["/", "/there?a=b"]


async def test_credentials_are_told_to_the_proxy_and_to_nobody_else(
    proxy_tls: ssl.SSLContext | None, source_tls: ssl.SSLContext | None
) -> None:
    async with (
        Origin(tls=source_tls) as source,
        Origin(tls=source_tls) as other,
        WaysideProxy(username="me", password="s3cret", tls=proxy_tls) as way,
    ):
        source.redirects("/", other.url)
        async with transport_to(
            source.url,
            tls=client_context(),
            credentials=Credentials.token(URL(source.url), "t0ken"),
            headers={"X-Key": "k3y"},
            proxy=Proxy.at(way.url, "me", "s3cret"),
        ) as transport:
            await body_of(transport, source.url)
        told = [request.headers for request in (*source.requests, *other.requests)]
        assert len(told) == 2
        assert not [headers for headers in told if "Proxy-Authorization" in headers]
        assert [headers.get("Authorization") for headers in told] == ["Token t0ken", None]
        assert {asked.headers["Proxy-Authorization"] for asked in way.asked} == {AS_USER}
        if source_tls:
            assert not [asked for asked in way.asked if asked.headers.keys() & {"Authorization", "X-Key"}]


@pytest.mark.parametrize(("username", "said"), [("me", "refuses its credentials"), (None, "wants credentials")])
async def test_a_proxy_that_refuses_ends_the_run_and_says_which_secret_to_look_at(
    source_tls: ssl.SSLContext | None, username: str | None, said: str, watcher: Recorder
) -> None:
    async with Origin(tls=source_tls) as source, WaysideProxy(username="me", password="right") as way:
        async with transport_to(
            source.url,
            tls=client_context(),
            proxy=Proxy.at(way.url, username, "s3cret"),
            observer=watcher,
            field="spec.sources[2]",
        ) as transport:
            with pytest.raises(AuthenticationError, match=rf"{said}.*spec\.sources\[2\]\.proxySecretRef") as caught:
                await body_of(transport, source.url)
        assert way.url in str(caught.value)
        assert not re.search("s3cret|bWU6", str(caught.value))
        assert (watcher.retries, source.requests) == ([], [])


async def test_407_of_a_source_itself_is_not_the_proxys() -> None:
    answer = b"HTTP/1.1 407 Odd\r\nContent-Length: 0\r\n\r\n"
    async with scripted(answer) as server, transport_to(server.url) as transport:
        with pytest.raises(ContentError, match="answered 407"):
            await body_of(transport, server.url)


async def test_407_out_of_a_tunnel_is_not_the_proxys() -> None:
    async with Origin(tls=server_context()) as source, WaysideProxy() as way:
        source.answers["/"] = lambda _: web.Response(status=407)
        async with transport_to(source.url, tls=client_context(), proxy=Proxy.at(way.url)) as transport:
            with pytest.raises(ContentError, match="answered 407") as caught:
                await body_of(transport, source.url)
        assert "proxy" not in str(caught.value)


async def test_a_proxy_that_is_not_there_is_a_passing_failure_that_names_it(
    source_tls: ssl.SSLContext | None, watcher: Recorder
) -> None:
    address = nobody()
    async with (
        Origin(tls=source_tls) as source,
        transport_to(
            source.url, tls=client_context(), proxy=Proxy.at(address, "me", "s3cret"), observer=watcher
        ) as transport,
    ):
        with pytest.raises(TransientError, match=rf"the proxy {address} cannot be reached.*proxySecretRef") as caught:
            await body_of(transport, source.url)
    assert not re.search("s3cret|bWU6", str(caught.value))
    assert watcher.codes == ["error"] * QUICK.attempts


async def test_a_proxy_whose_name_is_unknown_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    proxy = Proxy.at("http://proxy.invalid:3128")
    async with transport_to("https://hub.example/", proxy=proxy, retry=ONCE) as transport:
        with pytest.raises(TransientError, match=r"the proxy http://proxy\.invalid:3128 cannot be reached: Name or"):
            await body_of(transport, "https://hub.example/")


@pytest.mark.parametrize("status", [403, 500, 502, 503, 504])
async def test_a_proxy_that_cannot_reach_the_source_is_a_passing_failure(status: int, watcher: Recorder) -> None:
    async with WaysideProxy() as way:
        way.fault = f"HTTP/1.1 {status} No\r\nContent-Length: 7\r\n\r\ns3cret!".encode()
        url = "https://hub.example/api/?s3cret"
        async with transport_to(url, proxy=Proxy.at(way.url), observer=watcher) as transport:
            with pytest.raises(
                TransientError, match=rf"the proxy {way.url} answered {status} .*hub\.example"
            ) as caught:
                await body_of(transport, url)
    # Not Forbidden, which would be taken for the source's own.
    assert caught.value.reason == "SourceUnavailable"
    assert "s3cret" not in str(caught.value)
    assert len(watcher.retries) == QUICK.attempts - 1


async def test_a_proxy_that_asks_for_more_patience_than_a_run_has_is_an_error_at_once(watcher: Recorder) -> None:
    async with WaysideProxy() as way:
        way.fault = b"HTTP/1.1 503 Busy\r\nRetry-After: 301\r\nContent-Length: 0\r\n\r\n"
        async with transport_to("https://hub.example/", proxy=Proxy.at(way.url), observer=watcher) as transport:
            with pytest.raises(TransientError, match="longer than a run waits"):
                await body_of(transport, "https://hub.example/")
    assert watcher.started == 1


async def test_what_a_proxy_says_in_place_of_the_source_is_told_as_coming_that_way() -> None:
    async with WaysideProxy() as way:
        way.fault = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        async with transport_to("http://hub.example/", proxy=Proxy.at(way.url), retry=ONCE) as transport:
            with pytest.raises(TransientError, match=f"hub.example/ answered 502 through the proxy {way.url}"):
                await body_of(transport, "http://hub.example/")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_does_not_answer_is_not_waited_for_longer_than_a_connection_may_take(scheme: str) -> None:
    async with WaysideProxy() as way:
        way.fault = asyncio.Event()
        url = f"{scheme}://hub.example/"
        seconds = {"connect_seconds": 0.1} if scheme == "https" else {"stall_seconds": 0.1}
        async with transport_to(url, proxy=Proxy.at(way.url), retry=ONCE, **seconds) as transport:  # type: ignore[arg-type]
            with pytest.raises(TransientError, match=f"did not answer in time through the proxy {way.url}"):
                await body_of(transport, url)


HOSTILE = {
    "nothing": b"",
    "another protocol": b"\x05\x00SOCKS",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a huge header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "a tunnel to nowhere": b"HTTP/1.1 200 OK\r\n\r\n",
    "a tunnel that speaks no TLS": b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "another tunnel": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
async def test_whatever_a_proxy_answers_is_a_galaxy_error(answer: bytes, watcher: Recorder) -> None:
    async with WaysideProxy() as way:
        way.fault = answer
        async with transport_to(
            "https://hub.example/", proxy=Proxy.at(way.url, "me", "s3cret"), observer=watcher, connect_seconds=1.0
        ) as transport:
            with pytest.raises(GalaxyError) as caught:
                await body_of(transport, "https://hub.example/")
    assert watcher.started == len(watcher.ended) <= QUICK.attempts
    assert len(str(caught.value)) < 1000
    assert not re.search("s3cret|bWU6", str(caught.value))


async def test_the_certificate_of_the_source_is_verified_through_a_proxy() -> None:
    async with Origin(tls=server_context("elsewhere.example")) as source, WaysideProxy() as way:
        async with transport_to(source.url, tls=client_context(), proxy=Proxy.at(way.url)) as transport:
            with pytest.raises(UntrustedError, match=rf"the certificate of {source.url[:-1]} does not verify"):
                await body_of(transport, source.url)
        assert source.requests == []


async def test_the_certificate_of_the_proxy_is_verified_and_blamed_by_name() -> None:
    async with Origin(tls=server_context()) as source, WaysideProxy(tls=server_context("elsewhere.example")) as way:
        async with transport_to(source.url, tls=client_context(), proxy=Proxy.at(way.url, "me", "s3cret")) as transport:
            with pytest.raises(UntrustedError, match=rf"the certificate of the proxy {way.url} does not verify"):
                await body_of(transport, source.url)
        assert (way.asked, source.requests) == ([], [])


async def test_a_source_that_the_proxy_does_not_find_is_not_blamed_on_the_proxys_address() -> None:
    there = URL(nobody())
    async with (
        WaysideProxy() as way,
        transport_to("https://hub.example/", proxy=Proxy.at(way.url), retry=ONCE) as transport,
    ):
        with pytest.raises(TransientError) as caught:
            await body_of(transport, f"https://127.0.0.1:{there.port}/")
    assert "cannot be reached" not in str(caught.value)


async def test_tunnels_are_used_again() -> None:
    async with Origin(tls=server_context()) as source, WaysideProxy(username="me", password="s3cret") as way:
        async with transport_to(source.url, tls=client_context(), proxy=Proxy.at(way.url, "me", "s3cret")) as transport:
            for _ in range(5):
                await body_of(transport, source.url)
        assert (len(source.requests), way.connections) == (5, 1)


async def test_there_are_never_more_tunnels_than_connections_are_allowed() -> None:
    async with Origin(tls=server_context()) as source, WaysideProxy() as way:
        async with transport_to(source.url, tls=client_context(), proxy=Proxy.at(way.url), connections=3) as transport:
            await asyncio.gather(*(body_of(transport, source.url) for _ in range(20)))
        assert (len(source.requests), way.connections <= 3) == (20, True)


async def test_buffers_are_as_small_as_without_a_proxy(
    proxy_tls: ssl.SSLContext | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "RECEIVE_BUFFER_BYTES", 48 * 1024)
    goes_on = asyncio.Event()
    receive: set[int] = set()
    read: list[int] = []

    class Looking(Collected):
        def write(self, chunk: bytes) -> None:
            pool = transport._session.connector
            assert pool is not None
            for each in pool._acquired:
                layer = each.transport
                while (tls := getattr(layer, "_ssl_protocol", None)) is not None:
                    read.append(len(tls._ssl_buffer))
                    layer = tls._transport
            receive.update(each.getsockopt(SOL_SOCKET, SO_RCVBUF) for each in sockets_to(way.url))
            goes_on.set()

    tls = Certificates(server_context(), AUTHORITY.cert_pem.bytes())
    async with TestGalaxy(tls=tls) as galaxy, WaysideProxy(tls=proxy_tls) as way:
        galaxy.faults.add(Fault(kind("root"), wirefaults.stall(10, goes_on)))
        async with transport_to(galaxy.url, tls=client_context(), proxy=Proxy.at(way.url)) as transport:
            await transport.get("root", URL(galaxy.url), Looking(), limit=LIMIT)
    assert read[: 2 if proxy_tls else 1] == [READ_BUFFER_BYTES] * (2 if proxy_tls else 1)
    assert receive
    assert receive <= {48 * 1024, 96 * 1024}


async def test_nothing_is_left_open_at_the_end(proxy_tls: ssl.SSLContext | None) -> None:
    async with Origin(tls=server_context()) as source, WaysideProxy(tls=proxy_tls) as way:
        async with transport_to(source.url, tls=client_context(), proxy=Proxy.at(way.url)) as transport:
            await body_of(transport, source.url)
            assert list(sockets_to(way.url))
        await until(lambda: not list(sockets_to(way.url)))


async def test_proxies_of_the_surroundings_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", nobody())
    monkeypatch.setenv("no_proxy", "*")
    async with Origin() as source, WaysideProxy() as way:
        async with transport_to(source.url, proxy=Proxy.at(way.url)) as transport:
            await body_of(transport, source.url)
        assert len(way.asked) == 1


async def test_answers_are_read_whole_through_a_proxy(
    proxy_tls: ssl.SSLContext | None, source_tls: ssl.SSLContext | None
) -> None:
    large = bytes(range(256)) * 2048
    async with Origin(tls=source_tls) as source, WaysideProxy(tls=proxy_tls) as way:
        source.answers["/"] = lambda _: web.Response(body=large)
        async with transport_to(source.url, tls=client_context(), proxy=Proxy.at(way.url)) as transport:
            bodies = await asyncio.gather(*(body_of(transport, source.url) for _ in range(8)))
    assert bodies == [large] * 8


async def test_a_tunnel_that_breaks_off_is_tried_again() -> None:
    async with Origin(tls=server_context()) as source, WaysideProxy() as way:
        proxy = Proxy.at(way.url)
        way.fault = b""

        class Mending(Recorder):
            def retried(self, reason: str) -> None:
                super().retried(reason)
                way.fault = None

        watcher = Mending()
        async with transport_to(source.url, tls=client_context(), proxy=proxy, observer=watcher) as transport:
            assert await body_of(transport, source.url) == b"{}"
        assert watcher.codes == ["error", "200"]
