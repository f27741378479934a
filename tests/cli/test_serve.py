"""`collectionsync serve` as a process: how it starts, what it is told by, and how it ends."""

import asyncio
import contextlib
import signal
import socket
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collectionsync.report import ExitCode
from commandline import Commands
from postgres import execute, short_folder
from server.wire import Wire, ask, connected, request
from servingmirror import enlarge, filled, metrics_url, mirror_process
from syncing import manifest, until
from testgalaxy import TestGalaxy, small_catalog

pytestmark = pytest.mark.slow

API = "/default/default/api"
DETAIL = f"{API}/v3/collections/acme/alpha/versions/1.0.0/"
DOCS = f"{DETAIL}docs-blob/"
CONTENT = small_catalog({"acme.alpha": ["1.0.0"]})
MEBIBYTE = 1024 * 1024
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


async def test_it_serves_what_a_sync_has_stored(commands: Commands, database: str) -> None:
    await filled(database, CONTENT)
    async with mirror_process(commands, database) as server:
        assert (await server.json(DETAIL))["version"] == "1.0.0"
        assert server.process is not None
        server.process.send(signal.SIGTERM)
        ended = await server.process.ended()
    assert ended.code == ExitCode.OK
    assert "serving at http://127.0.0.1:" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_well(commands: Commands, number: signal.Signals) -> None:
    async with mirror_process(commands, NOWHERE, ready=False) as server:
        assert server.process is not None
        server.process.send(number)
        assert (await server.process.ended()).code == ExitCode.OK


async def test_a_database_that_is_not_there_yet_is_waited_for(commands: Commands) -> None:
    async with mirror_process(commands, NOWHERE, ready=False) as server:
        ready, asked = await server.get("/readyz"), await server.get(DETAIL)
        assert (ready.status, asked.status, asked.headers["Retry-After"]) == (503, 503, "5")
        assert (await server.get("/healthz")).status == 200


async def test_what_is_under_way_is_finished_and_who_is_idle_is_let_go(commands: Commands, database: str) -> None:
    await filled(database, CONTENT)
    await enlarge(database, "docs_blob", 4 * MEBIBYTE)
    process = mirror_process(commands, database, "--metrics-address", "127.0.0.1:0")
    async with process as server, connected(server.port) as idle:
        assert server.process is not None
        url = metrics_url(server.process)
        async with slow_reader(server.port) as reading:
            await until(lambda: is_under_way(url), "the document's beginning")
            server.process.send(signal.SIGTERM)
            assert await idle.rest() == b""
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", server.port)
            reading.writer.transport.resume_reading()  # type: ignore[attr-defined]
            reply = await reading.reply()
        assert reply is not None
        assert reply.whole
        assert len(reply.body) > 4 * MEBIBYTE
        assert (await server.process.ended()).code == ExitCode.OK


@contextlib.asynccontextmanager
async def slow_reader(port: int) -> AsyncIterator[Wire]:
    """A client that has asked for a document that no kernel takes whole, and has read nothing of it yet."""
    async with connected(port) as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send(request(DOCS))
        yield wire


async def is_under_way(url: str) -> bool:
    """Whether a request is being answered."""
    return "collectionsync_server_inflight_requests 1.0" in await scraped(url)


async def scraped(url: str) -> str:
    def scrape() -> str:
        with urllib.request.urlopen(url) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(scrape)


async def test_it_serves_on_for_those_who_have_not_heard_that_it_ends(commands: Commands, database: str) -> None:
    await filled(database, CONTENT)
    async with mirror_process(commands, database, "--shutdown-delay", "600") as server:
        assert server.process is not None
        server.process.send(signal.SIGTERM)
        await until(lambda: is_unready(server.port), "unreadiness")
        reply = await ask(server.port, DETAIL)
        assert (reply.status, reply.headers["connection"]) == (200, "close")


async def is_unready(port: int) -> bool:
    return (await ask(port, "/readyz")).status == 503


async def test_a_second_signal_ends_it_at_once(commands: Commands, database: str) -> None:
    await filled(database, CONTENT)
    async with mirror_process(commands, database, "--shutdown-delay", "600") as server:
        assert server.process is not None
        server.process.send(signal.SIGTERM)
        await until(lambda: is_unready(server.port), "unreadiness")
        server.process.send(signal.SIGTERM)
        ended = await server.process.ended()
    assert ended.code == ExitCode.INTERRUPTED
    assert "stopped at once" in ended.err


