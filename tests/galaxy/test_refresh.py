"""Tokens by a refresh token: asked for once, carried to the source alone, and replaced where that helps."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import (
    AuthenticationError,
    NotFoundError,
    TransientError,
)
from galaxy.refreshing import SECRETS, bearer_of, carried, refreshed, transport_of
from galaxy.wire import Recorder, body_of, transport_to, until
from wayside import Keycloak, Origin, Request
from wayside.keycloak import PATH


@pytest.fixture
async def keycloak() -> AsyncIterator[Keycloak]:
    async with Keycloak() as server:
        yield server


@pytest.fixture
async def hub(keycloak: Keycloak) -> AsyncIterator[Origin]:
    """A source that takes the tokens that the endpoint says are valid."""
    async with Origin(accepts=bearer_of(keycloak)) as server:
        yield server


async def test_a_token_is_asked_for_as_ansible_galaxy_asks_for_it(hub: Origin, keycloak: Keycloak) -> None:
    async with transport_of(hub, keycloak) as transport:
        assert await body_of(transport, hub.url) == b"{}"
    (asked,) = keycloak.requests
    assert (asked.method, asked.path) == ("POST", PATH)
    assert asked.form == {
        "grant_type": "refresh_token",
        "client_id": "cloud-services",
        "refresh_token": "refresh-0",
    }
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in asked.headers
    assert carried(hub) == ["Bearer access-1"]


async def test_ansible_galaxy_itself_is_answered_and_asks_the_same(
    hub: Origin, keycloak: Keycloak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here rather than above: it is slow to import, and makes folders where it thinks to be at home.
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path))
    from ansible.galaxy.token import KeycloakToken  # type: ignore[import-untyped]

    token = KeycloakToken(access_token="refresh-0", auth_url=keycloak.url)
    headers = await asyncio.to_thread(token.headers)
    async with transport_of(hub, keycloak) as transport:
        await body_of(transport, hub.url)
    theirs, ours = keycloak.requests
    assert (theirs.method, theirs.path, theirs.form) == (ours.method, ours.path, ours.form)
    assert headers == {"Authorization": "Bearer access-1"}


async def test_the_client_may_be_another(hub: Origin, keycloak: Keycloak) -> None:
    keycloak.client_id = "mirror & co"
    async with transport_of(hub, keycloak, credentials=refreshed(hub, keycloak, client_id="mirror & co")) as transport:
        await body_of(transport, hub.url)
    assert keycloak.requests[0].form["client_id"] == "mirror & co"


async def test_many_connections_share_one_token(hub: Origin, keycloak: Keycloak, watcher: Recorder) -> None:
    keycloak.held = asyncio.Event()
    async with transport_of(hub, keycloak, observer=watcher) as transport:
        asking = [asyncio.create_task(body_of(transport, hub.url)) for _ in range(40)]
        await until(lambda: keycloak.requests)
        keycloak.held.set()
        await asyncio.gather(*asking)
    assert (len(keycloak.requests), set(carried(hub))) == (1, {"Bearer access-1"})
    assert watcher.ended.count(("token", "200")) == 1


async def test_nobodys_turn_has_come_before_there_is_a_token(hub: Origin, keycloak: Keycloak) -> None:
    """Or all who had theirs meanwhile would be let go at once, whatever the rate."""
    async with transport_of(hub, keycloak, rate=1000) as transport:
        turn, tokens = transport._pace.turn, []

        async def watched() -> None:
            tokens.append(len(keycloak.issued))
            await turn()

        transport._pace.turn = watched  # type: ignore[method-assign]
        await asyncio.gather(*(body_of(transport, hub.url) for _ in range(5)))
    assert tokens == [1] * 5


async def test_a_token_that_the_source_takes_no_more_is_replaced_once_for_all(
    hub: Origin, keycloak: Keycloak, watcher: Recorder
) -> None:
    async with transport_of(hub, keycloak, observer=watcher) as transport:
        await body_of(transport, hub.url)
        keycloak.valid.clear()
        bodies = await asyncio.gather(*(body_of(transport, hub.url) for _ in range(20)))
    assert bodies == [b"{}"] * 20
    assert keycloak.issued == ["access-1", "access-2"]
    assert set(watcher.retries) == {"TokenExpired"}


async def test_a_source_that_refuses_every_token_is_not_asked_for_ever(keycloak: Keycloak, watcher: Recorder) -> None:
    async with Origin(accepts=lambda _: False) as hub:
        async with transport_of(hub, keycloak, observer=watcher, field="spec.sources[0]") as transport:
            asked = await asyncio.gather(*(body_of(transport, hub.url) for _ in range(10)), return_exceptions=True)
            with pytest.raises(
                AuthenticationError, match=r"answered 401 to a new token of http://127.*spec\.sources\[0\]"
            ):
                await body_of(transport, hub.url)
        assert {type(error) for error in asked} == {AuthenticationError}
        assert (keycloak.issued, len(hub.requests)) == (["access-1"], 11)


async def test_a_source_that_refuses_every_other_request_costs_one_token_each(keycloak: Keycloak) -> None:
    turns = iter([True, False] * 3 + [False, False])
    async with Origin(accepts=lambda _: next(turns)) as hub, transport_of(hub, keycloak) as transport:
        for _ in range(3):
            await body_of(transport, hub.url)
        assert len(keycloak.issued) == 3
        with pytest.raises(AuthenticationError):
            await body_of(transport, hub.url)
        assert len(keycloak.issued) <= 4


async def test_a_request_that_is_refused_with_each_token_is_made_twice_though_others_are_not(
    keycloak: Keycloak,
) -> None:
    async with Origin() as hub, transport_of(hub, keycloak) as transport:

        def closed(request: Request) -> web.Response:
            # As if another request with this token had just been answered.
            assert transport._tokens is not None
            transport._tokens.accepted((request.authorization or "").removeprefix("Bearer "))
            return web.Response(status=401)

        hub.answers["/closed"] = closed
        with pytest.raises(AuthenticationError):
            await body_of(transport, f"{hub.url}closed")
        assert carried(hub) == ["Bearer access-1", "Bearer access-2"]


async def test_a_root_that_is_open_to_all_proves_no_token_for_long(keycloak: Keycloak) -> None:
    """As a real Pulp's, which answers whoever asks; then the rest is refused once, and once more with a new token."""
    async with Origin() as hub, transport_of(hub, keycloak) as transport:
        hub.answers["/v3/"] = lambda _: web.Response(status=401)
        await body_of(transport, hub.url)
        with pytest.raises(AuthenticationError):
            await body_of(transport, f"{hub.url}v3/")
        assert keycloak.issued == ["access-1", "access-2"]


