"""A document on disk: digested as it comes, whole as it goes, and its bytes are always given back."""

import asyncio
import contextlib
import errno
import hashlib
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.byte_budget import ByteBudget
from collectionsync.worker.budget import MEBIBYTE
from collectionsync.worker.spool import CHUNK_BYTES, NulSearch, Spool, SpoolError

as_ordinary_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


@contextlib.contextmanager
def spooled(folder: Path, *chunks: bytes, budget: ByteBudget | None = None) -> Iterator[Spool]:
    with contextlib.closing(Spool("docs_blob", folder, budget)) as spool:
        for chunk in chunks:
            spool.write(chunk)
        yield spool


def test_a_document_comes_out_as_it_went_in(tmp_path: Path) -> None:
    pieces = [b"", os.urandom(3), os.urandom(CHUNK_BYTES * 2), b"", os.urandom(CHUNK_BYTES - 3)]
    with spooled(tmp_path, *pieces) as spool:
        chunks = list(spool.chunks())

        assert b"".join(chunks) == b"".join(pieces)
        assert max(map(len, chunks)) <= CHUNK_BYTES
        assert spool.size == sum(map(len, pieces))
        assert spool.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_a_document_can_be_read_twice(tmp_path: Path) -> None:
    with spooled(tmp_path, b"body") as spool:
        assert [list(spool.chunks()), list(spool.chunks())] == [[b"body"], [b"body"]]


def test_a_document_can_be_mapped(tmp_path: Path) -> None:
    with spooled(tmp_path, b"bo", b"dy") as spool:
        assert bytes(spool.mapped()) == b"body"


def test_a_mapping_outlives_its_spool(tmp_path: Path) -> None:
    with spooled(tmp_path, b"body") as spool:
        mapped = spool.mapped()

    assert bytes(mapped) == b"body"


def test_an_empty_document_has_no_chunks_and_no_mapping(tmp_path: Path) -> None:
    with spooled(tmp_path, b"") as spool:
        assert list(spool.chunks()) == []
        assert spool.sha256 == hashlib.sha256().hexdigest()
        with pytest.raises(ValueError, match="empty"):
            spool.mapped()


async def test_a_body_that_broke_off_leaves_no_trace_in_the_next(tmp_path: Path) -> None:
    with spooled(tmp_path) as spool:
        await spool.begin(100)
        spool.write(b'{"broken": "\\u0000 and a \\u')
        await spool.begin(5)
        spool.write(b"0000!")

        assert b"".join(spool.chunks()) == b"0000!"
        assert (spool.size, spool.has_nul) == (5, False)
        assert spool.sha256 == hashlib.sha256(b"0000!").hexdigest()


def test_nothing_is_left_in_the_folder_at_any_time(tmp_path: Path) -> None:
    with spooled(tmp_path, b"body"):
        assert list(tmp_path.iterdir()) == []


def find_nul(pieces: list[bytes]) -> bool:
    search = NulSearch()
    for piece in pieces:
        search.feed(piece)
    return search.found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (rb'"\u0000"', True),
        (rb'"a\u0000b"', True),
        (rb'"\\\u0000"', True),
        (rb'"\\u0000"', False),
        (rb'"\\\\u0000"', False),
        (rb'"\\u0000\u0000"', True),
        (rb'"\u0001"', False),
        (rb'"u0000"', False),
        (rb'"\u000"', False),
        (rb'"\\', False),
        (b'"\\U0000"', False),
    ],
)
def test_the_escape_of_nul_is_found_wherever_the_text_is_cut(text: bytes, found: bool) -> None:
    assert find_nul([text]) is found
    assert find_nul([text[at : at + 1] for at in range(len(text))]) is found
    for cut in range(len(text) + 1):
        for second in range(cut, len(text) + 1):
            assert find_nul([text[:cut], text[cut:second], text[second:]]) is found


@given(
    text=st.text(alphabet='\\u01"', max_size=40).map(str.encode),
    cuts=st.lists(st.integers(0, 40), max_size=6).map(sorted),
)
def test_an_escape_is_what_an_odd_number_of_backslashes_makes_it(text: bytes, cuts: list[int]) -> None:
    bounds = [0, *cuts, len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(bounds)]
    expected = any(len(match[1]) % 2 for match in re.finditer(rb"(\\+)u0000", text))

    assert find_nul(pieces) is expected


