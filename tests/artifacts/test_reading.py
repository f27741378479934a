"""A part of an artifact, from any store: what it is, and that nothing is held when it has been read."""

import asyncio
from http.client import HTTPSConnection

import pytest
from hypothesis import given
from hypothesis import strategies as st

import collectionsync.artifacts.s3
from artifacts.content import MIB, Blob, blob
from collectionsync.artifacts.errors import ArtifactMissingError, ArtifactRangeError
from collectionsync.artifacts.reading import PIECE_BYTES, Span
from collectionsync.artifacts.store import ArtifactStore
from objectstore import Bucket

CONTENT = blob(3 * PIECE_BYTES + 17)
SIZE = CONTENT.size
SPANS = [
    (0, None),
    (0, 1),
    (0, SIZE),
    (0, SIZE + 1),
    (5, 10),
    (PIECE_BYTES - 1, PIECE_BYTES + 2),
    (SIZE - 1, None),
    (SIZE - 1, 100),
    (-1, None),
    (-PIECE_BYTES - 3, None),
    (-SIZE - 1, None),
]


@pytest.fixture
async def filled(store: ArtifactStore) -> ArtifactStore:
    await store.put(CONTENT.sha256, CONTENT.pieces, CONTENT.size)
    return store


async def read(store: ArtifactStore, offset: int = 0, length: int | None = None, of: Blob = CONTENT) -> bytes:
    async with store.read(of.sha256, offset=offset, length=length) as download:
        got = b"".join([piece async for piece in download])
        assert len(got) == download.length
        assert download.size == of.size
        assert got == of.data[download.offset : download.offset + download.length]
        return got


@pytest.mark.parametrize(("offset", "length"), SPANS)
async def test_a_part_is_what_it_is_of_the_whole(filled: ArtifactStore, offset: int, length: int | None) -> None:
    rest = CONTENT.data[max(offset, -SIZE) :]
    assert await read(filled, offset, length) == rest[:length]


@pytest.mark.parametrize(("offset", "length"), [(SIZE, None), (SIZE, 1), (10 * SIZE, None), (0, 0), (3, 0)])
async def test_where_there_is_nothing_it_is_told(filled: ArtifactStore, offset: int, length: int | None) -> None:
    with pytest.raises(ArtifactRangeError):
        async with filled.read(CONTENT.sha256, offset=offset, length=length):
            pass


@pytest.mark.parametrize("offset", [0, 5, -5])
async def test_a_missing_artifact_is_told_of(store: ArtifactStore, offset: int) -> None:
    with pytest.raises(ArtifactMissingError):
        async with store.read("0" * 64, offset=offset):
            pass


async def test_an_empty_artifact_has_no_pieces(store: ArtifactStore) -> None:
    empty = blob(0)
    await store.put(empty.sha256, empty.pieces, 0)
    assert await read(store, of=empty) == b""


async def test_a_reader_who_leaves_early_is_no_harm_to_the_next(filled: ArtifactStore) -> None:
    for _ in range(3):
        async with filled.read(CONTENT.sha256) as download:
            await anext(download)
    assert await read(filled) == CONTENT.data


@given(
    size=st.integers(0, 50),
    offset=st.integers(-60, 60),
    length=st.none() | st.integers(1, 70),
)
def test_a_span_is_a_slice(size: int, offset: int, length: int | None) -> None:
    data = bytes(range(size))
    expected = data[max(offset, -size) if offset < 0 else offset :][:length]
    part = Span(offset, length).within(size)
    if part is None:
        assert expected == b""
    else:
        assert data[part[0] : part[0] + part[1]] == expected
        assert len(expected) == part[1]


@pytest.mark.parametrize(
    ("span", "header"),
    [
        (Span(), None),
        (Span(5), "bytes=5-"),
        (Span(0, 1), "bytes=0-0"),
        (Span(5, 10), "bytes=5-14"),
        (Span(-7), "bytes=-7"),
    ],
)
def test_a_span_is_asked_for_as_http_does(span: Span, header: str | None) -> None:
    assert span.header() == header


@pytest.mark.slow
async def test_a_connection_over_which_all_came_is_used_again(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[str] = []

    class Counted(HTTPSConnection):
        def connect(self) -> None:
            connected.append(self.host)
            super().connect()

    monkeypatch.setattr(collectionsync.artifacts.s3, "HTTPSConnection", Counted)
    async with ArtifactStore.open(s3.url, s3.settings) as store:
        await store.put(CONTENT.sha256, CONTENT.pieces, CONTENT.size)
        for _ in range(3):
            await read(store)
            await read(store, 5, 10)
        assert len(connected) == 1
        async with store.read(CONTENT.sha256) as download:
            await anext(download)
        await read(store)
    assert len(connected) == 2


@pytest.mark.slow
async def test_many_read_at_once(s3: Bucket, way: dict[str, str]) -> None:
    large = blob(MIB)
    async with ArtifactStore.open(s3.url, {**s3.settings, **way}) as store:
        await store.put(large.sha256, large.pieces, large.size)
        assert set(await asyncio.gather(*(read(store, of=large) for _ in range(24)))) == {large.data}
