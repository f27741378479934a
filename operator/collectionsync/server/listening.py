"""Sockets that clients come by, and the waiting of those for whom there is no room.

asyncio's own server takes everybody in. Here whoever is too many stays in the kernel's queue until another has gone.
"""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterator, Sequence

from collectionsync.server.connections import Clients

log = logging.getLogger(__name__)


class AddressError(Exception):
    """An address cannot be listened on."""

    def __init__(self, option: str, host: str, port: int, error: OSError) -> None:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        super().__init__(f"{option} {where} cannot be listened on: {error.strerror}; name another address, or free it")


BACKLOG = 1024
"""How many clients may wait in the kernel; it has a bound of its own, net.core.somaxconn."""

# Taken in at once: the others have to be answered meanwhile.
_AT_ONCE = 32
_AGAIN_SECONDS = 0.5
_ROOM_SECONDS = 0.05
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@contextlib.contextmanager
def bound(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Yield sockets on which nobody listens yet, one for each address that `host` has.

    Raises:
        AddressError: it is none of this machine's, or somebody has it.
    """
    with contextlib.ExitStack() as stack:
        try:
            sockets = [stack.enter_context(each) for each in _bound(host, port)]
        except OSError as error:
            raise AddressError("--listen", host, port, error) from error
        yield sockets


def _bound(host: str, port: int) -> Iterator[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in dict.fromkeys(found):
        each = socket.socket(family, kind, protocol)
        try:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.setblocking(False)
            each.bind(address)
        except OSError:
            each.close()
            raise
        yield each


class Listener:
    """Takes clients in from `sockets` from start() to stop(), as long as there is room for them."""

    def __init__(
        self, sockets: Sequence[socket.socket], make_protocol: Callable[[], asyncio.Protocol], clients: Clients
    ) -> None:
        self._sockets = sockets
        self._make_protocol = make_protocol
        self._clients = clients
        self._connecting: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = True
        self._stopped = False
        self._exhausted = False

    def start(self) -> None:
        """Begin."""
        for each in self._sockets:
            each.listen(BACKLOG)
        self._clients.freed = self._go_on
        self._go_on()

    def stop(self) -> None:
        """Take in nobody any more; who waits in the kernel is told so by it."""
        self._wait()
        self._stopped = True
        for each in self._sockets:
            each.close()

    def _go_on(self) -> None:
        if self._waiting and not self._stopped:
            self._waiting = False
            for each in self._sockets:
                asyncio.get_running_loop().add_reader(each, self._take_in, each)

    def _wait(self) -> None:
        if not self._waiting and not self._stopped:
            self._waiting = True
            for each in self._sockets:
                asyncio.get_running_loop().remove_reader(each)

    def _take_in(self, listening: socket.socket) -> None:
        if not self._clients.make_room():
            self._pause(_ROOM_SECONDS)
            return
        for _ in range(_AT_ONCE):
            if not self._clients.has_room:
                return
            try:
                client, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._tell(error)
                self._pause(_AGAIN_SECONDS)
                return
            client.setblocking(False)
            self._clients.expect(1)
            task = asyncio.create_task(self._connect(client))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self, client: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._make_protocol, client)
        except OSError:  # it has gone already
            client.close()
            self._clients.expect(-1)

    def _pause(self, seconds: float) -> None:
        """Try again later, or when there is room: a socket that nobody is taken in from would keep the loop busy."""
        self._wait()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _tell(self, error: OSError) -> None:
        if error.errno not in _EXHAUSTED:
            log.error("a client cannot be taken in: %s", error.strerror)
        elif not self._exhausted:
            log.error(
                "clients have to wait: %s; raise the limit of open files, or lower --memory-limit", error.strerror
            )
        self._exhausted = error.errno in _EXHAUSTED
