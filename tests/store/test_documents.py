"""Documents come back from PostgreSQL byte by byte, and what it cannot hold leaves nothing behind."""

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectionsync.store.content import Version
from collectionsync.store.copy_format import MAX_BODY_BYTES, DocumentLengthError
from collectionsync.store.database import Connection, Database, RejectedDocumentError, connected
from collectionsync.store.plan import Run
from store.helpers import Text, bring, opened, until, version, waiting_for_a_lock
from store.texts import JSON

pytestmark = pytest.mark.slow

KINDS = ("docs_blob", "files", "manifest", "metadata")


async def bodies(connection: Connection, of: Version) -> dict[str, bytes]:
    rows = await connection.fetch(
        "SELECT kind, convert_to(body::text, 'UTF8') AS body FROM collection_document d"
        " JOIN collection_version v ON v.id = d.version_id WHERE v.sha256 = $1",
        of.sha256,
    )
    return {row["kind"]: row["body"] for row in rows}


async def stored(connection: Connection) -> int:
    """Count what a version's transaction writes."""
    return int(
        await connection.fetchval(
            "SELECT (SELECT count(*) FROM collection_version) + (SELECT count(*) FROM collection_document)"
            " + (SELECT count(*) FROM source_version)"
        )
    )


@pytest.fixture
async def run(session: Connection) -> Run:
    return await opened(session)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(JSON, min_size=1, max_size=4), chunk=st.integers(1, 40), seed=st.integers(0, 2**64))
async def test_any_json_text_comes_back_byte_by_byte(
    store: Database, run: Run, session: Connection, texts: list[bytes], chunk: int, seed: int
) -> None:
    documents = [Text(body, kind, chunk=chunk) for kind, body in zip(KINDS, texts, strict=False)]
    one = version(artifact=f"{seed} {chunk} {texts}")
    await bring(store, run, one, documents)
    assert await bodies(session, one) == {document.kind: document.body for document in documents}


async def test_a_document_comes_back_wherever_it_is_cut(store: Database, run: Run, session: Connection) -> None:
    body = rb'{"docs_blob": "\\N \\. \t \n \" \u0000 \ud800 \\u0000 ' + "é😀".encode() + b'"}'
    for at in range(len(body) + 1):
        one = version(artifact=str(at))
        await bring(store, run, one, [Text(body).cut(at), Text(body, "files").cut(at, at)])
        assert await bodies(session, one) == {"docs_blob": body, "files": body}, f"cut at {at}"


async def test_a_document_may_come_byte_by_byte(store: Database, run: Run, session: Connection) -> None:
    one = version()
    body = b'{"a": "' + b"x" * 5000 + b'"}'
    await bring(store, run, one, [Text(body, chunk=1)])
    assert await bodies(session, one) == {"docs_blob": body}


async def test_what_is_noted_of_a_document_is_true_in_sql_as_well(
    store: Database, run: Run, session: Connection
) -> None:
    one = version()
    await bring(store, run, one, [Text(rb'"\u0000"'), Text(b"[ 1]", "files")])
    rows = await session.fetch(
        "SELECT has_nul, bytes = octet_length(convert_to(body::text, 'UTF8')) AS length,"
        " sha256 = encode(sha256(convert_to(body::text, 'UTF8')), 'hex') AS digest FROM collection_document"
        " ORDER BY kind"
    )
    assert [tuple(row) for row in rows] == [(True, True, True), (False, True, True)]


REJECTED = {
    "truncated": b'{"a": ',
    "empty": b"",
    "trailing data": b"{} {}",
    "trailing comma": b"[1,]",
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity]",
    "single quotes": b"{'a': 1}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "bad UTF-8": b'{"a": "\xff"}',
    "overlong UTF-8": b'{"a": "\xc0\x80"}',
    "surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "NUL byte": b'{"a": "\0"}',
    "raw newline": b'{"a": "\n"}',
    "bad escape": rb'{"a": "\x"}',
    "too deep": b"[" * 100_000 + b"]" * 100_000,
    "end of COPY": b"\\.\n",
}


@pytest.mark.parametrize("body", REJECTED.values(), ids=REJECTED.keys())
async def test_what_is_no_json_is_rejected_and_leaves_nothing(
    store: Database, run: Run, session: Connection, body: bytes
) -> None:
    one = version()
    with pytest.raises(RejectedDocumentError):
        await bring(store, run, one, [Text(b"{}", "files"), Text(body), Text(b"{}", "manifest")])
    assert await stored(session) == 0


async def test_a_body_cannot_smuggle_in_another_row(store: Database, run: Run, session: Connection) -> None:
    one = version()
    smuggler = Text(b'{}\n2\tfiles\t{}\t2\tx\tf\n\x00\x06\x00\x00\x00\x08"')
    with pytest.raises(RejectedDocumentError):
        await bring(store, run, one, [smuggler])
    assert await stored(session) == 0


