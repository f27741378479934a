"""Pages: which one is asked for, and that following the links shows each item once."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.server.paging import Window, links, read_flag, read_window

PATH = "/team/main/api/v3/collections/"


@pytest.mark.parametrize(
    ("query", "limit", "offset"),
    [
        ({}, 10, 0),
        ({"limit": "25", "offset": "50"}, 25, 50),
        ({"limit": "101"}, 100, 0),
        ({"limit": "9" * 300}, 100, 0),
        ({"limit": "007"}, 7, 0),
    ],
)
def test_a_page_has_ten_items_unless_told_and_a_hundred_at_the_most(
    query: dict[str, str], limit: int, offset: int
) -> None:
    assert read_window(query) == Window(limit, offset)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "1e3", "ten", " 1", "+1", "٣", "9" * 500])
def test_what_is_no_limit_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ValueError, match="limit is a whole number from 1 on"):
        read_window({"limit": text})


@pytest.mark.parametrize("text", ["", "-1", "x"])
def test_what_is_no_offset_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ValueError, match="offset is a whole number from 0 on"):
        read_window({"offset": text})


def test_an_offset_that_no_database_can_count_to_is_bounded() -> None:
    assert read_window({"offset": "9" * 300}).offset < 2**63


def test_a_truth_value_is_one_or_none_or_refused() -> None:
    assert read_flag({}, "deprecated") is None
    assert read_flag({"deprecated": "True"}, "deprecated") is True
    assert read_flag({"deprecated": "false"}, "deprecated") is False
    with pytest.raises(ValueError, match="deprecated is true or false"):
        read_flag({"deprecated": "maybe"}, "deprecated")


def test_links_are_paths_with_the_rest_of_the_query() -> None:
    found = links(PATH, {"name": "a b", "limit": "10", "offset": "20"}, Window(10, 20), 45)
    assert found.first == f"{PATH}?name=a+b&limit=10&offset=0"
    assert found.previous == f"{PATH}?name=a+b&limit=10&offset=10"
    assert found.next == f"{PATH}?name=a+b&limit=10&offset=30"
    assert found.last == f"{PATH}?name=a+b&limit=10&offset=40"


def test_the_only_page_has_no_neighbours() -> None:
    found = links(PATH, {}, Window(10, 0), 10)
    assert (found.previous, found.next) == (None, None)
    assert found.first == found.last


def test_an_empty_list_has_one_page() -> None:
    found = links(PATH, {}, Window(10, 0), 0)
    assert (found.previous, found.next, found.last) == (None, None, f"{PATH}?limit=10&offset=0")


def test_from_beyond_the_end_a_link_leads_back_to_the_last_page() -> None:
    found = links(PATH, {}, Window(10, 1000), 25)
    assert (found.previous, found.next) == (f"{PATH}?limit=10&offset=20", None)


@given(count=st.integers(0, 250), limit=st.integers(1, 100))
def test_who_follows_next_sees_each_item_once(count: int, limit: int) -> None:
    seen: list[int] = []
    query = {"limit": str(limit)}
    while True:
        window = read_window(query)
        seen += range(window.offset, min(count, window.offset + window.limit))
        following = links(PATH, query, window, count).next
        if following is None:
            break
        query = dict(parse_qsl(urlsplit(following).query))
    assert seen == list(range(count))
