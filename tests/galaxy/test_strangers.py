"""What a source is told, no other origin is: whatever redirects lead there, and wherever they lead then."""

import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from yarl import URL

from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import ContentError, TransientError
from collectionsync.galaxy.proxy import Proxy
from collectionsync.galaxy.tls import Trust
from galaxy.wire import Recorder, body_of, transport_to
from wayside import Origin, Request, WaysideProxy

AUTHORITY = trustme.CA()
SECRETS = {"X-Key": "k3y", "Cookie": "session=1", "User-Agent": "mirror/1"}


@contextlib.asynccontextmanager
async def origins(count: int, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[list[Origin]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Origin(tls=tls)) for _ in range(count)]


def told(request: Request) -> dict[str, str]:
    """What a request told of secrets."""
    names = ("Authorization", "X-Key", "Cookie")
    return {name: request.headers[name] for name in names if name in request.headers}


EVERYTHING = {"Authorization": "Token t0ken", "X-Key": "k3y", "Cookie": "session=1"}


async def test_whichever_way_redirects_lead_secrets_are_told_to_the_source_alone() -> None:
    """Every chain of five requests between the source and two others, those that come back included."""
    async with origins(3) as servers:
        source = servers[0]
        credentials = Credentials.token(URL(source.url), "t0ken")
        async with transport_to(source.url, credentials=credentials, headers=SECRETS) as transport:
            for number, others in enumerate(itertools.product(servers, repeat=4)):
                chain = [source, *others]
                for step, (here, there) in enumerate(itertools.pairwise(chain)):
                    here.redirects(f"/{number}/{step}", f"{there.url}{number}/{step + 1}")
                await body_of(transport, f"{source.url}{number}/0")
        assert {tuple(told(request)) for request in source.requests} == {tuple(EVERYTHING)}
        elsewhere = [request for other in servers[1:] for request in other.requests]
        assert (len(elsewhere), [told(request) for request in elsewhere if told(request)]) == (216, [])
        assert not [request for request in elsewhere if request.headers["User-Agent"] == "mirror/1"]


async def test_a_url_of_another_origin_is_asked_without_them_from_the_start() -> None:
    async with origins(2) as (source, other):
        credentials = Credentials.token(URL(source.url), "t0ken")
        async with transport_to(source.url, credentials=credentials, headers=SECRETS) as transport:
            await body_of(transport, other.url)
        assert [told(request) for request in other.requests] == [{}]


async def test_a_user_name_in_a_url_is_not_sent_there() -> None:
    async with origins(2) as (source, other), transport_to(source.url) as transport:
        await body_of(transport, other.url.replace("http://", "http://user:pass@"))
        source.redirects("/", other.url.replace("http://", "http://user:pass@"))
        await body_of(transport, source.url)
        assert [request.authorization for request in other.requests] == [None, None]


async def test_the_same_host_in_other_letters_is_the_source() -> None:
    async with Origin() as source:
        url = f"http://localhost:{source.port}/"
        source.redirects("/", f"HTTP://LocalHOST:{source.port}/there")
        credentials = Credentials.token(URL(url), "t0ken")
        async with transport_to(url, credentials=credentials, headers=SECRETS) as transport:
            await body_of(transport, url)
        assert [told(request) for request in source.requests] == [EVERYTHING] * 2


async def test_another_name_for_the_same_machine_is_another_host() -> None:
    async with Origin() as server:
        url = f"http://127.0.0.1:{server.port}/"
        server.redirects("/", f"http://localhost:{server.port}/there")
        credentials = Credentials.token(URL(url), "t0ken")
        async with transport_to(url, credentials=credentials, headers=SECRETS) as transport:
            await body_of(transport, url)
        assert [told(request) for request in server.requests] == [EVERYTHING, {}]


