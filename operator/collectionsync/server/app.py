"""From a request to its answer: which route it means, who may ask, and what became of it."""

import asyncio
import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from collectionsync.byte_budget import ByteBudget
from collectionsync.server.call import Call
from collectionsync.server.connections import Clients, Connection
from collectionsync.server.holdings import Holdings
from collectionsync.server.memory_plan import ANSWER_BYTES, MemoryPlan
from collectionsync.server.public_url import PublicUrl, claimed_origin
from collectionsync.server.refusals import (
    BrokenOffError,
    invalid,
    not_allowed,
    not_authenticated,
    not_found,
    refusal_of,
)
from collectionsync.server.routes import Found, Router, Scope
from collectionsync.server.sending import Sender
from collectionsync.server.sessions import Sessions
from collectionsync.server.tally import Tally
from collectionsync.server.target import Target, read_query, read_target

log = logging.getLogger(__name__)

UNKNOWN = "unknown"
"""The label of what leads nowhere, and of what is no request."""


class Rights(Protocol):
    """Who may read which repository."""

    def allows(self, namespace: str, repository: str, authorization: str | None) -> bool:
        """Whether who sends this may read the repository, be it there or not."""

    def is_open(self, namespace: str, repository: str) -> bool:
        """Whether everybody may."""


@dataclass(slots=True, kw_only=True)
class Server:
    """Answers requests: `access` says to whom, and `tally` and `clients` know what became of them."""

    holdings: Holdings
    access: Rights
    sender: Sender
    budget: ByteBudget
    tally: Tally
    clients: Clients
    public_url: PublicUrl | None = None
    default_repository: tuple[str, str] | None = None
    router: Router = field(init=False)
    _prefix_segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.router = Router(self.default_repository)
        self._prefix_segments = self.public_url.segments if self.public_url else ()

    @property
    def sessions(self) -> Sessions:
        """Those with the database."""
        return self.holdings.sessions

    @property
    def plan(self) -> MemoryPlan:
        """How memory is spent."""
        return self.holdings.plan

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, to the last byte, and count it.

        Raises:
            ConnectionError: the answer could not be brought to its end, and the connection is closed.
        """
        began = asyncio.get_running_loop().time()
        target = read_target(request.raw_path, self._prefix_segments)
        found = self.router.find(target.segments) if target else None
        label = found.route.label if found else UNKNOWN
        self.tally.inflight_requests += 1
        connection = request.protocol
        assert isinstance(connection, Connection), "connections are made by Clients"
        self.clients.busy(connection)
        try:
            response = await self._respond(request, target, found)
            if self.holdings.stopping:
                response.force_close()  # the next request is for another server
            await response.prepare(request)
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError) as error:
            self.tally.aborted[_reason(connection, error)] += 1
            raise
        else:
            seconds = asyncio.get_running_loop().time() - began
            self.tally.answered(label, response.status, request.writer.output_size, seconds)
            return response
        finally:
            self.tally.inflight_requests -= 1
            self.clients.answered(connection)

    async def _respond(
        self, request: web.BaseRequest, target: Target | None, found: Found | None
    ) -> web.StreamResponse:
        """Return the answer, or the error that it is instead.

        Raises:
            ConnectionError: the client has gone, or the answer had begun and was broken off.
        """
        try:
            if request.method not in ("GET", "HEAD"):
                raise not_allowed()
            if target is None or found is None:
                raise not_found("no such path; repositories are at /NAMESPACE/REPOSITORY/api/")
            return await self._answer(self._call(request, target, found), found)
        except ConnectionError:
            raise
        except Exception as error:
            refusal = refusal_of(error)
            # That the database is away was told once: a line for each request would bury it.
            if refusal.status != HTTPStatus.SERVICE_UNAVAILABLE or self.sessions.problem is None:
                _log(refusal.status, request, error)
            if request.writer.output_size > 0:
                # Nobody may take half of an answer for all of it.
                if request.transport is not None:
                    request.transport.abort()
                raise BrokenOffError from error
            return refusal.response()

    async def _answer(self, call: Call, found: Found) -> web.StreamResponse:
        held = 0
        if found.route.scope is Scope.REPOSITORY and not found.route.streams:
            held = await self.budget.acquire(ANSWER_BYTES)

        def release() -> None:
            nonlocal held
            if held:
                self.budget.release(held)
                held = 0

        try:
            # No variable here may keep what is sent in memory.
            return await self.sender.send(call, await found.route.handler(self.holdings, call), release)
        finally:
            release()

    def _call(self, request: web.BaseRequest, target: Target, found: Found) -> Call:
        """Return what is asked for.

        Raises:
            Refusal: it makes no sense, or this one may not ask for it.
        """
        try:
            call = Call(request, target.path, found.values, read_query(target.query))
        except ValueError as error:
            raise invalid(str(error)) from error
        if found.route.probe:
            return call
        call.origin = self._origin(request)
        if found.owner is not None:
            call.namespace, call.repository = found.owner
            if not self.access.allows(call.namespace, call.repository, request.headers.get("Authorization")):
                raise not_authenticated()
            call.private = not self.access.is_open(call.namespace, call.repository)
            call.base = self.holdings.prefix + found.base
            call.path = target.path if target.prefixed else self.holdings.prefix + target.path
        return call

    def _origin(self, request: web.BaseRequest) -> str:
        if self.public_url is not None:
            return self.public_url.origin
        origin = claimed_origin(request.headers.getall("Host", []), request.headers.get("X-Forwarded-Proto"))
        if origin is None:
            raise invalid("the header Host has to name the host that this server was reached by, once")
        return origin


def _log(status: int, request: web.BaseRequest, error: Exception) -> None:
    """Tell of an answer that is the server's fault, or its database's."""
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        what = "a bug in collectionsync, at %s %.200s: please report it with what follows"
        log.error(what, request.method, request.raw_path, exc_info=error)
    elif status > HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("%d to %s %.200s: %s", status, request.method, request.raw_path, error)


def _reason(connection: Connection, error: BaseException) -> str:
    """Return why an answer broke off, as the metric has it."""
    if connection.is_cut_off:
        return "Stalled"
    return "StoreFailed" if isinstance(error, BrokenOffError) else "Disconnected"