@pytest.mark.parametrize("announced", [-1, +1])
async def test_a_body_of_another_length_leaves_nothing_and_the_session_usable(
    database: str, store: Database, run: Run, session: Connection, announced: int
) -> None:
    one = version()
    body = b'{"docs_blob": 1}'
    async with connected(database, sessions=1) as single:
        async with single.session() as before:
            pid = await before.fetchval("SELECT pg_backend_pid()")
        with pytest.raises(DocumentLengthError):
            await bring(single, run, one, [Text(b"{}", "files"), Text(body, claims=len(body) + announced)])
        assert await stored(session) == 0
        await bring(single, run, one, [Text(body)])
        async with single.session() as after:
            assert await after.fetchval("SELECT pg_backend_pid()") == pid
    assert await bodies(session, one) == {"docs_blob": body}


async def test_a_rejected_document_leaves_the_session_usable(database: str, run: Run, session: Connection) -> None:
    one = version()
    async with connected(database, sessions=1) as single:
        with pytest.raises(RejectedDocumentError):
            await bring(single, run, one, [Text(b"nonsense")])
        await bring(single, run, one, [Text(b"{}")])
    assert await bodies(session, one) == {"docs_blob": b"{}"}


async def test_what_is_said_of_a_rejected_document_does_not_quote_all_of_it(store: Database, run: Run) -> None:
    one = version()
    with pytest.raises(RejectedDocumentError) as caught:
        await bring(store, run, one, [Text(b"[" + b"x" * 1_000_000)])
    assert len(str(caught.value)) <= 300


async def test_a_document_that_no_row_can_hold_is_rejected_unsent(
    store: Database, run: Run, session: Connection
) -> None:
    one = version()
    with pytest.raises(RejectedDocumentError, match="larger than a row can hold"):
        await bring(store, run, one, [Text(b"", claims=MAX_BODY_BYTES + 1)])
    assert await stored(session) == 0


@pytest.mark.parametrize(
    "unfit",
    [version(dependencies={"a\0b": "*"}), version(tags=["a\0b"]), version(tags=["\ud800"])],
    ids=["NUL in a name", "NUL in a tag", "surrogate in a tag"],
)
async def test_metadata_that_no_text_can_hold_is_rejected_and_leaves_nothing(
    store: Database, run: Run, session: Connection, unfit: Version
) -> None:
    with pytest.raises(RejectedDocumentError):
        await bring(store, run, unfit)
    assert await stored(session) == 0


async def test_an_error_of_the_document_s_own_disk_is_its_own_and_leaves_nothing(
    database: str, run: Run, session: Connection
) -> None:
    class Unreadable(Text):
        def chunks(self) -> Iterator[bytes]:
            yield self.body[:1]
            raise OSError(5, "Input/output error")

    one = version()
    async with connected(database, sessions=1) as single:
        with pytest.raises(OSError, match="Input/output"):
            await bring(single, run, one, [Unreadable(b"{}")])
        assert await stored(session) == 0
        await bring(single, run, one, [Text(b"{}")])


class Watched(Text):
    """A document that says how much of it was taken. COPY takes all that it can without letting others run."""

    taken = 0

    def chunks(self) -> Iterator[bytes]:
        for chunk in super().chunks():
            self.taken += 1
            yield chunk


@pytest.fixture
async def stuck(session: Connection) -> Watched:
    """A document that PostgreSQL stops taking: a trigger waits on a row before it, for a lock that `session` holds."""
    await session.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN new; END $$"
    )
    await session.execute(
        "CREATE TRIGGER wait BEFORE INSERT ON collection_document FOR EACH ROW WHEN (new.kind = 'files')"
        " EXECUTE FUNCTION wait()"
    )
    await session.execute("SELECT pg_advisory_lock(1)")
    return Watched(b'"' + b"x" * 30_000_000 + b'"', "manifest")


async def test_a_copy_that_is_cancelled_leaves_nothing_and_the_pool_usable(
    database: str, run: Run, session: Connection, stuck: Watched
) -> None:
    one = version()
    async with connected(database, sessions=1) as single:
        storing = asyncio.create_task(bring(single, run, one, [Text(b"{}", "files"), stuck]))
        await until(lambda: waiting_for_a_lock(session))
        await asyncio.sleep(0)
        assert 0 < stuck.taken * 65536 < stuck.size
        storing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await storing
        assert await stored(session) == 0
        await bring(single, run, one, [Text(b"{}")])
    assert await bodies(session, one) == {"docs_blob": b"{}"}


async def test_memory_stays_flat_while_a_document_of_30_mb_streams(database: str, store: Database) -> None:
    script = textwrap.dedent(
        """
        import asyncio, pathlib, re, sys
        from store.helpers import Text, bring, opened, version
        from collectionsync.store.database import connected

        class Long(Text):
            def chunks(self):
                yield b'"'
                for _ in range(458):
                    yield bytes(b"x" * 65536)
                yield b'"'

        def peak():
            return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

        async def main():
            async with connected(sys.argv[1], sessions=1) as database:
                async with database.session() as session:
                    run = await opened(session)
                await bring(database, run, version("warm"), [Text(b"{}")])
                before = peak()
                long = Long(b"", claims=458 * 65536 + 2)
                await bring(database, run, version("long"), [long])
                print(peak() - before)

        asyncio.run(main())
        """
    )
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, database],
        env={"PYTHONPATH": "tests:operator"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(process.stdout) < 4096, "kB more than before, for 30 MB"
    async with store.session() as session:
        assert await session.fetchval("SELECT max(octet_length(body::text)) FROM collection_document") == 30_015_490