async def test_the_same_host_over_plain_http_is_another_origin() -> None:
    url = "http://hub.example/"
    credentials = Credentials.token(URL("https://hub.example/"), "t0ken")
    async with Origin() as plain, WaysideProxy(hosts={"hub.example": plain.port}) as wayside:
        proxy = Proxy.at(wayside.url)
        async with transport_to(url, credentials=credentials, headers=SECRETS, proxy=proxy) as transport:
            await body_of(transport, url)
        assert [told(request) for request in plain.requests] == [{}]


async def test_a_redirect_from_https_to_http_is_not_followed(watcher: Recorder) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context(cadata=AUTHORITY.cert_pem.bytes().decode())
    async with Origin(tls=server) as source, Origin() as other:
        source.redirects("/", other.url)
        async with transport_to(source.url, tls=client, insecure=False, observer=watcher, field="spec.sources[1]") as t:
            with pytest.raises(ContentError, match=r"not https; set spec\.sources\[1\]\.insecure"):
                await body_of(t, source.url)
        assert (watcher.codes, other.requests) == (["302"], [])


@pytest.fixture
def shown(tmp_path: Path) -> Trust:
    """A trust that has a certificate to show."""
    issued = AUTHORITY.issue_cert("worker.example")
    files = {
        "ca.crt": AUTHORITY.cert_pem.bytes(),
        "tls.crt": issued.cert_chain_pems[0].bytes(),
        "tls.key": issued.private_key_pem.bytes(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return Trust(ca=str(tmp_path / "ca.crt"), certificate=str(tmp_path / "tls.crt"), key=str(tmp_path / "tls.key"))


def curious(version: ssl.TLSVersion) -> ssl.SSLContext:
    """A server's context that asks for a certificate and does without."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = version
    context.verify_mode = ssl.CERT_OPTIONAL
    AUTHORITY.configure_trust(context)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_client_certificate_is_shown_to_the_source_alone(shown: Trust, version: ssl.TLSVersion) -> None:
    async with origins(2, tls=curious(version)) as (source, other):
        source.redirects("/there", other.url)
        other.redirects("/back", f"{source.url}again")
        async with transport_to(source.url, tls=shown, insecure=False) as transport:
            for url in (source.url, f"{source.url}there", f"{other.url}back"):
                await body_of(transport, url)
        assert [request.certificate for request in source.requests] == [True] * 3
        assert [request.certificate for request in other.requests] == [False] * 2


async def test_a_token_endpoint_elsewhere_is_not_shown_the_certificate(shown: Trust) -> None:
    async with origins(2, tls=curious(ssl.TLSVersion.TLSv1_3)) as (source, endpoint):
        endpoint.answers["/token"] = lambda _: web.json_response({"access_token": "a"})
        credentials = Credentials.refreshed(URL(source.url), URL(f"{endpoint.url}token"), "r")
        async with transport_to(source.url, tls=shown, credentials=credentials, insecure=False) as transport:
            await body_of(transport, source.url)
        assert [request.certificate for request in (*endpoint.requests, *source.requests)] == [False, True]


async def test_the_context_for_others_is_made_when_it_is_needed_and_once(shown: Trust) -> None:
    assert "others" not in vars(shown)
    others = shown.others
    assert others is shown.others
    assert others is not shown.own
    assert isinstance(others, ssl.SSLContext)
    assert others.verify_mode is ssl.CERT_REQUIRED


def test_without_a_certificate_there_is_one_context_for_all(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.cert_pem.bytes())
    trust = Trust(ca=str(tmp_path / "ca.crt"))
    assert trust.others is trust.own
    assert Trust().others is Trust().own is True


async def test_authorities_that_are_gone_by_then_fail_the_request_and_not_the_run(shown: Trust, tmp_path: Path) -> None:
    async with origins(2, tls=curious(ssl.TLSVersion.TLSv1_3)) as (source, other):
        async with transport_to(source.url, tls=shown, insecure=False) as transport:
            await body_of(transport, source.url)
            (tmp_path / "ca.crt").unlink()
            with pytest.raises(TransientError):
                await body_of(transport, other.url)
        assert other.requests == []
