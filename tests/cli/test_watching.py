"""What others see of a run while it goes on: its report, its metrics, its log, and what a person sees."""

import asyncio
import json
import os
import pty
import re
import signal
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from commandline import Commands, Running
from serving import Hold, Serve, hold_after
from syncing import manifest, names, published, until
from testgalaxy import Catalog, small_catalog

pytestmark = pytest.mark.slow

STORED, ALL = 6, 20


def tools() -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(ALL)]})


async def start_held(commands: Commands, serve: Serve, database: str, *arguments: str | Path) -> tuple[Hold, Running]:
    held = hold_after(await serve(tools()), STORED)
    running = commands.start_sync(manifest(held.galaxy.url, "acme.tools"), *arguments, database=database)
    await held.reached(database)
    return held, running


async def test_the_report_is_there_and_says_running_from_the_start(
    commands: Commands, serve: Serve, database: str
) -> None:
    held, running = await start_held(commands, serve, database)
    report = running.report()
    assert report is not None
    assert (report["result"], report["reason"]) == ("Running", "Running")
    held.release()
    await running.ended()


async def test_the_report_is_written_again_while_the_run_goes_on(
    commands: Commands, serve: Serve, database: str
) -> None:
    held, running = await start_held(commands, serve, database)
    await until(lambda: (running.report() or {}).get("versions", {}).get("created") == STORED)
    held.release()
    await running.ended()


