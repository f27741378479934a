"""docs/parity.md has a row for each feature, and every row names tests that are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "parity.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
FEATURES = 30
_NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


@cache
def functions(file: str) -> frozenset[str]:
    """The functions of a file of tests."""
    tree = ast.parse((TESTS / file).read_bytes())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def missing(text: str) -> list[str]:
    """Which of the tests that a text names are not there."""
    return [f"{file}::{name}" for file, name in _NAMED.findall(text) if name not in functions(file)]


def test_every_feature_has_its_row() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, FEATURES + 1))


@pytest.mark.parametrize("proof", [pytest.param(row[3], id=row[0]) for row in ROWS])
def test_a_row_names_tests_and_they_are_there(proof: str) -> None:
    assert _NAMED.search(proof)
    assert missing(proof) == []


def test_a_proof_is_nothing_but_names_of_tests() -> None:
    besides = {number: _NAMED.sub("", proof).strip(" ,") for number, _, _, proof in ROWS}
    assert {number: text for number, text in besides.items() if text} == {}


def test_what_else_the_page_names_is_there() -> None:
    _, _, besides = PAGE.partition("## Also there")
    assert _NAMED.search(besides)
    assert missing(besides) == []
