"""A JSON array in pieces is cut into exactly its elements, whatever is in them, and in flat memory."""

import json
import time
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectionsync.galaxy.client import Collection
from collectionsync.galaxy.elements import ELEMENT_LIMIT_BYTES, elements, read_collections, read_versions
from collectionsync.galaxy.errors import ContentError
from testgalaxy import Catalog, small_version
from testgalaxy.layout import DEFAULT_LAYOUT
from testgalaxy.rendering import summary_document

# What a splitter could trip over, more often than it would come by itself.
text = st.lists(
    st.sampled_from(
        ['"', "\\", '\\"', "[", "]", "{", "}", ",", ":", "],[", "a", "é", "\u2028", "\U0001f600", "\x00", " "]
    )
).map("".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


def written(value: object, ascii_only: bool, indent: int | None) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def cut(data: bytes, size: int = 65536, limit: int = 1 << 20) -> list[bytes]:
    return list(elements(pieces(data, size), limit=limit))


@given(st.lists(values, max_size=5), st.booleans(), st.sampled_from([None, 0, 1]), st.integers(1, 40))
def test_the_elements_are_those_that_a_parser_finds(
    array: list[object], ascii_only: bool, indent: int | None, size: int
) -> None:
    data = written(array, ascii_only, indent)
    assert [json.loads(element) for element in cut(data, size)] == array


def is_array(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), list)
    except ValueError:
        return False


def is_cut_into_json(data: bytes, size: int) -> bool:
    try:
        return all(json.loads(element) or True for element in cut(data, size))
    except (ContentError, ValueError):
        return False


@given(
    st.lists(values, max_size=4),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from([*b'[]{}",:\\ 1t', -1])), min_size=1, max_size=3),
    st.integers(1, 40),
)
@example([], [(1.0, 93)], 1)
def test_what_is_no_array_is_refused_or_has_an_element_that_is_no_json(
    array: list[object], changes: list[tuple[float, int]], size: int
) -> None:
    data = bytearray(written(array, ascii_only=True, indent=None))
    for place, byte in changes:
        at = int(place * len(data))
        data[at : at + (byte < 0)] = b"" if byte < 0 else bytes([byte])
    assert is_cut_into_json(bytes(data), size) is is_array(bytes(data))


