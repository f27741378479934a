"""Gzip in bounded chunks, however it is cut up."""

import gzip
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.galaxy.body import CHUNK_BYTES, Gunzip

EMPTY_MEMBER = gzip.compress(b"")


def unpacked(pieces: Sequence[bytes]) -> bytes:
    gunzip = Gunzip()
    data = b"".join(chunk for piece in pieces for chunk in gunzip.feed(piece))
    assert gunzip.complete
    return data


@given(members=st.lists(st.binary(max_size=200) | st.just(b"a" * 100_000), min_size=1, max_size=3), data=st.data())
def test_where_the_stream_is_cut_makes_no_difference(members: list[bytes], data: st.DataObject) -> None:
    packed = b"".join(map(gzip.compress, members))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(packed)), max_size=8)))
    pieces = [packed[start:end] for start, end in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
    assert unpacked(pieces) == b"".join(members)


def test_a_stream_may_come_byte_by_byte_and_be_cut_anywhere() -> None:
    text = b"collections " * 40_000
    packed = gzip.compress(text) + gzip.compress(b"second member")
    assert unpacked([packed[at : at + 1] for at in range(len(packed))]) == text + b"second member"
    assert {unpacked([packed[:at], packed[at:]]) for at in range(len(packed) + 1)} == {text + b"second member"}


def test_no_chunk_is_larger_than_was_promised() -> None:
    sizes = [len(chunk) for chunk in Gunzip().feed(gzip.compress(bytes(50 * CHUNK_BYTES + 7)))]
    assert max(sizes) == CHUNK_BYTES
    assert sum(sizes) == 50 * CHUNK_BYTES + 7


def test_nothing_at_all_is_a_whole_stream() -> None:
    assert unpacked([]) == b""


@pytest.mark.parametrize("missing", [1, 8, 20])
def test_a_stream_that_breaks_off_is_not_complete(missing: int) -> None:
    gunzip = Gunzip()
    packed = gzip.compress(b"some text that is long enough to be packed, some text", 9)
    assert list(gunzip.feed(packed[:-missing]))
    assert not gunzip.complete


@pytest.mark.parametrize(
    "garbage",
    [
        b"<html></html>",
        zlib.compress(b"zlib, not gzip"),
        gzip.compress(b"x") + b"behind the end",
        gzip.compress(b"a sum that is wrong")[:-8] + bytes(8),
    ],
)
def test_what_is_not_gzip_is_an_error(garbage: bytes) -> None:
    with pytest.raises(zlib.error):
        list(Gunzip().feed(garbage))


def test_many_empty_members_cost_in_proportion_to_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = 0
    decompressobj = zlib.decompressobj

    class Counting:
        def __init__(self) -> None:
            self._real = decompressobj(31)
            self.eof = False
            self.unused_data = self.unconsumed_tail = b""

        def decompress(self, data: bytes, limit: int) -> bytes:
            nonlocal copied
            chunk = self._real.decompress(data, limit)
            self.eof, self.unused_data = self._real.eof, self._real.unused_data
            self.unconsumed_tail = self._real.unconsumed_tail
            copied += len(self.unused_data) + len(self.unconsumed_tail)
            return chunk

    monkeypatch.setattr(zlib, "decompressobj", lambda _: Counting())
    members = 20_000
    assert list(Gunzip().feed(EMPTY_MEMBER * members)) == []
    assert copied <= members * 16 * 1024
