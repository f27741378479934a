"""As many clients as there is room for: idle ones make way, and where all are answered the others wait."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from collectionsync.server.connections import Bounds, Clients, HttpServer
from collectionsync.server.listening import AddressError, Listener, bound
from collectionsync.server.refusals import invalid
from server.wire import Wire, connected, request
from syncing import until

LIMIT = 3
GRACE_SECONDS = 0.02


class Room:
    """A server with room for LIMIT clients, which answers when it is let."""

    def __init__(self) -> None:
        self.clients = Clients(Bounds(LIMIT, grace_seconds=GRACE_SECONDS), refused=lambda _: None)
        self.http = HttpServer(self._answer, self.clients)
        self.listener: Listener
        self.let = asyncio.Event()
        self.asked = 0

    async def _answer(self, asking: Any) -> Any:
        self.asked += 1
        self.clients.busy(asking.protocol)
        try:
            await self.let.wait()
            return invalid("this is an answer like any other").response()
        finally:
            self.clients.answered(asking.protocol)


@pytest.fixture
async def room() -> AsyncIterator[tuple[Room, int]]:
    """A room, and where it listens."""
    made = Room()
    with bound("127.0.0.1", 0) as sockets:
        listener = made.listener = Listener(sockets, made.http, made.clients)
        listener.start()
        yield made, sockets[0].getsockname()[1]
        made.let.set()
        listener.stop()
        made.http.pre_shutdown()
        await made.http.shutdown(0.1)


async def is_ended(wire: Wire) -> bool:
    """Whether the server has ended a connection; waits a moment for it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            return await wire.reader.read(1) == b""
    return False


async def test_the_one_that_was_idle_the_longest_makes_way(room: tuple[Room, int]) -> None:
    made, port = room
    made.let.set()
    async with contextlib.AsyncExitStack() as stack:
        wires = []
        for number in range(LIMIT):
            wires.append(await stack.enter_async_context(connected(port)))
            await until(lambda expected=number + 1: made.clients.count == expected)  # type: ignore[misc]
        # The first one is not the one that was idle the longest once it has asked for something.
        await wires[0].send(request("/"))
        assert await wires[0].reply() is not None
        await stack.enter_async_context(connected(port))
        await until(lambda: is_ended(wires[1]), "the end of the second")
        assert made.clients.count == LIMIT
        await wires[0].send(request("/"))
        assert await wires[0].reply() is not None


async def test_where_all_are_answered_another_waits_until_one_has_gone(room: tuple[Room, int]) -> None:
    made, port = room
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(LIMIT):
            wire = await stack.enter_async_context(connected(port))
            await wire.send(request("/"))
        await until(lambda: made.asked == LIMIT)
        waiting = await stack.enter_async_context(connected(port))
        await waiting.send(request("/"))
        assert not await is_ended(waiting)
        assert (made.asked, made.clients.count) == (LIMIT, LIMIT)
        made.let.set()
        assert await waiting.reply() is not None


async def test_one_that_leaves_without_its_answer_makes_room_too(room: tuple[Room, int]) -> None:
    made, port = room
    async with contextlib.AsyncExitStack() as stack:
        wires = []
        for _ in range(LIMIT):
            wires.append(await stack.enter_async_context(connected(port)))
            await wires[-1].send(request("/"))
        await until(lambda: made.asked == LIMIT)
        waiting = await stack.enter_async_context(connected(port))
        await waiting.send(request("/"))
        wires[0].writer.transport.abort()
        await until(lambda: made.asked == LIMIT + 1, "the request of the one that waited")


async def test_many_more_than_there_is_room_for_are_all_answered(room: tuple[Room, int]) -> None:
    made, port = room
    made.let.set()

    async def asked() -> bool:
        async with connected(port) as wire:
            await wire.send(request("/", "Connection: close"))
            return await wire.reply() is not None

    assert all(await asyncio.gather(*(asked() for _ in range(100))))


class Exhausted:
    """A socket that nobody can be taken in from, since there are too many files open."""

    def accept(self) -> None:
        raise OSError(errno.EMFILE, "Too many open files")


async def test_without_a_file_for_it_a_client_waits(room: tuple[Room, int], caplog: pytest.LogCaptureFixture) -> None:
    made, port = room
    made.let.set()
    for _ in range(2):
        made.listener._take_in(cast("socket.socket", Exhausted()))
    async with connected(port) as wire:
        await wire.send(request("/"))
        assert await wire.reply() is not None
    assert caplog.text.count("clients have to wait: Too many open files") == 1


def test_an_address_that_somebody_has_is_told_of_by_its_option() -> None:
    with bound("127.0.0.1", 0) as sockets:
        sockets[0].listen()
        port = sockets[0].getsockname()[1]
        with (
            pytest.raises(AddressError, match=f"--listen 127.0.0.1:{port} cannot be listened on"),
            bound("127.0.0.1", port),
        ):
            pass


def test_an_address_that_is_not_of_this_machine_is_told_of() -> None:
    with pytest.raises(AddressError, match=r"--listen \[2001:db8::1\]:80"), bound("2001:db8::1", 80):
        pass
