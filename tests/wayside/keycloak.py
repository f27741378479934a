"""A token endpoint as Keycloak's: tokens for a refresh token, and its refusals word by word."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl

from aiohttp import web

PATH = "/realms/mirror/protocol/openid-connect/token"


@dataclass(frozen=True)
class TokenRequest:
    """What a client sent."""

    method: str
    path: str
    form: dict[str, str]
    headers: Mapping[str, str]


class Keycloak:
    """A token endpoint for as long as the context lasts.

    Its tokens are `access-1`, `access-2` and so on; those in `valid` are. With `rotates` each answer replaces the
    refresh token, and the old one is taken no more. `replies` are given first, one each, before what it would answer;
    `held` is an event that answers wait for. `expires_in`, in seconds, is left out when it is None.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, expires_in: object = 300, rotates: bool = False) -> None:
        self._tls = tls
        self.expires_in = expires_in
        self.rotates = rotates
        self.refresh_token = "refresh-0"
        self.client_id = "cloud-services"
        self.issued: list[str] = []
        self.valid: set[str] = set()
        self.requests: list[TokenRequest] = []
        self.replies: list[web.Response] = []
        self.held: asyncio.Event | None = None
        self.extra: dict[str, object] = {}

    @property
    def url(self) -> str:
        """The URL that a person writes down as auth_url."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}{PATH}"

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
        )
        await self._runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        await web.SockSite(self._runner, listener, ssl_context=self._tls).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.read()).decode()
        form = dict(parse_qsl(body))
        self.requests.append(TokenRequest(request.method, request.path, form, dict(request.headers)))
        if self.held is not None:
            await self.held.wait()
        if self.replies:
            return self.replies.pop(0)
        if request.path != PATH or request.method != "POST":
            return web.json_response({"error": "HTTP 404 Not Found"}, status=404)
        if form.get("client_id") != self.client_id:
            return refusal("invalid_client", "Invalid client or Invalid client credentials", 401)
        if form.get("grant_type") != "refresh_token":
            return refusal("unsupported_grant_type", "Unsupported grant_type")
        if form.get("refresh_token") != self.refresh_token:
            return refusal("invalid_grant", f"Invalid refresh token {form.get('refresh_token')}")
        return web.json_response(self._granted())

    def _granted(self) -> dict[str, object]:
        token = f"access-{len(self.issued) + 1}"
        self.issued.append(token)
        self.valid.add(token)
        if self.rotates:
            self.refresh_token = f"refresh-{len(self.issued)}"
        answer: dict[str, object] = {"access_token": token, "token_type": "Bearer", "scope": "api.iam.service_accounts"}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        return {**answer, "refresh_token": self.refresh_token, **self.extra}


def refusal(error: str, description: str, status: int = 400) -> web.Response:
    """What an OAuth server says when it gives no token (RFC 6749, section 5.2)."""
    return web.json_response({"error": error, "error_description": description}, status=status)
