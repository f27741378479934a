"""What aiohttp's server leaves open: how long a client may take to ask and to read, and how many clients there are.

All of them are looked at together once in a while, so that no request costs a timer of its own.
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from collectionsync.server.refusals import invalid

WRITE_BUFFER_BYTES = 16 * 1024
"""Of an answer, what a client may leave in this process before it is waited for."""

UNSENT_BYTES = 64 * 1024
"""Of an answer, what the kernel takes before it can be sent (TCP_NOTSENT_LOWAT): it is memory as well."""

# A body is of no use to a server that is read-only.
_LINGERING_SECONDS = 2.0
_LARGEST_LINE_BYTES = 8190


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many clients there may be, and for how many seconds one may keep the server waiting.

    For `grace_seconds` an idle one is not ended for another: what it asks may be on its way.
    """

    connections: int
    head_seconds: float = 15.0
    idle_seconds: float = 30.0
    stall_seconds: float = 60.0
    grace_seconds: float = 0.25

    @property
    def look_seconds(self) -> float:
        """How often clients are looked at."""
        return min(1.0, self.head_seconds / 8, self.stall_seconds / 8)


class Connection(web.RequestHandler):
    """One client. `head_since` is when it began to ask; None while it is answered, and until it asks again."""

    __slots__ = ("_clients", "_left", "_progress_at", "head_since", "is_cut_off")

    head_since: float | None
    _progress_at: float | None

    def __init__(self, clients: "Clients", *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._clients = clients
        self.head_since = self._progress_at = None
        self._left = 0
        self.is_cut_off = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound what is written ahead, and begin to wait for a request."""
        super().connection_made(transport)
        stream = cast("asyncio.Transport", transport)
        stream.set_write_buffer_limits(high=WRITE_BUFFER_BYTES, low=0)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            stream.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        self.head_since = self._loop.time()
        self._clients.came(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for another client."""
        super().connection_lost(exc)
        self._clients.went(self)

    def data_received(self, data: bytes) -> None:
        """Note when a request began that is not whole yet."""
        super().data_received(data)
        if self._messages or self._request_in_progress:
            self.head_since = None
        elif data and self.head_since is None:
            self.head_since = self._loop.time()

    @property
    def is_asking(self) -> bool:
        """Whether another request is there already."""
        return bool(self._messages)

    def pause_writing(self) -> None:
        """Begin to watch whether the client takes what it is sent."""
        super().pause_writing()
        self._progress_at = self._loop.time()
        self._left = self._unwritten()

    def resume_writing(self) -> None:
        """Watch no more."""
        super().resume_writing()
        self._progress_at = None

    def _unwritten(self) -> int:
        return self.transport.get_write_buffer_size() if self.transport is not None else 0

    def is_stalled(self, now: float, seconds: float) -> bool:
        """Whether the client has taken nothing for so long, though there was something to take."""
        if self._progress_at is None:
            return False
        left = self._unwritten()
        if left < self._left:
            self._left, self._progress_at = left, now
        return now - self._progress_at >= seconds

    def cut_off(self) -> None:
        """End the connection now, and drop what the client has not taken."""
        self.is_cut_off = True
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what is no request; nothing else comes here that could still be answered.

        Raises:
            ConnectionError: it could not.
        """
        if not isinstance(exc, HttpProcessingError):
            raise ConnectionResetError("the answer broke off") from exc
        response = invalid(
            f"this is no request of HTTP/1.1, or a line of its head is longer than {_LARGEST_LINE_BYTES} bytes, or it"
            " has too many of them"
        ).response()
        response.force_close()
        self._clients.refused(response.status)
        return response


class Clients:
    """All connections: which of them are idle, which take too long, and whether there is room for another.

    `refused` is told the status of an answer to what is no request; `freed` when there is room again.
    """

    def __init__(self, bounds: Bounds, refused: Callable[[int], None]) -> None:
        self.bounds = bounds
        self.refused = refused
        self.freed: Callable[[], None] = lambda: None
        self._coming = 0
        self._all: set[Connection] = set()
        self._idle: OrderedDict[Connection, float] = OrderedDict()  # since when, the longest first

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._all)

    @property
    def has_room(self) -> bool:
        """Whether one more may come."""
        return len(self._all) + self._coming < self.bounds.connections

    def make_room(self) -> bool:
        """Whether one more may come; the longest idle one goes for it."""
        if self.has_room:
            return True
        longest, since = next(iter(self._idle.items()), (None, 0.0))
        if longest is None or asyncio.get_running_loop().time() - since < self.bounds.grace_seconds:
            return False
        self._end(longest)
        return True

    def let_go(self) -> None:
        """End all that are idle."""
        for connection in list(self._idle):
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        self.went(connection)
        connection.force_close()

    def expect(self, coming: int) -> None:
        """Keep room for a client that is coming, or with -1 for one less that did not."""
        self._coming += coming

    def came(self, connection: Connection) -> None:
        """Take in a client that was expected."""
        self._coming -= 1
        self._all.add(connection)
        self._idle[connection] = asyncio.get_running_loop().time()

    def went(self, connection: Connection) -> None:
        """Forget a client; harmless twice."""
        self._all.discard(connection)
        self._idle.pop(connection, None)
        self.freed()

    def busy(self, connection: Connection) -> None:
        """Note that a client is being answered."""
        self._idle.pop(connection, None)

    def answered(self, connection: Connection) -> None:
        """Note that a client has its answer."""
        if connection in self._all and not connection.is_asking:
            self._idle[connection] = asyncio.get_running_loop().time()
            self.freed()

    async def watch(self) -> None:
        """Cut off whoever takes too long, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.bounds.look_seconds)
            now = loop.time()
            for connection in list(self._all):
                since = connection.head_since
                if (since is not None and now - since >= self.bounds.head_seconds) or connection.is_stalled(
                    now, self.bounds.stall_seconds
                ):
                    connection.cut_off()


class HttpServer(web.Server):
    """Has requests answered by `handler`."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], clients: Clients) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            keepalive_timeout=clients.bounds.idle_seconds,
            lingering_time=_LINGERING_SECONDS,
            access_log=None,
            max_line_size=_LARGEST_LINE_BYTES,
            max_field_size=_LARGEST_LINE_BYTES,
        )
        self._clients = clients

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self._clients, self, loop=self._loop, **self._kwargs)