def test_a_body_full_of_backslashes_costs_no_more_than_another() -> None:
    search = NulSearch()
    for _ in range(64):
        search.feed(b"\\" * CHUNK_BYTES)
        search.feed(b"\\\\u0000" * (CHUNK_BYTES // 7))

    assert not search.found


async def test_a_spools_bytes_are_taken_when_its_size_is_known_and_come_back_when_it_is_closed(tmp_path: Path) -> None:
    budget = ByteBudget(100)
    with spooled(tmp_path, budget=budget) as spool:
        before = budget.in_use
        await spool.begin(60)
        during = budget.in_use

    assert (before, during, budget.in_use) == (0, 60, 0)


async def test_an_unknown_size_is_taken_for_two_mebibytes(tmp_path: Path) -> None:
    budget = ByteBudget(10 * MEBIBYTE)
    with spooled(tmp_path, budget=budget) as spool:
        await spool.begin(None)

        assert budget.in_use == 2 * MEBIBYTE


async def test_closing_twice_gives_back_once(tmp_path: Path) -> None:
    budget = ByteBudget(100)
    await budget.acquire(10)
    with spooled(tmp_path, budget=budget) as spool:
        await spool.begin(60)
        spool.close()

    assert budget.in_use == 10


async def test_starting_again_takes_the_new_size_and_not_both(tmp_path: Path) -> None:
    budget = ByteBudget(100)
    with spooled(tmp_path, budget=budget) as spool:
        await spool.begin(60)
        await spool.begin(90)
        assert budget.in_use == 90

    assert budget.in_use == 0


async def test_a_spool_that_waits_to_start_again_holds_neither_bytes_nor_disk(tmp_path: Path) -> None:
    budget = ByteBudget(100)
    with spooled(tmp_path, budget=budget) as spool:
        await spool.begin(60)
        spool.write(b"x" * 60)
        other = asyncio.create_task(budget.acquire(50))
        await asyncio.sleep(0)
        again = asyncio.create_task(spool.begin(60))
        await asyncio.sleep(0)

        assert (await other, budget.in_use, spool.size) == (50, 50, 0)
        assert os.fstat(spool._file.fileno()).st_size == 0
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)

    assert budget.in_use == 50


async def test_a_spool_that_is_cancelled_while_it_waits_holds_nothing(tmp_path: Path) -> None:
    budget = ByteBudget(100)
    held = await budget.acquire(100)
    with spooled(tmp_path, budget=budget) as spool:
        waiting = asyncio.create_task(spool.begin(60))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    budget.release(held)

    assert budget.in_use == 0


@pytest.mark.parametrize("folder", [Path("/nonexistent/spool"), Path("/proc")], ids=["missing", "takes no files"])
def test_a_folder_that_cannot_be_used_is_named(folder: Path) -> None:
    with pytest.raises(SpoolError) as caught:
        Spool("docs_blob", folder)

    assert str(folder) in str(caught.value)
    assert "--spool" in str(caught.value)


@as_ordinary_user
def test_a_folder_that_is_read_only_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(SpoolError, match="Permission denied") as caught:
            Spool("docs_blob", tmp_path)
        assert str(tmp_path) in str(caught.value)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "is full"), (errno.EDQUOT, "is full"), (errno.EROFS, "Read-only file system")],
)
def test_an_error_says_what_is_wrong_with_the_folder(number: int, said: str) -> None:
    message = str(SpoolError(Path("/spool"), OSError(number, os.strerror(number))))

    assert said in message
    assert "/spool" in message


# A limit of the process on the size of files is as real as a full disk, and needs nobody's permission.
LIMITED = """
import resource, sys
from pathlib import Path
from collectionsync.worker.spool import Spool, SpoolError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
spool = Spool("docs_blob", Path(sys.argv[1]))
try:
    for _ in range(10):
        spool.write(b"x" * 30_000)
except SpoolError as error:
    print(spool.size, error)
"""


def test_a_disk_that_takes_no_more_is_the_folders_fault(tmp_path: Path) -> None:
    said = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, check=True, text=True).stdout

    assert said.startswith("90000 ")
    assert "File too large" in said
    assert str(tmp_path) in said


def test_a_spool_does_not_cost_the_worker_more_than_its_clients_do() -> None:
    program = "import aiohttp, dataclasses, sys; before = set(sys.modules); import collectionsync.worker.spool as _; "
    program += "print(*(set(sys.modules) - before))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout

    assert {name for name in said.split() if not name.startswith("collectionsync")} <= {"mmap"}
