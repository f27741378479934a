"""What SQL readers see: every document can be read, whatever escapes it holds, and what is stored stays as it came."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings

from collectionsync.store.database import Connection, Database
from store.helpers import Text, bring, opened, version
from store.texts import STRINGS

pytestmark = pytest.mark.slow

BACKSLASH = "\\"

READ_AS = {
    r'"plain"': "plain",
    r'"\u0000"': "\ufffd",
    r'"a\u0000b\u0000\u0000"': "a\ufffdb\ufffd\ufffd",
    r'"\\u0000"': r"\u0000",
    r'"\\\u0000"': BACKSLASH + "\ufffd",
    r'"\\\\u0000"': r"\\u0000",
    r'"\n\u0000"': "\n\ufffd",
    r'"\ud800"': "\ufffd",
    r'"\uDBFF."': "\ufffd.",
    r'"\udc00"': "\ufffd",
    r'"\uDFFF\uDFFF"': "\ufffd\ufffd",
    r'"\ud83d\ude00"': "😀",
    r'"\uD83D\uDE00\uD83D\uDE00"': "😀😀",
    r'"\ud83d\ud83d\ude00"': "\ufffd😀",
    r'"\ud83d\ude00\ude00"': "😀\ufffd",
    r'"\ude00\ud83d"': "\ufffd\ufffd",
    r'"\\ud83d"': r"\ud83d",
    r'"\\ud83d\ude00"': r"\ud83d" + "\ufffd",
    r'"\ud83d\\ude00"': "\ufffd" + r"\ude00",
    r'"\\\ud83d\ude00"': BACKSLASH + "😀",
    r'"\ud7ff\ue000"': "\ud7ff\ue000",
    r'"\u00e9\u0001"': "é\x01",
    r'"C:\\udata"': r"C:\udata",
    r'"é😀"': "é😀",
}


async def keep(store: Database, body: bytes, name: str = "alpha") -> None:
    async with store.session() as session:
        run = await opened(session)
        one = version(name, artifact=body.hex())
        await bring(store, run, one, [Text(body)])


async def read(store: Database, name: str = "alpha") -> object:
    async with store.session() as session:
        text = await session.fetchval("SELECT docs::text FROM collection_docs WHERE name = $1", name)
        return None if text is None else json.loads(text)


async def test_the_docs_are_unwrapped(store: Database) -> None:
    await keep(store, b'{"collection_version": {"version": "1.0.0"}, "docs_blob": {"contents": [1]}}')
    assert await read(store) == {"contents": [1]}


@pytest.mark.parametrize("body", [b"{}", b"[]", b"1", b"null", b'{"docs": 1}'])
async def test_a_document_without_docs_reads_as_null(store: Database, body: bytes) -> None:
    await keep(store, body)
    assert await read(store) is None


async def test_a_version_without_docs_is_not_in_the_view(store: Database) -> None:
    async with store.session() as session:
        run = await opened(session)
        await bring(store, run, version(), [Text(b"{}", "files")])
        assert await session.fetch("SELECT FROM collection_docs") == []


async def test_escapes_are_read_as_what_text_can_hold_on_every_postgresql(every_store: Database) -> None:
    for number, (text, expected) in enumerate(READ_AS.items()):
        await keep(every_store, f'{{"docs_blob": {text}}}'.encode(), f"n{number}")
        assert await read(every_store, f"n{number}") == expected, text


async def test_an_escape_in_one_place_does_not_hide_another_on_every_postgresql(every_store: Database) -> None:
    await keep(every_store, rb'{"\u0000": "\ud800", "docs_blob": {"\u0000k": "fine"}, "z": "\udc00"}')
    assert await read(every_store) == {"\ufffdk": "fine"}


async def test_the_stored_body_stays_byte_by_byte_on_every_postgresql(every_store: Database) -> None:
    body = b'{"docs_blob": [' + ", ".join(READ_AS).encode() + b"]}"
    await keep(every_store, body)
    assert await read(every_store) == list(READ_AS.values())
    async with every_store.session() as session:
        assert await session.fetchval("SELECT convert_to(body::text, 'UTF8') FROM collection_document") == body


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=STRINGS)
async def test_any_string_reads_as_python_reads_it_but_for_what_text_cannot_hold(
    session: Connection, text: str
) -> None:
    read = await session.fetchval("SELECT readable_json($1::json) -> 'a' ->> 0", f'{{"a": [{text}]}}')
    assert read == re.sub("[\0\ud800-\udfff]", "\ufffd", json.loads(text))
