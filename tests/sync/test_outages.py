"""A source, a database or a disk that goes away in mid-run: the run ends with 69, and the next one goes on."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectionsync.report import ExitCode, Result
from collectionsync.store.embedded import EmbeddedPostgres
from collectionsync.store.postgres_local import is_worked_in, read_postmaster
from commandline import Commands
from postgres import short_folder
from serving import Serve, fetched, hold_after
from syncing import (
    manifest,
    names,
    published,
    rows,
    running,
    served_documents,
    stored_documents,
    stored_names,
    stored_versions,
    sync,
    until,
    wrong_digests,
)
from testgalaxy import Catalog, Fault, kind, small_catalog
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow

STORED, ALL = 8, 30


def tools(docs: int | bool = True) -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(ALL)]}, docs=docs)


async def test_a_source_that_stops_in_mid_run_ends_the_run_with_69(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    held = hold_after(galaxy, STORED)
    async with running(manifest(galaxy.url, "acme.tools"), database) as run:
        await held.reached(database)
        await galaxy.__aexit__()
        ended = await run
    assert (ended.code, ended.result, ended.outcome.reason) == (
        ExitCode.UNAVAILABLE,
        Result.FAILED,
        "SourceUnavailable",
    )
    assert await published(database) == []


async def test_a_source_that_is_back_is_asked_for_the_rest_only(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools")
    held = hold_after(galaxy, STORED)
    async with running(document, database) as run:
        await held.reached(database)
        await galaxy.__aexit__()
        await run
    stored = await stored_names(database)
    port = int(galaxy.origin.rpartition(":")[2])
    back = await serve(galaxy.catalog, port=port)
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert len(stored) == STORED
    assert fetched(back) == set(names(galaxy.catalog)) - stored
    assert await published(database) == names(galaxy.catalog)


async def test_a_source_that_answers_nothing_but_errors_ends_the_run_with_69(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind("detail", "docs"), status(503), after=10))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.code, ended.outcome.reason) == (ExitCode.UNAVAILABLE, "SourceUnavailable")
    assert await published(database) == []


async def test_credentials_that_expire_in_mid_run_end_it_with_77(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind("detail", "docs"), status(401), after=10))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.code is ExitCode.AUTHENTICATION
    assert await published(database) == []


async def terminate_sessions(database: str) -> None:
    """What an administrator, or a failover, does to everyone who is connected."""
    await rows(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


async def test_a_database_that_ends_every_session_in_mid_run_ends_the_run_with_69(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    held = hold_after(galaxy, STORED)
    async with running(manifest(galaxy.url, "acme.tools"), database) as run:
        await held.reached(database)
        await terminate_sessions(database)
        held.release()
        ended = await run
    assert (ended.code, ended.outcome.reason) == (ExitCode.UNAVAILABLE, "DatabaseUnavailable")
    assert await published(database) == []


async def test_the_run_after_that_fetches_nothing_that_is_stored(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    held = hold_after(galaxy, STORED)
    document = manifest(galaxy.url, "acme.tools")
    async with running(document, database) as run:
        await held.reached(database)
        await terminate_sessions(database)
        held.release()
        await run
    stored = await stored_names(database)
    galaxy.requests.clear()
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert fetched(galaxy) == set(names(galaxy.catalog)) - stored
    assert await published(database) == names(galaxy.catalog)


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder for a server that a test may treat badly."""
    with short_folder() as folder:
        yield folder / "data"


async def crash(server: EmbeddedPostgres) -> None:
    """Stop a server as a power cut does: without a word to anybody, and with a recovery at its next start."""
    postmaster = read_postmaster(server.folder)
    assert postmaster is not None
    os.kill(postmaster.pid, signal.SIGQUIT)
    await until(lambda: not is_worked_in(server.folder), "the end of the server")


async def test_a_database_that_crashes_in_mid_run_ends_the_run_with_69(serve: Serve, data: Path) -> None:
    galaxy = await serve(tools())
    held = hold_after(galaxy, STORED)
    with EmbeddedPostgres(data) as server:
        async with running(manifest(galaxy.url, "acme.tools"), server.uri) as run:
            await held.reached(server.uri)
            await crash(server)
            held.release()
            ended = await run
    assert (ended.code, ended.outcome.reason) == (ExitCode.UNAVAILABLE, "DatabaseUnavailable")


async def test_a_database_that_is_back_after_a_crash_gets_the_rest_and_every_byte_is_right(
    serve: Serve, data: Path
) -> None:
    galaxy = await serve(tools())
    held = hold_after(galaxy, STORED)
    document = manifest(galaxy.url, "acme.tools")
    with EmbeddedPostgres(data) as server:
        async with running(document, server.uri) as run:
            await held.reached(server.uri)
            await crash(server)
            held.release()
            await run
    galaxy.requests.clear()
    with EmbeddedPostgres(data) as server:
        assert await stored_versions(server.uri) == STORED
        ended = await sync(document, server.uri)
        assert ended.result is Result.SUCCEEDED
        assert len(fetched(galaxy)) == ALL - STORED
        assert await stored_documents(server.uri) == served_documents(galaxy.catalog)
        assert await wrong_digests(server.uri) == 0


FILE_BLOCKS = 128
LIMITED = ("sh", "-c", f'ulimit -f {FILE_BLOCKS} && exec "$@"', "sh")  # blocks of 512 bytes, or of 1024


async def test_a_disk_that_takes_no_more_ends_the_run_with_69_and_the_folder_is_named(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools(docs=1_000_000))
    document = manifest(galaxy.url, "acme.tools")
    spool = commands.folder / "spool"
    spool.mkdir()
    ended = await commands.sync(document, "--spool", spool, database=database, before=LIMITED)
    assert ended.report is not None
    assert (ended.code, ended.report["result"], ended.report["reason"]) == (69, "Failed", "SpoolUnavailable")
    assert str(spool) in ended.err
    assert str(spool) in ended.report["message"]
    assert await published(database) == []


async def test_a_run_leaves_nothing_in_the_folder_for_spool_files(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools(docs=20_000))
    held = hold_after(galaxy, STORED)
    spool = commands.folder / "spool"
    spool.mkdir()
    run = commands.start_sync(manifest(galaxy.url, "acme.tools"), "--spool", spool, database=database)
    await held.reached(database)
    run.send(signal.SIGKILL)
    await run.ended()
    assert list(spool.iterdir()) == []


async def test_a_folder_for_temporary_files_that_is_not_there_ends_the_run_with_69_and_is_named(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    environment = {"TMPDIR": "/no/such/folder"}
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), database=database, environment=environment)
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (69, "SpoolUnavailable")
    assert "/no/such/folder" in ended.err
    assert "--spool" in ended.err


@pytest.mark.parametrize("folder", ["/no/such/folder", "/sys"], ids=["not there", "read-only"])
async def test_a_folder_for_spool_files_that_cannot_be_used_ends_the_run_with_69_and_is_named(
    serve: Serve, database: str, folder: str
) -> None:
    galaxy = await serve(tools())
    ended = await sync(manifest(galaxy.url, "acme.tools"), database, spool=Path(folder))
    assert (ended.code, ended.outcome.reason) == (ExitCode.UNAVAILABLE, "SpoolUnavailable")
    assert folder in ended.outcome.message
