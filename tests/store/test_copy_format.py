"""Rows of PostgreSQL's binary COPY format: the same however a body is cut, and never a byte more than announced."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.store.copy_format import HEADER, TRAILER, DocumentLengthError, document_rows
from store.helpers import Text

BODY = rb'{"a": "\\N \\. \u0000 \ud800 \t \" ' + "é😀".encode() + b'", "b": [1e2, -0]}'


async def rows(documents: Sequence[Text]) -> list[bytes]:
    return [chunk async for chunk in document_rows(7, documents)]


async def test_a_row_is_what_the_format_says() -> None:
    document = Text(b"{}", kind="files")
    assert b"".join(await rows([document])) == (
        b"PGCOPY\n\xff\r\n\0" + b"\0\0\0\0" + b"\0\0\0\0"  # signature, flags, no extension
        + b"\0\6"  # fields
        + b"\0\0\0\x08" + b"\0\0\0\0\0\0\0\7"
        + b"\0\0\0\5" + b"files"
        + b"\0\0\0\2" + b"{}"
        + b"\0\0\0\x08" + b"\0\0\0\0\0\0\0\2"
        + b"\0\0\0\x40" + document.sha256.encode()
        + b"\0\0\0\1" + b"\0"
        + b"\xff\xff"
    )  # fmt: skip


async def test_no_document_is_a_header_and_a_trailer() -> None:
    assert await rows([]) == [HEADER, TRAILER]


@pytest.mark.parametrize("at", range(len(BODY) + 1))
async def test_the_bytes_are_the_same_wherever_a_body_is_cut(at: int) -> None:
    assert b"".join(await rows([Text(BODY).cut(at)])) == b"".join(await rows([Text(BODY)]))


@given(bodies=st.lists(st.binary(), max_size=4), chunk=st.integers(1, 9))
async def test_several_documents_follow_each_other_without_a_seam(bodies: list[bytes], chunk: int) -> None:
    whole = b"".join(await rows([Text(body) for body in bodies]))
    assert b"".join(await rows([Text(body, chunk=chunk) for body in bodies])) == whole


@given(body=st.binary(min_size=1), chunk=st.integers(1, 9), data=st.data())
async def test_no_byte_too_many_is_ever_yielded(body: bytes, chunk: int, data: st.DataObject) -> None:
    claims = data.draw(st.integers(0, len(body) - 1))
    yielded = b""
    with pytest.raises(DocumentLengthError, match=f"{claims} announced"):  # noqa: PT012
        async for part in document_rows(7, [Text(body, chunk=chunk, claims=claims)]):
            yielded += part
    assert len(yielded) - yielded.index(b"docs_blob") - len(b"docs_blob") - 4 <= claims


async def test_a_byte_too_few_is_told_in_place_of_the_next_field() -> None:
    with pytest.raises(DocumentLengthError, match="docs_blob: 2 bytes came, 3 announced"):
        await rows([Text(b"{}", claims=3)])
