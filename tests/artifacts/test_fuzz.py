"""Whatever is done to a good artifact: it passes, or it is refused by a reason, soon and in little memory."""

import contextlib
import gzip
import tracemalloc

from hypothesis import example, given
from hypothesis import strategies as st

from artifacts.archives import BLOCK, BOUNDS, GOOD, check, member, packed, pax, record
from collectionsync.artifacts.errors import TarballError

PLAIN = gzip.decompress(GOOD)
MOST_MEMORY = 2 * 1024 * 1024

_HEADERS = [at for at in range(0, len(PLAIN), BLOCK) if PLAIN[at + 257 : at + 262] == b"ustar"]
_BYTES = st.binary(min_size=1, max_size=20) | st.sampled_from(
    [b"\0", b"\xff", b"/", b"..", b"./", b"\x80" + b"\xff" * 11, b"99999999999\0", b'"', b"}", b"]", b"\\"]
)


def _patched(data: bytes, patches: list[tuple[int, int, bytes]]) -> bytes:
    for at, length, replacement in patches:
        at %= len(data) + 1
        data = data[:at] + replacement + data[at + length :]
    return data


def _summed(plain: bytes) -> bytes:
    """The archive with checksums that hold, so that what was changed in a header is looked at."""
    blocks = bytearray(plain)
    for at in _HEADERS:
        block = bytes(blocks[at : at + BLOCK])
        if len(block) == BLOCK:
            total = sum(block[:148]) + 8 * ord(" ") + sum(block[156:])
            blocks[at + 148 : at + 156] = b"%06o\0 " % total
    return bytes(blocks)


def judged(artifact: bytes) -> None:
    """Check it; nothing but a TarballError may come of that, nor a peak of memory."""
    tracemalloc.start()
    try:
        with contextlib.suppress(TarballError):
            check(artifact, BOUNDS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEMORY


_PATCHES = st.lists(st.tuples(st.integers(0, len(PLAIN)), st.integers(0, 600), _BYTES), min_size=1, max_size=4)


@given(patches=st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 50), _BYTES), min_size=1, max_size=3))
def test_a_changed_stream_is_judged(patches: list[tuple[int, int, bytes]]) -> None:
    judged(_patched(GOOD, patches))


@given(patches=_PATCHES)
def test_a_changed_archive_is_judged(patches: list[tuple[int, int, bytes]]) -> None:
    judged(packed(_patched(PLAIN, patches), end=b""))


@given(
    header=st.sampled_from(_HEADERS),
    patches=st.lists(st.tuples(st.integers(0, BLOCK - 1), _BYTES), min_size=1, max_size=3),
)
def test_a_changed_header_is_judged(header: int, patches: list[tuple[int, bytes]]) -> None:
    plain = PLAIN
    for at, replacement in patches:
        start = header + at
        plain = plain[:start] + replacement + plain[start + len(replacement) :]
    judged(packed(_summed(plain), end=b""))


@given(order=st.lists(st.integers(0, len(PLAIN) // BLOCK), max_size=60))
def test_blocks_in_another_order_are_judged(order: list[int]) -> None:
    judged(packed(*(PLAIN[number * BLOCK : (number + 1) * BLOCK] for number in order), end=b""))


@given(keys=st.dictionaries(st.sampled_from(["path", "linkpath", "size", "GNU.sparse.map", "mtime"]), _BYTES))
@example({"size": b"1" * 15})
def test_extended_headers_of_any_content_are_judged(keys: dict[str, bytes]) -> None:
    judged(packed(pax(**keys), member("README.md", b"x"), PLAIN, end=b""))


@given(content=st.binary(max_size=600) | st.lists(_BYTES).map(b"".join))
@example(record(b"path", b"a" * 5000))
def test_extended_headers_of_any_form_are_judged(content: bytes) -> None:
    judged(packed(member("x", content, b"x"), member("x", content, b"L"), PLAIN, end=b""))


@given(
    files=st.binary(max_size=200) | st.recursive(st.text(max_size=5), st.lists).map(lambda value: repr(value).encode())
)
def test_any_files_json_is_judged(files: bytes) -> None:
    judged(packed(member("MANIFEST.json", b"{}"), member("FILES.json", files)))
