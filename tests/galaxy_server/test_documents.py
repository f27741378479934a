"""Documents of shared parts: right as they are, and right as gzip."""

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from testgalaxy import Document, Part, checksums
from testgalaxy.documents import as_stored


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_a_row_of_parts_is_one_valid_gzip_stream(pieces: list[bytes]) -> None:
    document = Document(*pieces)
    assert gzip.decompress(b"".join(document.gzip_parts())) == b"".join(pieces)


@given(st.binary(), st.binary())
def test_the_checksum_of_two_pieces_follows_from_theirs(first: bytes, second: bytes) -> None:
    shift = checksums.shift_of(len(second))
    assert checksums.append(zlib.crc32(first), shift, zlib.crc32(second)) == zlib.crc32(first + second)


def test_documents_share_the_parts_that_they_are_made_of() -> None:
    big = Part(b"x" * 100_000)
    one, other = Document(b"1", big), Document(b"2", big)
    assert one.parts()[1] is other.parts()[1]
    assert one.gzip_parts()[2] is other.gzip_parts()[2]


def test_keys_come_in_the_order_of_jsonb() -> None:
    assert list(as_stored({"collection_readme": 1, "b": {"zz": 1, "y": 2}, "a": 3, "contents": 4})) == [
        "a",
        "b",
        "contents",
        "collection_readme",
    ]
