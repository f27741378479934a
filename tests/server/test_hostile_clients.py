"""Clients that take their time, and very many of them: cut off or let wait, and memory does not grow by them."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from collectionsync.server.app import Server
from collectionsync.server.connections import Bounds
from collectionsync.server.memory_plan import ANSWER_BYTES, INLINE_BYTES
from commandline import Commands
from server.wire import Wire, ask, connected, request
from servingmirror import Mirror, enlarge, filled, mirror, mirror_process
from syncing import until
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

SOON = 0.2
"""A bound in seconds that tests can wait for."""
NEVER = 1000.0
MEBIBYTE = 1024 * 1024
DETAIL = "/default/default/api/v3/collections/acme/alpha/versions/1.0.0/"
DOCS = f"{DETAIL}docs-blob/"
MANY = 5000


def bounds(connections: int = 100, **seconds: float) -> Bounds:
    """Bounds of which none but those that are named can be reached."""
    every = {"head_seconds": NEVER, "idle_seconds": NEVER, "stall_seconds": NEVER}
    return Bounds(connections, **(every | seconds))


@contextlib.asynccontextmanager
async def serving(database: str, given: Bounds) -> AsyncIterator[tuple[int, Server]]:
    """Serve a collection in this loop; yields the port, and the server's parts."""
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    async with mirror(database, bounds=given, memory_limit_bytes=64 * MEBIBYTE) as found:
        assert found.server is not None
        yield found.port, found.server


async def trickled(wire: Wire, text: bytes) -> int:
    """Send one byte after the other until the server hangs up, and return how many went."""
    for number, byte in enumerate(text):
        await wire.send(bytes([byte]))
        try:
            async with asyncio.timeout(0.01):
                assert await wire.reader.read(1) == b"", "no request is answered before it is whole"
        except TimeoutError:
            continue
        except ConnectionError:
            pass
        return number
    return len(text)


async def test_a_head_that_comes_byte_by_byte_is_cut_off(database: str) -> None:
    async with serving(database, bounds(head_seconds=SOON)) as (port, server), connected(port) as wire:
        head = request("/healthz", "X: " + "a" * 8000)
        assert await trickled(wire, head) < len(head)
        await until(lambda: server.clients.count == 0)


async def test_a_second_request_that_comes_byte_by_byte_is_cut_off_too(database: str) -> None:
    async with serving(database, bounds(head_seconds=SOON)) as (port, _), connected(port) as wire:
        await wire.send(request("/healthz"))
        assert await wire.reply() is not None
        head = request("/healthz", "X: " + "a" * 8000)
        assert await trickled(wire, head) < len(head)


async def test_who_says_nothing_at_all_is_cut_off(database: str) -> None:
    async with serving(database, bounds(head_seconds=SOON)) as (port, _), connected(port) as wire:
        assert await wire.rest() == b""


async def test_who_asks_no_more_is_cut_off(database: str) -> None:
    async with serving(database, bounds(idle_seconds=SOON)) as (port, _), connected(port) as wire:
        await wire.send(request("/healthz"))
        reply = await wire.reply()
        assert reply is not None
        assert reply.whole
        assert await wire.rest() == b""


async def test_a_body_that_never_comes_keeps_nobody(database: str) -> None:
    async with serving(database, bounds()) as (port, server), connected(port) as wire:
        await wire.send(b"POST / HTTP/1.1\r\nHost: server\r\nContent-Length: 1000\r\n\r\n")
        reply = await wire.reply()
        assert reply is not None
        assert reply.status == 405
        await wire.rest()
        await until(lambda: server.clients.count == 0)


@contextlib.asynccontextmanager
async def not_reading(port: int, target: str, kernel_bytes: int = 4096) -> AsyncIterator[socket.socket]:
    """Ask over a connection that takes little more than what its own kernel takes."""
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, kernel_bytes)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, ("127.0.0.1", port))
        await loop.sock_sendall(raw, request(target))
        yield raw


async def drained(raw: socket.socket) -> int:
    """Read all that comes, and return how many bytes that were."""
    loop, count = asyncio.get_running_loop(), 0
    with contextlib.suppress(ConnectionError):
        while piece := await loop.sock_recv(raw, 65536):
            count += len(piece)
    return count


