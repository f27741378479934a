"""Which versions of a collection are mirrored for a range."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.galaxy.versions import InvalidVersion, Range, chosen, parse, sort_key
from collectionsync.resource import Prereleases

ALL, WHEN_NEEDED = Prereleases.ALL, Prereleases.WHEN_NEEDED
VERSIONS = ["1.0.0-rc.1", "1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0-rc.2"]
UNRELEASED = ["1.0.0-alpha", "1.0.0-beta", "1.0.0-rc.1"]


def choose(
    versions: list[str], text: str = "*", latest: int | None = None, prereleases: Prereleases = ALL
) -> list[str]:
    return chosen(versions, Range.parse(text), latest=latest, prereleases=prereleases)


def test_all_that_matches_is_chosen_the_highest_first() -> None:
    assert choose(VERSIONS, ">=1.1.0") == ["2.0.0-rc.2", "2.0.0-rc.1", "1.1.0"]


def test_what_the_source_lists_first_makes_no_difference() -> None:
    for order in itertools.permutations(VERSIONS):
        assert choose(list(order), latest=3) == choose(VERSIONS, latest=3)


def test_nothing_is_chosen_where_nothing_matches() -> None:
    assert choose(VERSIONS, ">=3") == []


def test_nothing_is_chosen_where_there_is_nothing() -> None:
    assert choose([], prereleases=WHEN_NEEDED) == []


def test_a_version_that_is_listed_twice_is_chosen_once() -> None:
    assert choose(["1.0.0", "1.0.0"], latest=2) == ["1.0.0"]


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        (1, ["1.1.0"]),
        (2, ["1.1.0", "1.0.0"]),
        (3, ["2.0.0-rc.2", "1.1.0", "1.0.0"]),
        (4, ["2.0.0-rc.2", "2.0.0-rc.1", "1.1.0", "1.0.0"]),
        (99, ["2.0.0-rc.2", "2.0.0-rc.1", "1.1.0", "1.0.0", "1.0.0-rc.1"]),
    ],
)
def test_the_latest_are_releases_first_and_then_pre_releases(latest: int, expected: list[str]) -> None:
    assert choose(VERSIONS, latest=latest) == expected


def test_the_latest_are_counted_within_the_range() -> None:
    assert choose(VERSIONS, "<1.1.0", latest=1) == ["1.0.0"]


def test_versions_that_differ_in_build_metadata_count_each() -> None:
    assert choose(["1.0.0", "1.0.0+b", "1.0.0+a"], latest=2) == ["1.0.0+b", "1.0.0+a"]


def test_pre_releases_are_left_out_where_they_are_not_needed() -> None:
    assert choose(VERSIONS, prereleases=WHEN_NEEDED) == ["1.1.0", "1.0.0"]


def test_a_pre_release_that_the_range_names_is_needed() -> None:
    assert choose(VERSIONS, "==2.0.0-rc.1", prereleases=WHEN_NEEDED) == ["2.0.0-rc.1"]


def test_a_pre_release_that_only_matches_is_not_needed_where_the_collection_has_a_release() -> None:
    assert choose(VERSIONS, ">=2.0.0-rc.1", prereleases=WHEN_NEEDED) == []


def test_pre_releases_are_needed_where_the_collection_has_no_release() -> None:
    assert choose(UNRELEASED, ">=1.0.0-beta", prereleases=WHEN_NEEDED) == ["1.0.0-rc.1", "1.0.0-beta"]


def test_pre_releases_are_needed_where_all_releases_are_excluded() -> None:
    """What is excluded does not come in here, as it does not reach the clients of the mirror."""
    kept = [version for version in VERSIONS if not Range.parse(">=1.0.0,<2.0.0-0").matches(version)]
    assert choose(kept, latest=1, prereleases=WHEN_NEEDED) == ["2.0.0-rc.2"]


def test_the_latest_of_a_collection_without_releases_is_its_highest_pre_release() -> None:
    assert choose(UNRELEASED, latest=1, prereleases=WHEN_NEEDED) == ["1.0.0-rc.1"]


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("1.0.0-rc.1", "1.0.0-rc.1", True),
        ("=1.0.0-rc.1", "1.0.0-rc.1", True),
        ("==1.0.0-rc.1", "1.0.0-rc.1", True),
        ("<2,==1.0.0-rc.1", "1.0.0-rc.1", True),
        ("==1.0.0-rc.1+b", "1.0.0-rc.1+b", True),
        ("==1.0.0-rc.1", "1.0.0-rc.1+b", False),
        (">=1.0.0-rc.1", "1.0.0-rc.1", False),
        ("<=1.0.0-rc.1,>=1.0.0-rc.1", "1.0.0-rc.1", False),
        ("!=1.0.0-rc.1", "1.0.0-rc.1", False),
        ("*", "1.0.0-rc.1", False),
    ],
)
def test_a_range_names_a_version_by_an_equality_only(text: str, version: str, expected: bool) -> None:
    assert Range.parse(text).pins(version) is expected


def test_a_version_that_is_none_is_refused_even_where_it_would_not_matter() -> None:
    with pytest.raises(InvalidVersion):
        choose(["1.0.0", "1.0"], "1.0.0")


releases = st.builds("{}.{}.0".format, st.integers(0, 3), st.integers(0, 3))
versions = st.builds("{}{}".format, releases, st.sampled_from(["", "", "-rc.1", "-rc.2", "-beta"]))
lists = st.lists(versions, max_size=12, unique=True)


@given(lists, st.integers(1, 12), st.sampled_from(Prereleases), st.randoms(use_true_random=False))
def test_fewer_of_the_latest_are_some_of_the_more(
    listed: list[str], latest: int, prereleases: Prereleases, order: random.Random
) -> None:
    fewer, more = (choose(listed, latest=count, prereleases=prereleases) for count in (latest, latest + 1))
    order.shuffle(listed)
    assert set(fewer) <= set(more) <= set(choose(listed, prereleases=prereleases))


@given(lists, st.integers(1, 12))
def test_no_release_is_left_out_for_a_pre_release(listed: list[str], latest: int) -> None:
    taken = choose(listed, latest=latest)
    left_out = set(listed) - set(taken)
    if any(parse(version).is_prerelease for version in taken):
        assert all(parse(version).is_prerelease for version in left_out)


@given(lists, st.sampled_from(Prereleases))
def test_the_order_is_that_of_precedence(listed: list[str], prereleases: Prereleases) -> None:
    taken = choose(listed, prereleases=prereleases)
    assert taken == sorted(taken, key=sort_key, reverse=True)
