"""Sources and token endpoints that belong together, and transports that know both."""

import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import trustme
from yarl import URL

from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.transport import Transport
from galaxy.wire import transport_to
from wayside import Keycloak, Origin

SECRETS = re.compile("refresh-|access-|s3cret")
"""What no message may hold: the tokens of Keycloak, and what the tests hide."""
_AUTHORITY = trustme.CA()


def server_context(*names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _AUTHORITY.issue_cert(*names or ("127.0.0.1",)).configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=_AUTHORITY.cert_pem.bytes().decode())


def bearer_of(keycloak: Keycloak) -> Callable[[str | None], bool]:
    """Whether an Authorization header has a token that the endpoint says is valid."""
    return lambda header: header in {f"Bearer {token}" for token in keycloak.valid}


def refreshed(hub: Origin, keycloak: Keycloak, refresh_token: str = "refresh-0", **more: Any) -> Credentials:
    return Credentials.refreshed(URL(hub.url), URL(keycloak.url), refresh_token, **more)


@contextlib.asynccontextmanager
async def transport_of(hub: Origin, keycloak: Keycloak, **options: Any) -> AsyncIterator[Transport]:
    options.setdefault("credentials", refreshed(hub, keycloak))
    async with transport_to(hub.url, **options) as transport:
        yield transport


def carried(hub: Origin) -> list[str | None]:
    return [request.authorization for request in hub.requests]
