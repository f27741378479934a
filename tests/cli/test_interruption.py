"""A run that is told to stop, runs out of time, or is killed; and the one that goes on from there."""

import fcntl
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from collectionsync.store.embedded import EmbeddedPostgres
from commandline import Commands, Finished, Running
from postgres import short_folder
from serving import Hold, Serve, fetched, hold_after
from syncing import (
    manifest,
    names,
    published,
    rows,
    served_documents,
    stored_documents,
    stored_names,
    stored_versions,
    until,
    wrong_digests,
)
from testgalaxy import Catalog, small_catalog

pytestmark = pytest.mark.slow

STORED, ALL = 12, 40
PODS_GRACE_SECONDS = 20
STOPS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)


def tools() -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(ALL)]})


async def half_way(commands: Commands, serve: Serve, database: str, **spec: Any) -> tuple[Hold, Running]:
    """A run that has stored STORED of ALL versions and waits for the source."""
    held = hold_after(await serve(tools()), STORED)
    running = commands.start_sync(manifest(held.galaxy.url, "acme.tools", **spec), database=database)
    await held.reached(database)
    return held, running


async def run_again(commands: Commands, held: Hold, database: str) -> Finished:
    """The next run, against a source that answers everything and whose log begins anew."""
    held.release()
    held.galaxy.requests.clear()
    return await commands.sync(manifest(held.galaxy.url, "acme.tools"), database=database)


@pytest.fixture
def data_home() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@STOPS
async def test_a_signal_in_mid_run_exits_with_75_and_says_so_in_the_report(
    commands: Commands, serve: Serve, database: str, number: signal.Signals
) -> None:
    _, running = await half_way(commands, serve, database)
    running.send(number)
    ended = await running.ended()
    assert ended.report is not None
    assert (ended.code, ended.report["result"], ended.report["reason"]) == (75, "Failed", "Interrupted")
    assert number.name in ended.report["message"]
    assert ended.report["versions"]["created"] == STORED


async def test_a_run_that_is_told_to_stop_does_so_within_the_grace_of_a_pod(
    commands: Commands, serve: Serve, database: str
) -> None:
    _, running = await half_way(commands, serve, database)
    running.send(signal.SIGTERM)
    # A contract and no measurement: it takes a hundredth of this.
    assert (await running.ended(seconds=PODS_GRACE_SECONDS)).code == 75


async def test_a_run_that_was_told_to_stop_has_published_nothing(
    commands: Commands, serve: Serve, database: str
) -> None:
    _, running = await half_way(commands, serve, database)
    running.send(signal.SIGTERM)
    await running.ended()
    assert await published(database) == []


@STOPS
async def test_the_run_after_a_signal_fetches_what_is_missing_and_nothing_else(
    commands: Commands, serve: Serve, database: str, number: signal.Signals
) -> None:
    held, running = await half_way(commands, serve, database)
    running.send(number)
    await running.ended()
    stored = await stored_names(database)
    ended = await run_again(commands, held, database)
    assert ended.code == 0, ended.err
    assert fetched(held.galaxy) == set(names(held.galaxy.catalog)) - stored
    assert await published(database) == names(held.galaxy.catalog)


async def test_the_run_after_a_signal_is_the_same_run_taken_up(commands: Commands, serve: Serve, database: str) -> None:
    held, running = await half_way(commands, serve, database)
    running.send(signal.SIGTERM)
    await running.ended()
    await run_again(commands, held, database)
    assert await rows(database, "SELECT result FROM sync_run") == [("Succeeded",)]


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_a_second_signal_right_behind_the_first_changes_nothing(
    commands: Commands, serve: Serve, database: str, second: signal.Signals
) -> None:
    _, running = await half_way(commands, serve, database)
    running.send(signal.SIGTERM)
    running.send(second)
    ended = await running.ended()
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (75, "Interrupted"), ended.err
    assert "Traceback" not in ended.err