async def test_a_run_that_is_killed_while_it_imports_has_left_a_report(commands: Commands) -> None:
    imports = commands.folder / "imports"
    imports.mkdir()
    # As the kernel does it, where a limit is too small for the client alone.
    imports.joinpath("aiohttp.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    document = manifest("http://127.0.0.1:1/", "acme.tools")
    ended = await commands.sync(document, environment={"PYTHONPATH": imports})
    assert ended.code == -signal.SIGKILL, ended.err
    assert ended.report is not None
    assert (ended.report["result"], ended.report["reason"]) == ("Running", "Running")
    assert ended.report["peakRssBytes"] > 0
    assert 0 < ended.report["memoryLimitBytes"] <= 64 * 1024 * 1024
    assert ended.report["startTime"]


async def test_the_report_says_what_the_imports_took_before_there_is_a_database(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        port = silent.getsockname()[1]
        document = manifest("http://127.0.0.1:1/", "acme.tools")
        running = commands.start_sync(document, database=f"postgresql://mirror@127.0.0.1:{port}/mirror")
        await until(lambda: (running.report() or {}).get("baseRssBytes", 0) > 0)
        running.send(signal.SIGKILL)
        ended = await running.ended()
    assert ended.report is not None
    assert (ended.report["result"], ended.report["requests"]) == ("Running", 0)
    assert 0 < ended.report["baseRssBytes"] <= ended.report["peakRssBytes"]


async def test_the_report_is_written_in_place_as_a_bind_mount_needs_it(
    commands: Commands, serve: Serve, database: str
) -> None:
    held = hold_after(await serve(tools()), STORED)
    termination_log, mounted = commands.folder / "termination-log", commands.folder / "mounted"
    termination_log.write_text("what was there before, and longer than nothing")
    os.link(termination_log, mounted)
    running = commands.start(
        *("sync", commands.write(manifest(held.galaxy.url, "acme.tools"))),
        *("--report", termination_log, "--database", database),
    )
    await held.reached(database)
    assert json.loads(mounted.read_bytes())["result"] == "Running"
    held.release()
    await running.ended()
    assert json.loads(mounted.read_bytes())["result"] == "Succeeded"
    assert json.loads(termination_log.read_bytes())["result"] == "Succeeded"


@pytest.mark.parametrize("place", ["no/such/folder/report.json", "."], ids=["no folder", "a folder"])
async def test_a_report_that_cannot_be_written_costs_a_warning_and_not_the_run(
    commands: Commands, serve: Serve, database: str, place: str
) -> None:
    galaxy = await serve(tools())
    path = commands.folder / place
    document = commands.write(manifest(galaxy.url, "acme.tools"))
    ended = await commands.run("sync", document, "--report", path, "--database", database)
    assert ended.code == 0, ended.err
    assert str(path) in ended.err
    assert await published(database) == names(galaxy.catalog)


async def scraped(running: Running) -> str:
    await until(lambda: "/metrics" in running.err)
    found = re.search(r"http://127\.0\.0\.1:\d+/metrics", running.err)
    assert found is not None, running.err

    def get() -> str:
        with urllib.request.urlopen(found[0]) as response:
            return str(response.read().decode())

    return await asyncio.to_thread(get)


def metric(text: str, name: str) -> float:
    found = re.search(rf"^collectionsync_worker_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found is not None, f"no {name} in:\n{text}"
    return float(found[1])


async def test_metrics_are_served_while_the_run_goes_on(commands: Commands, serve: Serve, database: str) -> None:
    held, running = await start_held(commands, serve, database, "--metrics-address", "127.0.0.1:0")
    text = await scraped(running)
    assert metric(text, 'versions_total{outcome="Created"}') == STORED
    assert metric(text, 'rows_inserted_total{table="collection_version"}') == STORED
    assert metric(text, 'http_requests_total{code="200",endpoint="docs-blob"}') == STORED
    assert metric(text, "queue_items") == ALL - STORED
    assert metric(text, "inflight_requests") > 0
    assert metric(text, "fetched_bytes_total") > 0
    assert metric(text, "peak_rss_bytes") > 0
    held.release()
    assert (await running.ended()).code == 0


async def test_metrics_tell_the_memory_of_the_process_itself(commands: Commands, serve: Serve, database: str) -> None:
    held, running = await start_held(commands, serve, database, "--metrics-address", "127.0.0.1:0")
    text = await scraped(running)
    resident = re.search(r"^process_resident_memory_bytes (\S+)$", text, re.MULTILINE)
    assert resident is not None
    assert 0 < float(resident[1]) <= metric(text, "memory_limit_bytes")
    held.release()
    await running.ended()


async def test_an_address_that_is_taken_costs_a_warning_and_not_the_run(
    commands: Commands, serve: Serve, database: str
) -> None:
    held, first = await start_held(commands, serve, database, "--metrics-address", "127.0.0.1:0")
    await scraped(first)
    found = re.search(r"127\.0\.0\.1:\d+(?=/metrics)", first.err)
    assert found is not None
    held.release()
    with_it = manifest(held.galaxy.url, "acme.tools", target={"repository": "second"})
    second = await commands.sync(with_it, "--metrics-address", found[0], database=database)
    await first.ended()
    assert second.code == 0, second.err
    assert "Traceback" not in second.err


async def test_the_log_is_text_by_default(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), "--progress", "none", database=database)
    assert ended.err == f"INFO: Succeeded (Succeeded): {ALL} versions are published\n"


async def test_every_line_of_the_log_is_json_with_log_json(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await commands.sync(
        manifest(galaxy.url, "acme.tools", "acme.missing"),
        *("--log", "json", "--progress", "none", "--metrics-address", "127.0.0.1:0"),
        database=database,
    )
    records = [json.loads(line) for line in ended.err.splitlines()]
    assert records
    assert all(record.keys() == {"time", "level", "logger", "message"} for record in records)


async def test_without_progress_nothing_is_on_standard_output(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), "--progress", "none", database=database)
    assert (ended.code, ended.out) == (0, "")


async def test_where_there_is_no_terminal_progress_is_told_in_plain_lines(
    commands: Commands, serve: Serve, database: str
) -> None:
    held, running = await start_held(commands, serve, database)
    await until(lambda: "versions [" in running.err)
    held.release()
    ended = await running.ended()
    assert "\x1b" not in ended.out + ended.err
    assert f"{STORED}/{ALL}" in ended.err


async def test_a_table_closes_the_run(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await commands.sync(manifest(galaxy.url, "acme.tools", "acme.missing"), database=database)
    table = dict(re.split(r"  +", line, maxsplit=1) for line in ended.out.splitlines())
    assert table["result"] == "Partial (ItemsSkipped)"
    assert table["repository"] == "default/default"
    assert table["versions"] == f"{ALL} found: {ALL} created, 0 unchanged, 1 skipped, 0 removed"
    assert table["skipped"] == "acme.missing *: NotFound"
    assert "after the imports" in table["peak RSS"]


def unread() -> int:
    """A pipe that nobody reads from, as after `| head`."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def full() -> int:
    """A file on a disk without room."""
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("stdout", [unread, full], ids=["unread", "full"])
async def test_a_table_that_cannot_be_shown_costs_a_warning_and_not_the_run(
    commands: Commands, serve: Serve, database: str, stdout: Callable[[], int]
) -> None:
    galaxy = await serve(tools())
    file = commands.write(manifest(galaxy.url, "acme.tools"))
    descriptor = stdout()
    ended = await commands.run("sync", file, "--database", database, stdout=descriptor)
    os.close(descriptor)
    assert ended.code == 0, ended.err
    assert "the closing table cannot be shown" in ended.err
    assert "Traceback" not in ended.err


class Terminal:
    """The other side of a pseudo-terminal: what a person would see."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._seen = b""
        os.set_blocking(master, False)

    @property
    def text(self) -> str:
        """Everything that was ever written to it."""
        try:
            while chunk := os.read(self._master, 65536):
                self._seen += chunk
        except OSError:  # nothing for now (EAGAIN), or nobody has it open any more (EIO)
            pass
        return self._seen.decode()


async def test_a_terminal_shows_bars_that_move_and_then_the_table(
    commands: Commands, serve: Serve, database: str
) -> None:
    held = hold_after(await serve(tools()), STORED)
    master, slave = pty.openpty()
    terminal = Terminal(master)
    file = commands.write(manifest(held.galaxy.url, "acme.tools"))
    running = commands.start("sync", file, "--database", database, terminal=slave)
    os.close(slave)
    await until(lambda: f"{STORED}/{ALL}" in terminal.text, "a bar that says how far it is")
    before = terminal.text
    held.release()
    await until(lambda: bool(terminal.text) and running.process.poll() is not None, "the end of the run")
    shown = terminal.text
    os.close(master)
    assert re.search(r"versions +\[#+\.+\] 6/20", before)
    assert re.search(r"collections +\[#+\] 1/1", before)
    assert re.search(r"memory +\S+ resident, \S+ at its peak", before)
    assert re.search(r"versions +\[#+\] 20/20", shown)
    assert shown.index("20/20") < shown.index("result      Succeeded (Succeeded)")


async def test_a_terminal_shows_no_bars_where_they_are_not_wanted(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    master, slave = pty.openpty()
    terminal = Terminal(master)
    file = commands.write(manifest(galaxy.url, "acme.tools"))
    running = commands.start("sync", file, "--progress", "plain", "--database", database, terminal=slave)
    os.close(slave)
    await until(lambda: "Succeeded" in terminal.text and running.process.poll() is not None, "the end of the run")
    shown = terminal.text
    os.close(master)
    assert "\x1b" not in shown
    assert "result      Succeeded (Succeeded)" in shown