async def test_a_reader_that_stops_is_cut_off_and_has_not_the_whole(database: str) -> None:
    async with serving(database, bounds(stall_seconds=SOON)) as (port, server):
        await enlarge(database, "docs_blob", 4 * MEBIBYTE)
        async with not_reading(port, DOCS) as raw:
            await until(lambda: server.tally.aborted["Stalled"] == 1, "the end of a reader that takes nothing")
            assert await drained(raw) < 4 * MEBIBYTE
        await until(lambda: server.tally.inflight_requests == 0)


async def test_what_a_reader_does_not_take_is_not_kept_for_it_in_this_process(database: str) -> None:
    async with serving(database, bounds()) as (port, server), contextlib.AsyncExitStack() as stack:
        await enlarge(database, "docs_blob", 4 * MEBIBYTE)
        for _ in range(8):
            await stack.enter_async_context(not_reading(port, DOCS))
        await until(lambda: server.tally.inflight_requests == 8)
        written = [each.transport.get_write_buffer_size() for each in server.clients._all if each.transport]
        assert sum(written) < 8 * 128 * 1024


async def test_others_are_served_while_readers_take_nothing(database: str) -> None:
    async with serving(database, bounds()) as (port, _), contextlib.AsyncExitStack() as stack:
        await enlarge(database, "docs_blob", 4 * MEBIBYTE)
        for _ in range(20):
            await stack.enter_async_context(not_reading(port, DOCS))
        assert (await ask(port, DETAIL)).status == 200
        async with connected(port) as wire:
            await wire.send(request(DOCS))
            reply = await wire.reply()
            assert reply is not None
            assert reply.whole
            assert len(reply.body) > 4 * MEBIBYTE


async def test_who_asks_and_asks_and_reads_nothing_keeps_nobody_from_being_served(database: str) -> None:
    """Each of them could hold a part of the memory for answers, until nothing is left of it."""
    async with serving(database, bounds(connections=1000)) as (port, server), contextlib.AsyncExitStack() as stack:
        for kind in ("metadata", "manifest", "files"):
            await enlarge(database, kind, INLINE_BYTES - 1000)
        many = server.plan.in_flight_bytes // ANSWER_BYTES + 10
        for number in range(many):
            # Kernels that take more or less stop the answer at other pieces of it.
            raw = await stack.enter_async_context(not_reading(port, DETAIL, 4096 + number % 96 * 1024))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await asyncio.get_running_loop().sock_sendall(raw, request(DETAIL) * 300)
        await until(lambda: sum(each.writing_paused for each in server.clients._all) == many, "a way that is full")
        assert server.budget.in_use == 0
        assert (await ask(port, DETAIL)).status == 200


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let this process have as many connections as a test opens, and some more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY + 500:
        pytest.skip(f"this process may have {hard} descriptors at the most, and needs {MANY + 500}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MANY + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("limit", "all_stay"), [("128Mi", False), ("2Gi", True)])
async def test_five_thousand_idle_connections_keep_nobody_from_being_served(
    commands: Commands, database: str, many_descriptors: None, limit: str, all_stay: bool
) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    async with mirror_process(commands, database, "--memory-limit", limit) as server:
        assert server.process is not None
        idle = []
        try:
            for _ in range(MANY):
                raw = socket.socket()
                idle.append(raw)
                raw.setblocking(False)
                await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", server.port))
            assert (await ask(server.port, DOCS)).status == 200
            assert peak_rss_bytes(server) < 128 * MEBIBYTE
            assert (descriptors(server) > MANY) is all_stay
        finally:
            for raw in idle:
                raw.close()


def peak_rss_bytes(server: Mirror) -> int:
    """The most memory that a server's process has had, as the kernel counts."""
    assert server.process is not None
    (line,) = (line for line in server.process.proc("status").splitlines() if line.startswith(b"VmHWM:"))
    return int(line.split()[1]) * 1024


def descriptors(server: Mirror) -> int:
    """How many files and connections a server's process has open."""
    assert server.process is not None
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