@pytest.mark.parametrize("data", [b"[]", b"[ ]", b" \t\r\n[\n]\n", b"\xef\xbb\xbf[]"])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_an_empty_array_has_no_elements(data: bytes, size: int) -> None:
    assert cut(data, size) == []


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_a_byte_order_mark_and_space_around_elements_are_passed_over(size: int) -> None:
    assert cut(b'\xef\xbb\xbf \n[ {"a": 1} ,\t[2]\r\n,3 ] \n', size) == [b'{"a": 1}', b"[2]", b"3"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "the list breaks off after 0 bytes"),
        (b" \n", "the list breaks off after 2 bytes"),
        (b"\xef\xbb", "the list breaks off after 2 bytes"),
        (b"[", "the list breaks off after 1 bytes"),
        (b'[{"a": 1}', "the list breaks off after 9 bytes"),
        (b'[{"a": 1},', "the list breaks off after 10 bytes"),
        (b'[{"a": "b', "the list breaks off after 9 bytes"),
        (b'["\\', "the list breaks off after 3 bytes"),
        (b"{}", "it is no list"),
        (b"<html></html>", "it is no list"),
        (b"null", "it is no list"),
        (b'"[]"', "it is no list"),
        (b" \xef\xbb\xbf[]", "it is no list"),
        (b"[] x", "something follows the end of the list (byte 3)"),
        (b"[1][2]", "something follows the end of the list (byte 3)"),
        (b"[1] \n ]", "something follows the end of the list (byte 6)"),
        (b"[,]", "element 1 of the list is missing (byte 1)"),
        (b"[1,]", "element 2 of the list is missing (byte 3)"),
        (b"[1,,2]", "element 2 of the list is missing (byte 3)"),
        (b"[1}", "element 1 of the list is followed by a bracket that nothing opened (byte 2)"),
        (b"[1,{]}]", "element 2 of the list has a bracket that is closed by one of another kind (byte 4)"),
        (b"[[[1}]]", "element 1 of the list has a bracket that is closed by one of another kind (byte 4)"),
        (b"[" * 1000, "element 1 of the list is nested more than 500 levels deep (byte 501)"),
        (b'[{"a":' * 1000, "element 1 of the list is nested more than 500 levels deep"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_every_defect_is_told_and_where_it_is(data: bytes, told: str, size: int) -> None:
    with pytest.raises(ContentError) as caught:
        cut(data, size)
    assert caught.value.reason == "InvalidJSON"
    assert told in str(caught.value)


def test_what_comes_before_a_defect_is_handed_out() -> None:
    found = elements([b'[1, "two", {]'], limit=100)
    assert [next(found), next(found)] == [b"1", b'"two"']
    with pytest.raises(ContentError):
        next(found)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_element_may_be_as_large_as_the_limit(size: int) -> None:
    element = b'"%b"' % (b"x" * 98)
    assert cut(b"[%b,%b]" % (element, element), size, limit=100) == [element, element]


@pytest.mark.parametrize("ending", [b'"]', b""], ids=["whole", "endless"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_larger_one_is_refused(size: int, ending: bytes) -> None:
    with pytest.raises(ContentError, match="element 2 of the list is larger than 100 bytes") as caught:
        cut(b'[1,"' + b"x" * 100 + ending, size, limit=100)
    assert caught.value.reason == "TooLarge"


def test_it_is_refused_before_it_has_all_come() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b"["
        while True:
            taken += 1
            yield b'{"a": "' + b"x" * 1000

    with pytest.raises(ContentError):
        list(elements(endless(), limit=100_000))
    assert taken < 200


def long_list(count: int) -> Iterator[bytes]:
    """A list of versions as a Pulp streams it, of some 10 KB each."""
    version = small_version("acme.tools", "1.0.0")
    value = summary_document(version, DEFAULT_LAYOUT).json()
    value["metadata"]["contents"] *= 60
    element = json.dumps(value).encode()
    yield b"["
    for number in range(count):
        yield from pieces(b"," + element if number else element, 65536)
    yield b"]"


def test_the_memory_that_it_takes_is_flat() -> None:
    tracemalloc.start()
    try:
        assert sum(1 for _ in elements(long_list(10), limit=ELEMENT_LIMIT_BYTES)) == 10
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert sum(1 for _ in elements(long_list(1000), limit=ELEMENT_LIMIT_BYTES)) == 1000
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < 400_000


def test_an_element_that_comes_in_many_pieces_is_walked_through_once() -> None:
    def seconds(size: int) -> float:
        data = b'[{"a": [' + b'"x\\"y", ' * (size // 9) + b'"z"]}]'
        began = time.process_time()
        assert len(cut(data, 1024, limit=size * 2)) == 1
        return time.process_time() - began

    seconds(100_000)
    # Walked through again with each piece, eight times as much would take sixty-four times as long.
    assert seconds(3_200_000) < 24 * max(seconds(400_000), 0.002)


def listed(version: object) -> bytes:
    return json.dumps(version).encode()


def never(problem: str) -> None:
    pytest.fail(problem)


COLLECTION = {"namespace": "acme", "name": "tools", "deprecated": True, "href": "/x/", "highest_version": None}


def test_collections_are_read_with_what_is_kept_of_them() -> None:
    found = read_collections([listed([COLLECTION, {"namespace": "acme", "name": "other"}])], odd=never)
    assert list(found) == [Collection("acme", "tools", deprecated=True), Collection("acme", "other", deprecated=False)]


@pytest.mark.parametrize(
    "element",
    [1, "x", None, [], {}, {"namespace": "acme"}, {"namespace": {"name": "acme"}, "name": "tools"}, {"name": "tools"}],
)
def test_what_is_no_collection_is_told_by_its_number_and_passed_over(element: object) -> None:
    problems: list[str] = []
    assert len(list(read_collections([listed([COLLECTION, element, COLLECTION])], odd=problems.append))) == 2
    (problem,) = problems
    assert problem.startswith("element 2 of the list is not what Galaxy v3 describes: ")


def test_versions_are_read_with_what_is_kept_of_them() -> None:
    catalog = Catalog([small_version("acme.tools", "1.0.0-rc.1+build")])
    catalog.mark("acme", "tools", "1.0.0-rc.1+build", "tested")
    document = bytes(summary_document(catalog.versions()[0], DEFAULT_LAYOUT))
    (found,) = read_versions([b"[", document, b"]"], odd=never)
    assert (found.namespace, found.name, found.version, found.marks) == (
        "acme",
        "tools",
        "1.0.0-rc.1+build",
        ("tested",),
    )


LEAST = {"namespace": {"name": "acme"}, "name": "tools", "version": "1.0.0"}


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"artifact": None, "signatures": None, "marks": None, "updated_at": None, "requires_ansible": None},
        {"name": None, "collection": {"name": "tools"}},
        {"artifact": [], "signatures": {"x": 1}, "marks": "x", "updated_at": 5},
        {"signatures": [None, 1, {}, {"signature": None}, {"signature": 5}]},
    ],
    ids=["left out", "null", "no name of its own", "of other kinds", "odd signatures"],
)
def test_a_version_needs_no_more_than_its_name(members: dict[str, object]) -> None:
    (found,) = read_versions([listed([{**LEAST, **members}])], odd=never)
    assert (found.namespace, found.name, found.version, found.marks) == ("acme", "tools", "1.0.0", ())


@pytest.mark.parametrize(
    "members",
    [{"version": 1}, {"version": None}, {"namespace": "acme"}, {"namespace": None}, {"name": None}, {"name": ""}],
)
def test_a_version_without_its_name_is_told_and_passed_over(members: dict[str, object]) -> None:
    problems: list[str] = []
    assert len(list(read_versions([listed([{**LEAST, **members}, LEAST])], odd=problems.append))) == 1
    assert len(problems) == 1


def test_half_a_character_in_a_text_that_nobody_reads_does_no_harm() -> None:
    (found,) = read_versions(
        [listed([{**LEAST, "metadata": {"description": "\ud83d and \\ud800 and \udc00\U0001f600"}}])], odd=never
    )
    assert found.version == "1.0.0"


@pytest.mark.parametrize(
    "broken", [b'{"a" 1}', b"{1}", b"tru", b"01", b'"\x01"', b"NaN", b"{}{}", b'"\\q"', b'{"a":1,}']
)
def test_an_element_that_is_no_json_is_told_and_passed_over(broken: bytes) -> None:
    problems: list[str] = []
    text = b'[{"namespace":{"name":"a"},"name":"b","version":"1.0.0","x":%b}]' % broken
    assert list(read_versions([text], odd=problems.append)) == []
    assert [problem.partition(" of")[0] for problem in problems] == ["element 1"]


def nested(depth: int) -> bytes:
    inner = b"[" * depth + b"]" * depth
    return b'[{"namespace":{"name":"a"},"name":"b","version":"1.0.0","x":%b}]' % inner


def test_an_element_may_be_nested_deeper_than_any_real_one() -> None:
    assert len(list(read_versions([nested(400)], odd=never))) == 1


def test_an_element_that_is_nested_without_bounds_is_refused() -> None:
    with pytest.raises(ContentError, match="nested more than 500 levels deep"):
        list(read_versions([nested(40_000)], odd=never))