async def test_a_run_that_is_killed_is_taken_up_and_nothing_stored_is_fetched_again(
    commands: Commands, serve: Serve, database: str
) -> None:
    held, running = await half_way(commands, serve, database)
    running.send(signal.SIGKILL)
    assert (await running.ended()).code == -signal.SIGKILL
    stored = await stored_names(database)
    ended = await run_again(commands, held, database)
    assert ended.code == 0, ended.err
    assert len(stored) == STORED
    assert fetched(held.galaxy) == set(names(held.galaxy.catalog)) - stored


async def test_a_run_that_was_killed_and_taken_up_ends_with_every_byte_right(
    commands: Commands, serve: Serve, database: str
) -> None:
    held, running = await half_way(commands, serve, database)
    running.send(signal.SIGKILL)
    await running.ended()
    await run_again(commands, held, database)
    assert await wrong_digests(database) == 0
    assert await stored_documents(database) == served_documents(held.galaxy.catalog)
    assert await published(database) == names(held.galaxy.catalog)


async def test_a_run_that_is_killed_in_the_midst_of_its_work_loses_and_spoils_nothing(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(60)]}, docs=300_000))
    galaxy.latency = 0.02  # lest it be over too soon
    document = manifest(galaxy.url, "acme.tools")
    running = commands.start_sync(document, database=database)

    async def begun() -> bool:
        return await stored_versions(database) >= 5

    await until(begun)
    running.send(signal.SIGKILL)
    await running.ended()
    stored = await stored_names(database)
    galaxy.requests.clear()
    ended = await commands.sync(document, database=database)
    assert ended.code == 0, ended.err
    assert not fetched(galaxy) & stored
    assert await stored_documents(database) == served_documents(galaxy.catalog)
    assert await published(database) == names(galaxy.catalog)


async def test_a_killed_run_leaves_a_report_that_says_running(commands: Commands, serve: Serve, database: str) -> None:
    _, running = await half_way(commands, serve, database)
    running.send(signal.SIGKILL)
    ended = await running.ended()
    assert ended.report is not None
    assert (ended.report["result"], ended.report["reason"]) == ("Running", "Running")
    assert ended.report["peakRssBytes"] > 0