async def test_an_address_that_somebody_has_is_told_of(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        for option in ("--listen", "--metrics-address"):
            other = ("--listen", "127.0.0.1:0") if option != "--listen" else ()
            ended = await commands.run("serve", "--database", NOWHERE, option, where, *other)
            assert ended.code == ExitCode.UNAVAILABLE
            assert f"{option} {where} cannot be listened on: Address already in use" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--database", NOWHERE, "--public-url", "galaxy.example.org"), "is no URL of http or https"),
        (("--database", "postgresql://host:port/"), "the database URI cannot be read"),
        (("--database", NOWHERE, "--access-secret", "readers"), "--secrets DIR"),
        (("--secrets", "/nowhere"), "Secret 'collectionsync-database' is missing"),
        (("--database", NOWHERE, "--artifacts", "ftp://host/"), "none of a known kind"),
    ],
)
async def test_what_cannot_be_used_is_told_of_at_the_start(
    commands: Commands, arguments: tuple[str, ...], said: str
) -> None:
    ended = await commands.run("serve", "--listen", "127.0.0.1:0", *arguments)
    assert ended.code == ExitCode.CONFIGURATION
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "arguments", [("--listen", "here"), ("--default-repository", "demo"), ("--memory-limit", "much")]
)
async def test_a_command_line_that_is_none_is_refused(commands: Commands, arguments: tuple[str, ...]) -> None:
    ended = await commands.run("serve", *arguments)
    assert ended.code == ExitCode.USAGE
    assert arguments[0] in ended.err


async def test_a_schema_from_the_future_ends_it(commands: Commands, database: str) -> None:
    await filled(database, CONTENT)
    execute(database, "INSERT INTO schema_migration (number, name) VALUES (9999, 'future')")
    ended = await commands.run("serve", "--listen", "127.0.0.1:0", "--database", database)
    assert ended.code == ExitCode.CONFIGURATION
    assert "run a newer collectionsync" in ended.err


async def test_secrets_say_which_database_and_who_may_read(commands: Commands, database: str) -> None:
    await filled(database, CONTENT)
    secrets = commands.secret("collectionsync-database", uri=f"{database}\n")
    commands.secret("readers", default="token-of-default\n")
    async with mirror_process(commands, None, "--secrets", secrets, "--access-secret", "readers") as server:
        for path in (f"{API}/", DETAIL, "/other/missing/api/"):
            reply = await server.get(path)
            assert reply.status == 401
            assert reply.headers["WWW-Authenticate"] == 'Basic realm="collectionsync"'
        reply = await server.get(DETAIL, Authorization="Token token-of-default")
        assert (reply.status, reply.headers["Cache-Control"]) == (200, "private, no-cache")


async def test_without_a_database_it_serves_the_user_s_own(commands: Commands) -> None:
    with short_folder() as folder:
        environment = {"XDG_DATA_HOME": folder}
        async with TestGalaxy(CONTENT) as galaxy:
            document = manifest(galaxy.url, "acme.alpha", contentPolicy="Full")
            assert (await commands.sync(document, environment=environment)).code == ExitCode.OK
        async with mirror_process(commands, None, environment=environment) as server:
            detail = await server.json(DETAIL)
            artifact = await server.get(detail["download_url"].removeprefix(server.url))
            assert artifact.status == 200
            assert len(artifact.body) == detail["artifact"]["size"]
            assert server.process is not None
            server.process.send(signal.SIGTERM)
            assert (await server.process.ended()).code == ExitCode.OK
        assert not list((folder / "collectionsync").glob("postgresql-*/postmaster.pid")), "its server was stopped"


async def test_metrics_tell_what_it_has_done(commands: Commands, database: str) -> None:
    await filled(database, CONTENT)
    async with mirror_process(commands, database, "--metrics-address", "127.0.0.1:0") as server:
        assert server.process is not None
        await server.get(DETAIL)
        await server.get("/nothing")
        url = metrics_url(server.process)

        async def are_told() -> bool:
            text = await scraped(url)  # an answer is counted when its client has it already
            return all(line in text for line in COUNTED)

        await until(are_told, "\n".join(COUNTED))
        assert "process_resident_memory_bytes" in await scraped(url)


COUNTED = (
    'collectionsync_server_requests_total{code="200",route="version"} 1.0',
    'collectionsync_server_requests_total{code="404",route="unknown"} 1.0',
    "collectionsync_server_database_up 1.0",
    "collectionsync_server_inflight_requests 0.0",
)


async def test_memory_stays_flat_while_a_hundred_read_large_documents_slowly(
    commands: Commands, database: str, tmp_path: Path
) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0", "1.1.0", "1.2.0"]}))
    await enlarge(database, "docs_blob", 30_000_000)
    async with mirror_process(commands, database) as server, contextlib.AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        for number in range(100):
            raw = stack.enter_context(socket.socket())
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.setblocking(False)
            await loop.sock_connect(raw, ("127.0.0.1", server.port))
            gzip = "Accept-Encoding: gzip" if number % 2 else "Accept-Encoding: identity"
            await loop.sock_sendall(raw, request(DOCS.replace("1.0.0", f"1.{number % 3}.0"), gzip))
            stack.callback(raw.close)
            assert (await loop.sock_recv(raw, 12)).endswith(b"200")
        assert (await ask(server.port, DETAIL)).status == 200
        assert server.process is not None
        (line,) = (line for line in server.process.proc("status").splitlines() if line.startswith(b"VmHWM:"))
        assert int(line.split()[1]) * 1024 <= 80 * MEBIBYTE
