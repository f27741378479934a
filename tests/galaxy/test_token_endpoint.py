"""Token endpoints that refuse, are down, are none, or lie: what becomes of the run, and what is said to whom."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from yarl import URL

from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import (
    AuthenticationError,
    GalaxyError,
    TokenUnavailableError,
    UntrustedError,
)
from collectionsync.galaxy.proxy import Proxy
from galaxy.refreshing import SECRETS, bearer_of, carried, client_context, server_context, transport_of
from galaxy.wire import LIMIT, QUICK, Collected, Recorder, answered, body_of, scripted, transport_to, until
from wayside import Keycloak, Origin, WaysideProxy
from wayside.keycloak import refusal


@pytest.fixture
async def keycloak() -> AsyncIterator[Keycloak]:
    async with Keycloak() as server:
        yield server


@pytest.fixture
async def hub(keycloak: Keycloak) -> AsyncIterator[Origin]:
    """A source that takes the tokens that the endpoint says are valid."""
    async with Origin(accepts=bearer_of(keycloak)) as server:
        yield server


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_of_the_endpoint_is_not_followed(status: int, hub: Origin, keycloak: Keycloak) -> None:
    async with Origin() as other, transport_of(hub, keycloak) as transport:
        keycloak.replies.append(web.Response(status=status, headers={"Location": other.url}))
        with pytest.raises(AuthenticationError, match=rf"answered {status}, and gave no token; check `auth_url`"):
            await body_of(transport, hub.url)
        assert (other.requests, hub.requests, len(keycloak.requests)) == ([], [], 1)


@pytest.mark.parametrize(
    ("error", "status", "todo"),
    [
        ("invalid_grant", 400, "expired or was revoked; get a new one, and put it into `token`"),
        ("invalid_client", 401, "check `client_id`"),
        ("unauthorized_client", 400, "check `client_id`"),
        ("unsupported_grant_type", 400, "check `auth_url`"),
        ("invalid_request", 403, "check `auth_url`"),
    ],
)
async def test_a_refusal_says_what_to_do_and_ends_it(
    hub: Origin, keycloak: Keycloak, error: str, status: int, todo: str, watcher: Recorder
) -> None:
    keycloak.replies.append(refusal(error, "s3cret refresh-0", status))
    async with transport_of(hub, keycloak, observer=watcher, field="spec.sources[3]") as transport:
        for _ in range(3):
            with pytest.raises(AuthenticationError) as caught:
                await body_of(transport, hub.url)
    said = str(caught.value)
    assert said.startswith(f"{keycloak.url} answered {status} ({error}): ")
    assert todo in said
    assert "spec.sources[3].secretRef" in said
    assert not SECRETS.search(said)
    assert (len(keycloak.requests), hub.requests, watcher.retries) == (1, [], [])


async def test_a_refresh_token_that_has_expired_in_the_midst_ends_the_run(hub: Origin, keycloak: Keycloak) -> None:
    async with transport_of(hub, keycloak) as transport:
        await body_of(transport, hub.url)
        keycloak.valid.clear()
        keycloak.refresh_token = "another"
        asked = await asyncio.gather(*(body_of(transport, hub.url) for _ in range(10)), return_exceptions=True)
    assert {type(error) for error in asked} == {AuthenticationError}
    assert len(keycloak.requests) == 2


USELESS: dict[str, Callable[[], web.Response]] = {
    "no JSON": lambda: web.Response(text="<html>access-1 s3cret</html>"),
    "nothing": lambda: web.Response(text=""),
    "a list": lambda: web.json_response([]),
    "no token": lambda: web.json_response({"expires_in": 300}),
    "an empty token": lambda: web.json_response({"access_token": ""}),
    "a token that is null": lambda: web.json_response({"access_token": None}),
    "a token with a line break": lambda: web.json_response({"access_token": "s3cret\r\nHost: evil"}),
    "a token with a space": lambda: web.json_response({"access_token": "s3cret s3cret"}),
    "a token that is not ASCII": lambda: web.json_response({"access_token": "s3crét"}),
    "another type of token": lambda: web.json_response({"access_token": "s3cret", "token_type": "mac"}),
    "a deep answer": lambda: web.Response(text="[" * 60_000),
    "a huge answer": lambda: web.json_response({"access_token": "s3cret" * 20_000}),
    "a page that is not there": lambda: web.Response(status=404, text="s3cret"),
    "a refusal of another kind": lambda: web.json_response({"error": "s3cret"}, status=400),
    "a refusal without words": lambda: web.Response(status=401),
    "no content": lambda: web.Response(status=204),
    "another encoding": lambda: web.Response(body=b"{}", headers={"Content-Encoding": "br"}),
    "no gzip": lambda: web.Response(body=b"{}", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("reply", USELESS.values(), ids=USELESS)
async def test_an_endpoint_that_is_none_is_told_so_with_the_keys_to_check(
    hub: Origin, keycloak: Keycloak, reply: Callable[[], web.Response], watcher: Recorder
) -> None:
    keycloak.replies.append(reply())
    async with transport_of(hub, keycloak, observer=watcher) as transport:
        with pytest.raises(
            AuthenticationError, match=r"check `auth_url` and `token` in .*spec\.source\.secretRef"
        ) as caught:
            await body_of(transport, hub.url)
    assert keycloak.url in str(caught.value)
    assert not SECRETS.search(str(caught.value))
    assert (watcher.retries, hub.requests) == ([], [])


async def test_a_token_of_an_unnamed_kind_without_an_end_is_taken(keycloak: Keycloak) -> None:
    keycloak.replies.append(web.json_response({"access_token": "a.b-c_d~e+f/g=="}))
    async with Origin() as hub, transport_of(hub, keycloak) as transport:
        await body_of(transport, hub.url)
        assert carried(hub) == ["Bearer a.b-c_d~e+f/g=="]


@pytest.mark.parametrize("status", [403, 408, 425, 429, 500, 502, 503, 520])
async def test_a_passing_failure_of_the_endpoint_is_retried(
    hub: Origin, keycloak: Keycloak, status: int, watcher: Recorder
) -> None:
    keycloak.replies += [web.Response(status=status) for _ in range(QUICK.attempts - 1)]
    async with transport_of(hub, keycloak, observer=watcher) as transport:
        assert await body_of(transport, hub.url) == b"{}"
    assert len(watcher.retries) == QUICK.attempts - 1
    assert watcher.codes == [str(status)] * (QUICK.attempts - 1) + ["200", "200"]


async def test_an_endpoint_that_stays_down_is_a_passing_failure_and_is_not_stormed(
    hub: Origin, keycloak: Keycloak, watcher: Recorder
) -> None:
    keycloak.replies += [web.Response(status=503, text="s3cret") for _ in range(100)]
    async with transport_of(hub, keycloak, observer=watcher) as transport:
        asked = await asyncio.gather(*(body_of(transport, hub.url) for _ in range(20)), return_exceptions=True)
    assert {type(error) for error in asked} == {TokenUnavailableError}
    said = str(asked[0])
    assert (str(hub.url)[:-1] in said, f"{keycloak.url} answered 503" in said) == (True, True)
    assert not SECRETS.search(said)
    assert len(keycloak.requests) == QUICK.attempts
    assert hub.requests == []


async def test_an_endpoint_that_asks_for_too_much_patience_is_an_error_at_once(hub: Origin, keycloak: Keycloak) -> None:
    keycloak.replies.append(web.Response(status=429, headers={"Retry-After": "301"}))
    async with transport_of(hub, keycloak) as transport:
        with pytest.raises(TokenUnavailableError, match="longer than a run waits"):
            await body_of(transport, hub.url)
    assert len(keycloak.requests) == 1


async def test_an_endpoint_that_says_429_does_not_hold_the_source_back(hub: Origin, keycloak: Keycloak) -> None:
    async with Origin() as other, transport_of(hub, keycloak) as transport:
        keycloak.replies += [web.Response(status=429, headers={"Retry-After": "100"}) for _ in range(3)]
        asking = asyncio.create_task(body_of(transport, hub.url))
        await until(lambda: keycloak.requests)
        assert await body_of(transport, other.url) == b"{}"
        asking.cancel()
        await asyncio.wait({asking})


async def test_nobody_there_is_a_passing_failure_that_names_the_endpoint(hub: Origin) -> None:
    async with Keycloak() as gone:
        pass
    async with transport_of(hub, gone) as transport:
        with pytest.raises(TokenUnavailableError, match=rf"no token for {hub.url[:-1]}: {gone.url} broke off"):
            await body_of(transport, hub.url)


async def test_an_endpoint_that_stays_silent_is_given_up(hub: Origin, keycloak: Keycloak) -> None:
    keycloak.held = asyncio.Event()
    async with transport_of(hub, keycloak, stall_seconds=0.05) as transport:
        with pytest.raises(TokenUnavailableError, match="did not answer in time"):
            await body_of(transport, hub.url)


async def test_a_refresh_token_is_not_sent_over_plain_http_unless_that_was_asked_for(keycloak: Keycloak) -> None:
    async with Origin(tls=server_context()) as hub:
        async with transport_of(hub, keycloak, tls=client_context(), insecure=False) as transport:
            with pytest.raises(AuthenticationError, match="is not https, and a refresh token"):
                await body_of(transport, hub.url)
        assert (keycloak.requests, hub.requests) == ([], [])


async def test_the_authorities_of_the_source_are_trusted_for_its_endpoint() -> None:
    async with (
        Keycloak(tls=server_context()) as keycloak,
        Origin(tls=server_context(), accepts=bearer_of(keycloak)) as hub,
        transport_of(hub, keycloak, tls=client_context(), insecure=False) as transport,
    ):
        assert await body_of(transport, hub.url) == b"{}"


async def test_an_endpoint_whose_certificate_does_not_verify_gets_nothing() -> None:
    async with Keycloak(tls=server_context("elsewhere.example")) as keycloak, Origin(tls=server_context()) as hub:
        async with transport_of(hub, keycloak, tls=client_context(), insecure=False) as transport:
            with pytest.raises(UntrustedError, match=f"the certificate of https://127.0.0.1:{keycloak.port} does not"):
                await body_of(transport, hub.url)
        assert (keycloak.requests, hub.requests) == ([], [])


@pytest.mark.parametrize("tls", [False, True])
async def test_the_endpoint_is_asked_through_the_proxy_of_the_source(tls: bool) -> None:
    context = server_context() if tls else None
    async with (
        Keycloak(tls=context) as keycloak,
        Origin(tls=context, accepts=bearer_of(keycloak)) as hub,
        WaysideProxy(username="me", password="s3cret") as way,
    ):
        proxy = Proxy.at(way.url, "me", "s3cret")
        async with transport_of(hub, keycloak, tls=client_context(), proxy=proxy) as transport:
            await body_of(transport, hub.url)
        assert len(way.asked) == 2
        told = [keycloak.requests[0].headers, *(request.headers for request in hub.requests)]
        assert not [headers for headers in told if "Proxy-Authorization" in headers]
        if tls:
            assert not SECRETS.search(str(way.asked))


@pytest.mark.parametrize("tls", [False, True])
async def test_a_proxy_that_refuses_is_not_taken_for_the_endpoint(tls: bool) -> None:
    context = server_context() if tls else None
    async with (
        Keycloak(tls=context) as keycloak,
        Origin(tls=context) as hub,
        WaysideProxy(username="me") as way,
        transport_of(hub, keycloak, tls=client_context(), proxy=Proxy.at(way.url)) as transport,
    ):
        with pytest.raises(AuthenticationError, match=r"proxy .* wants credentials.*proxySecretRef"):
            await body_of(transport, hub.url)


HOSTILE = {
    "nothing": b"",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    "a huge header": answered(b"{}", "X-Huge: " + "x" * 100_000),
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
async def test_whatever_an_endpoint_says_is_a_galaxy_error(answer: bytes, hub: Origin, watcher: Recorder) -> None:
    async with scripted(answer) as endpoint:
        credentials = Credentials.refreshed(URL(hub.url), URL(f"{endpoint.url}?s3cret"), "refresh-0")
        async with transport_to(hub.url, credentials=credentials, observer=watcher, stall_seconds=0.3) as transport:
            with pytest.raises(GalaxyError) as caught:
                await transport.get("root", URL(hub.url), Collected(), limit=LIMIT)
        assert watcher.started == len(watcher.ended) <= QUICK.attempts
        assert not SECRETS.search(str(caught.value))
