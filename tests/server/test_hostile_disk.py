"""A folder for spool files that takes nothing, or not enough: large answers are refused for now, small ones are not."""

from pathlib import Path

import pytest

from commandline import Commands
from server.wire import ask, connected, request
from servingmirror import enlarge, filled, mirror, mirror_process
from syncing import until
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

API = "/default/default/api"
DETAIL = f"{API}/v3/collections/acme/alpha/versions/1.0.0/"
DOCS = f"{DETAIL}docs-blob/"
LIST = f"{API}/v3/collections/"
EVERYTHING = f"{API}/v3/collection_versions/all/"
MEBIBYTE = 1024 * 1024
NOWHERE = Path("/proc")
"""Nobody may make a file there, root included."""


async def test_without_a_folder_for_it_a_large_document_is_refused_for_now(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    await enlarge(database, "docs_blob", MEBIBYTE)
    async with mirror(database, spool=NOWHERE) as server:
        reply = await ask(server.port, DOCS)
        assert (await ask(server.port, DETAIL)).status == 200
    assert reply.status == 503
    assert reply.headers["retry-after"] == "5"
    assert str(NOWHERE) not in reply.detail
    assert "--spool" in caplog.text


async def test_where_a_slow_reader_finds_no_room_for_the_rest_its_connection_is_broken(database: str) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    await enlarge(database, "metadata", 4 * MEBIBYTE)
    async with mirror(database, spool=NOWHERE) as server:
        assert server.server is not None
        tally = server.server.tally
        async with connected(server.port) as wire:
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await wire.send(request(EVERYTHING))
            await until(lambda: tally.aborted.total() == 1)
            wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
            reply = await wire.reply()
        assert reply is None or not reply.whole
        assert (await ask(server.port, LIST)).status == 200


async def test_a_full_disk_is_survived(commands: Commands, database: str) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    await enlarge(database, "docs_blob", 4 * MEBIBYTE)
    room = 3 * MEBIBYTE  # no file may become larger, as if the disk had no more
    async with mirror_process(commands, database, before=("prlimit", f"--fsize={room}")) as server:
        for _ in range(3):
            assert (await ask(server.port, DOCS)).status == 503
        assert (await ask(server.port, DETAIL)).status == 200
        await enlarge(database, "docs_blob", 2 * MEBIBYTE)
        reply = await ask(server.port, DOCS)
        assert reply.whole
        assert len(reply.body) > 2 * MEBIBYTE
        assert server.process is not None
        assert "Traceback" not in server.process.err
