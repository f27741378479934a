"""Documents that are too large to come along, piece by piece."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from catalog.content import INLINE, WHERE, filled_database, published_by, repository, stored, version_id
from collectionsync.store.catalog import details, documents
from collectionsync.store.catalog.details import StoredDocument
from collectionsync.store.catalog.documents import DocumentChangedError, pieces
from collectionsync.store.database import Connection, Database
from store.helpers import Text
from store.test_statements import blocks, explained

pytestmark = pytest.mark.slow

MEBIBYTE = 1024 * 1024
DOCS = "é😀".encode() * 30
BODY = b'{"docs_blob": "' + DOCS + rb'\u0000"}'
LARGE = b'{"docs_blob": "%s"}' % b"".join(b"%08d" % n for n in range(MEBIBYTE))
METADATA = b'{"authors": ["%s"]}' % (b"x" * 1000)
ALPHA = stored("acme", "alpha", docs_blob=BODY, metadata=METADATA)
BETA = stored("acme", "beta", docs_blob=LARGE)


async def fill(store: Database) -> None:
    await published_by(store, ALPHA, BETA)


@pytest.fixture(scope="module")
def filled(postgres_uri: str) -> Iterator[str]:
    with filled_database(postgres_uri, fill) as uri:
        yield uri


async def named(session: Connection, body: bytes = BODY) -> StoredDocument:
    text = Text(body)
    return StoredDocument(
        await version_id(session, ALPHA if body == BODY else BETA), "docs_blob", text.size, text.sha256
    )


async def read(session: Connection, document: StoredDocument, piece_bytes: int) -> list[bytes]:
    async with session.transaction():
        return [piece async for piece in pieces(session, document, piece_bytes)]


@pytest.mark.parametrize("piece_bytes", [1, 7, 64, len(BODY) - 1, len(BODY), MEBIBYTE])
async def test_the_pieces_are_the_document(reader: Connection, piece_bytes: int) -> None:
    read_ = await read(reader, await named(reader), piece_bytes)
    assert b"".join(read_) == BODY
    assert all(len(piece) == piece_bytes for piece in read_[:-1])


async def test_metadata_in_pieces_is_what_a_detail_has(reader: Connection) -> None:
    where = {"namespace": "acme", "name": "alpha", "version": "1.0.0"}
    main = await repository(reader)
    inline = await details.detail(reader, main, **WHERE, **where, inline_bytes=INLINE)
    named_ = await details.detail(reader, main, **WHERE, **where, inline_bytes=100)
    assert inline is not None
    assert named_ is not None
    document = named_.parts[1]
    assert isinstance(document, StoredDocument)
    assert b"".join(await read(reader, document, 100)) == inline.parts[1]
    assert (named_.size, named_.etag) == (inline.size, inline.etag)


@pytest.mark.parametrize(
    "wrong",
    [{"version_id": 4711}, {"kind": "files"}, {"sha256": "0" * 64}, {"bytes": 1}, {"kind": "metadata", "bytes": 1000}],
)
async def test_a_document_that_is_another_by_now_is_told_before_the_first_piece(
    reader: Connection, wrong: dict[str, object]
) -> None:
    document = replace(await named(reader), **wrong)  # type: ignore[arg-type]
    with pytest.raises(DocumentChangedError, match=rf"{document.kind} of version {document.version_id} .* not there"):
        assert await read(reader, document, 64) == []


async def test_a_document_that_is_not_as_long_as_it_is_said_to_be_is_told(store: Database, session: Connection) -> None:
    await published_by(store, ALPHA)
    await session.execute("UPDATE collection_document SET bytes = bytes + 1 WHERE kind = 'docs_blob'")
    document = await named(session)
    with pytest.raises(DocumentChangedError):
        await read(session, replace(document, bytes=document.bytes + 1), 64)


async def test_a_large_document_never_is_in_this_process(reader: Connection) -> None:
    document = await named(reader, LARGE)
    await read(reader, await named(reader), 64)
    tracemalloc.start()
    try:
        size = 0
        async with reader.transaction():
            async for piece in pieces(reader, document, 64 * 1024):
                size += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == len(LARGE) > 8 * MEBIBYTE
    assert peak < MEBIBYTE


async def test_postgresql_reads_a_large_document_once_for_all_of_its_pieces(reader: Connection) -> None:
    document = await named(reader, LARGE)
    where = (document.version_id, document.kind, document.sha256, document.bytes)
    read_ = [blocks(await explained(reader, documents._PIECES, *where, size)) for size in (10 * MEBIBYTE, 16 * 1024)]
    assert read_[1] < 1.1 * read_[0]
