"""gzip: for whom, and that what comes out is what went in."""

import gzip

import pytest

from collectionsync.server.compression import STATE_BYTES, Gzip, accepts_gzip


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, False),
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("gzip, deflate", True),
        ("deflate, br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip; q=0.5, identity", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity;q=1, *;q=0", False),
        ("gzip;q=much", False),
        (", ,gzip", True),
    ],
)
def test_gzip_is_for_those_who_ask_for_it(header: str | None, wanted: bool) -> None:
    assert accepts_gzip(header) is wanted


def test_pieces_become_one_member_that_every_client_reads() -> None:
    pieces = [bytes([number % 251]) * 40_000 for number in range(40)]
    compressor = Gzip()
    packed = b"".join(map(compressor.feed, pieces)) + compressor.finish()
    assert gzip.decompress(packed) == b"".join(pieces)


def test_a_compressor_takes_no_more_than_is_planned_for() -> None:
    # deflate's own account of it (zconf.h): 2^(windowBits+2) + 2^(memLevel+9), and some for its structures.
    assert STATE_BYTES >= (1 << 16) + (1 << 15)
