"""What a source says is stored if it can be, and made harmless if not."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectionsync.store.database import Connection
from collectionsync.store.text import affected, storable


@pytest.mark.parametrize(
    ("tag", "rows"), [("INSERT 0 5", 5), ("UPDATE 3", 3), ("DELETE 0", 0), ("SELECT 12345", 12345)]
)
def test_the_number_of_rows_is_read_out_of_a_tag(tag: str, rows: int) -> None:
    assert affected(tag) == rows


@pytest.mark.parametrize("text", ["", "plain text", "é 😀 ‘quoted’", "a" * 500])
def test_what_can_be_shown_is_stored_as_it_is(text: str) -> None:
    assert storable(text) == text


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x9b", "\u202e", "\ud800", "\U000e0001"])
def test_what_a_text_or_a_terminal_cannot_take_is_replaced(character: str) -> None:
    assert storable(f"a{character}b") == "a\ufffdb"


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert storable("a" * 501) == "a" * 499 + "…"


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(), max_size=600) | st.text("\0\n\x1b\ud800a", max_size=600))
async def test_postgresql_takes_whatever_is_storable(session: Connection, text: str) -> None:
    stored = storable(text)
    assert stored.isprintable()
    assert len(stored) <= 500
    assert await session.fetchval("SELECT $1::text", stored) == stored