async def test_tokens_are_renewed_before_they_expire(hub: Origin, keycloak: Keycloak) -> None:
    keycloak.expires_in = 1
    async with transport_of(hub, keycloak) as transport:
        async with asyncio.timeout(20):
            while len(keycloak.issued) < 2:
                await body_of(transport, hub.url)
    statuses = {f"Bearer {token}" for token in keycloak.issued}
    assert set(carried(hub)) <= statuses


async def test_the_newest_refresh_token_is_used(hub: Origin, keycloak: Keycloak) -> None:
    keycloak.rotates = True
    async with transport_of(hub, keycloak) as transport:
        for _ in range(3):
            await body_of(transport, hub.url)
            keycloak.valid.clear()
    assert [asked.form["refresh_token"] for asked in keycloak.requests] == ["refresh-0", "refresh-1", "refresh-2"]


@pytest.mark.parametrize("status", [200, 401, 403])
async def test_another_origin_gets_no_token_and_its_401_renews_none(
    hub: Origin, keycloak: Keycloak, status: int
) -> None:
    async with Origin() as other, transport_of(hub, keycloak) as transport:
        other.answers["/x"] = lambda _: web.Response(status=status, text="{}")
        hub.redirects("/", f"{other.url}x")
        with contextlib.nullcontext() if status == 200 else pytest.raises(TransientError):
            await body_of(transport, hub.url)
        assert {request.authorization for request in other.requests} == {None}
        assert keycloak.issued == ["access-1"]


async def test_where_only_other_origins_are_asked_no_token_is(hub: Origin, keycloak: Keycloak) -> None:
    async with Origin() as other, transport_of(hub, keycloak) as transport:
        await body_of(transport, other.url)
    assert keycloak.requests == []


async def test_what_the_source_is_told_the_endpoint_is_not(hub: Origin, keycloak: Keycloak) -> None:
    async with transport_of(hub, keycloak, headers={"X-Key": "s3cret", "Cookie": "s3cret"}) as transport:
        await body_of(transport, hub.url)
    assert not SECRETS.search(str(keycloak.requests[0].headers))
    assert not [request for request in hub.requests if "refresh-" in str(request)]


async def test_an_endpoint_at_the_sources_origin_is_told_its_headers() -> None:
    async with Origin() as hub:
        hub.answers["/token"] = lambda _: web.json_response({"access_token": "access-1"})
        credentials = Credentials.refreshed(URL(hub.url), URL(f"{hub.url}token"), "refresh-0")
        async with transport_to(hub.url, credentials=credentials, headers={"X-Key": "k3y"}) as transport:
            await body_of(transport, hub.url)
        assert [request.headers["X-Key"] for request in hub.requests] == ["k3y"] * 2
        assert carried(hub) == [None, "Bearer access-1"]


async def test_a_run_that_ends_asks_no_more(hub: Origin, keycloak: Keycloak) -> None:
    keycloak.held = asyncio.Event()
    async with transport_of(hub, keycloak) as transport:
        asking = asyncio.create_task(body_of(transport, hub.url))
        await until(lambda: keycloak.requests)
        asking.cancel()
        await asyncio.wait({asking})
    assert not [task for task in asyncio.all_tasks() if "AccessTokens" in repr(task.get_coro())]


async def test_a_401_behind_a_redirect_of_the_source_is_renewed_as_well(hub: Origin, keycloak: Keycloak) -> None:
    hub.redirects("/", "/there")
    async with transport_of(hub, keycloak) as transport:
        await body_of(transport, f"{hub.url}there")
        keycloak.valid.clear()
        assert await body_of(transport, hub.url) == b"{}"
    assert len(keycloak.issued) == 2


async def test_other_answers_of_the_source_mean_what_they_always_do(hub: Origin, keycloak: Keycloak) -> None:
    hub.answers["/"] = lambda _: web.Response(status=404)
    async with transport_of(hub, keycloak) as transport:
        with pytest.raises(NotFoundError):
            await body_of(transport, hub.url)
    assert keycloak.issued == ["access-1"]
