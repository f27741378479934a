"""Which part a request asks for, held against the words of RFC 9110, section 14, put plainly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.artifacts.reading import Span
from collectionsync.server.ranges import content_range, read_range


def naive(first: int | None, last: int | None, size: int) -> list[int] | None:
    """The positions that `bytes=first-last` means; None where it means nothing, and no range at all."""
    if first is None and last is None:
        return None
    if first is None:
        assert last is not None
        return [position for position in range(size) if size - position <= last]
    if last is not None and last < first:
        return None
    return [position for position in range(size) if first <= position and (last is None or position <= last)]


@given(
    first=st.none() | st.integers(0, 30) | st.integers(0, 10**25),
    last=st.none() | st.integers(0, 30) | st.integers(0, 10**25),
    size=st.integers(1, 25),
    zeros=st.sampled_from(["", "0", "000"]),
)
def test_a_range_means_what_the_standard_says(first: int | None, last: int | None, size: int, zeros: str) -> None:
    def written(number: int | None) -> str:
        return "" if number is None else f"{zeros}{number}"

    span = read_range(f"bytes={written(first)}-{written(last)}")
    expected = naive(first, last, size)
    if expected is None:
        assert span is None
        return
    assert span is not None
    part = span.within(size)
    found = [] if part is None or span.length == 0 else list(range(size))[part[0] : part[0] + part[1]]
    assert found == expected


@given(st.text(alphabet="bytes=-,0123456789 \t\x00²٣", max_size=30))
def test_no_header_is_too_odd(header: str) -> None:
    span = read_range(header)
    assert span is None or isinstance(span, Span)


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=--5", "bytes=5-4", "bytes=1-2,3-4", "bytes=,1-2",
     "bytes=1-2-3", "bytes=+1-2", "bytes=0x1-2", "bytes=²-3", "bytes=٣-4", "items=1-2", "xbytes=1-2", "bytes =1-2"],
)  # fmt: skip
def test_what_is_no_single_range_means_all(header: str | None) -> None:
    assert read_range(header) is None


@pytest.mark.parametrize("header", ["bytes=1-2", "Bytes=1-2", "BYTES=\t1-2 ", "bytes=01-0002"])
def test_how_a_range_is_spelt_is_no_matter(header: str) -> None:
    assert read_range(header) == Span(1, 2)


def test_a_part_is_told_by_its_first_and_last_byte() -> None:
    assert content_range(5, 10, 100) == "bytes 5-14/100"
