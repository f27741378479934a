"""Where values lie in a JSON object, for texts that no parser should hold."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.worker.members import joined, narrowed, spans


def found(text: bytes, *keys: str) -> dict[str, bytes]:
    return {key: text[start:end] for key, (start, end) in spans(text, keys).items()}


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(alphabet='a"\\[]{},: é\n', max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
)


@given(
    values=st.dictionaries(st.text(max_size=4), VALUES), indent=st.sampled_from([None, 0, 3]), ascii_only=st.booleans()
)
def test_the_span_of_every_value_is_exact(values: dict[str, Any], indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    found_ = found(text.encode(), *values)

    assert list(found_) == list(values)
    for key, value in values.items():
        assert json.dumps(json.loads(found_[key])) == json.dumps(value)
        assert found_[key] == found_[key].strip()


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    assert found(b'{"a": 1, "b": [2], "a": 3}', "a") == {"a": b"3"}


def test_a_key_is_known_by_what_it_means() -> None:
    assert found(rb'{"\u0061\/": 1}', "a/") == {"a/": b"1"}


def test_a_long_run_of_brackets_is_walked_in_pieces() -> None:
    entry = b'{"name": "x", "tags": [], "of": {"a": [1, {"b": 2}]}},'
    value = b"[" + entry * 40_000 + b"0]"
    passed: list[None] = []

    assert spans(b'{"files":' + value + b"}", ["files"], lambda: passed.append(None)) == {"files": (9, 9 + len(value))}
    assert len(passed) >= len(value) // 2**21


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'"a"',
        b"{",
        b'{"a"}',
        b'{"a":}',
        b'{"a":,}',
        b'{"a":1',
        b'{"a":1,}',
        b'{"a":1}}',
        b'{"a":1 2}',
        b"{a:1}",
        b'{"a":"}',
        b'{"a":["}',
        b'{"a":[',
        b'{"a":]}',
        b'{"a":{"b":"\\"}}',
        b'{"\xff":1}',
        b'{"\n":1}',
    ],
)
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        spans(text, ["a"])


def test_what_lies_within_a_value_is_not_judged() -> None:
    assert found(b'{"a":[1}}', "a") == {"a": b"[1}"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b'{"a":' + b"[" * 10_000_000 + b"}", id="opened only"),
        pytest.param(b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", id="deep"),
        pytest.param(b'{"a":[' + b"[[[]]]," * 3_000_000 + b"0]}", id="many brackets"),
        pytest.param(b'{"a":0' + b',"a":0' * 3_000_000 + b"}", id="many members"),
        pytest.param(b'{"a":[' + b'["' * 3_000_000, id="open strings"),
        pytest.param(b'{"a":[' + b'{"a' * 3_000_000, id="open strings in objects"),
    ],
)
def test_hostile_texts_cost_a_bounded_time(text: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ValueError):
        spans(text, ["a"])

    assert time.process_time() - began < 20  # a walk without bounds takes minutes


@pytest.mark.parametrize(
    ("value", "keys", "expected"),
    [
        (b'{"a": [1], "b": 2, "c": 3}', ("a", "c"), b'{"a":[1],"c":3}'),
        (b'{"a": 1}', ("b",), b"{}"),
        (b'{"a": 1}', (), b'{"a": 1}'),
        (b"null", ("a",), b"null"),
        (b'["a"]', ("a",), b'["a"]'),
    ],
)
def test_an_object_is_narrowed_to_some_of_its_members(value: bytes, keys: tuple[str, ...], expected: bytes) -> None:
    assert narrowed(value, keys) == expected


def test_values_are_joined_to_an_object() -> None:
    assert json.loads(joined({"a": b"[1]", 'q"': b"2"})) == {"a": [1], 'q"': 2}