@contextmanager
def frozen(pids: Iterable[int]) -> Iterator[None]:
    """Let processes do nothing at all: to others they look like a machine behind a broken network."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_a_database_that_no_longer_answers_holds_up_nobody_who_is_told_to_stop(
    commands: Commands, serve: Serve, data_home: Path
) -> None:
    held = hold_after(await serve(tools()), STORED)
    with EmbeddedPostgres(data_home / "data") as server:
        running = commands.start_sync(manifest(held.galaxy.url, "acme.tools"), database=server.uri)
        await held.reached(server.uri)
        sessions = await rows(server.uri, "SELECT pid FROM pg_stat_activity WHERE application_name = 'collectionsync'")
        with frozen([pid for (pid,) in sessions]):
            held.release()
            running.send(signal.SIGTERM)
            ended = await running.ended(seconds=PODS_GRACE_SECONDS)
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (75, "Interrupted")


async def test_a_run_that_takes_longer_than_its_timeout_exits_with_75(
    commands: Commands, serve: Serve, database: str
) -> None:
    _, running = await half_way(commands, serve, database, timeout="3s")
    ended = await running.ended()
    assert ended.report is not None
    assert (ended.code, ended.report["result"], ended.report["reason"]) == (75, "Failed", "DeadlineExceeded")


@contextmanager
def locked(data_home: Path) -> Iterator[None]:
    """Hold the lock of the embedded server's folder: nobody starts or stops that server meanwhile."""
    folder = data_home / "collectionsync"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    with folder.joinpath("lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def servers(data_home: Path) -> list[Path]:
    """The servers that were not stopped."""
    return list(data_home.glob("collectionsync/postgresql-*/postmaster.pid"))


def waits_for_lock(running: Running) -> bool:
    """Whether the process is blocked by a lock on a file (proc(5), locks)."""
    waiting = (line.split() for line in Path("/proc/locks").read_text().splitlines() if "-> FLOCK" in line)
    return any(fields[5] == str(running.pid) for fields in waiting)


def status(running: Running, field: str) -> str:
    """A field of /proc/PID/status; empty where the process is gone."""
    try:
        found = dict(line.split(":", 1) for line in running.proc("status").decode().splitlines())
    except OSError:
        return ""
    return found.get(field, "").strip()


@STOPS
async def test_a_signal_while_the_embedded_server_is_waited_for_exits_with_75(
    commands: Commands, data_home: Path, number: signal.Signals
) -> None:
    with locked(data_home):
        running = commands.start_sync(
            manifest("http://127.0.0.1:1/", "acme.tools"), environment={"XDG_DATA_HOME": data_home}
        )
        await until(lambda: waits_for_lock(running))
        running.send(number)
        ended = await running.ended()
    assert ended.report is not None, ended.err
    assert (ended.code, ended.report["reason"]) == (75, "Interrupted")
    assert "Traceback" not in ended.err


@STOPS
async def test_a_signal_while_the_manifest_is_read_exits_with_75(commands: Commands, number: signal.Signals) -> None:
    file = commands.folder / "mirror.yaml"
    os.mkfifo(file)
    running = commands.start_sync(file)
    writers: list[int] = []
    slept = [0]

    def is_open() -> bool:
        slept[0] = int(status(running, "voluntary_ctxt_switches"))
        try:
            writers.append(os.open(file, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody has it open yet
            return False
        return True

    def is_read() -> bool:
        """Whether it sleeps once more than when it waited for the file to be opened."""
        return int(status(running, "voluntary_ctxt_switches")) > slept[0] and status(running, "State").startswith("S")

    await until(is_open)
    await until(is_read)
    running.send(number)
    ended = await running.ended()
    os.close(*writers)
    assert ended.report is not None, ended.err
    assert (ended.code, ended.report["reason"]) == (75, "Interrupted")
    assert "Traceback" not in ended.err


@STOPS
async def test_a_second_signal_while_the_embedded_server_is_stopped_does_not_leave_it_running(
    commands: Commands, serve: Serve, data_home: Path, number: signal.Signals
) -> None:
    held = hold_after(await serve(tools()), STORED)
    running = commands.start_sync(manifest(held.galaxy.url, "acme.tools"), environment={"XDG_DATA_HOME": data_home})
    await until(lambda: held.fault.hits > 0)
    with locked(data_home):
        running.send(signal.SIGTERM)
        await until(lambda: (running.report() or {}).get("reason") == "Interrupted")
        running.send(number)
        await until(lambda: not is_pending(running, number))
    ended = await running.ended()
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (75, "Interrupted"), ended.err
    assert "Traceback" not in ended.err
    assert not servers(data_home)


async def test_a_signal_while_the_client_is_imported_exits_with_75(commands: Commands) -> None:
    imports = commands.folder / "imports"
    imports.mkdir()
    imports.joinpath("aiohttp.py").write_text("import signal\nwhile True:\n    signal.pause()\n")
    document = manifest("http://127.0.0.1:1/", "acme.tools")
    running = commands.start_sync(document, environment={"PYTHONPATH": imports})
    await until(lambda: (running.report() or {}).get("reason") == "Running")
    running.send(signal.SIGTERM)
    ended = await running.ended()
    assert ended.report is not None, ended.err
    assert (ended.code, ended.report["reason"]) == (75, "Interrupted")
    assert "Traceback" not in ended.err


def is_pending(running: Running, number: signal.Signals) -> bool:
    """Whether a signal that was sent has not arrived yet (proc(5), status)."""
    return bool(int(status(running, "ShdPnd") or "0", 16) >> (number - 1) & 1)
