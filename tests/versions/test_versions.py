"""Strict versions and their sort key: tables of cases, then properties over generated versions."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.galaxy.versions import MAX_VERSION_LENGTH, InvalidVersion, Version, parse, sort_key

ASCENDING = [
    "0.0.0-0",
    "0.0.0",
    "0.0.1-rerelease+meta",
    "0.0.1",
    "0.9.10",
    "0.10.9",
    "1.0.0--",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-alpha1",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1-0",
    "1.0.1-0.0",
    "1.0.1-9",
    "1.0.1-10",
    "1.0.1-0a",
    "1.0.1-A",
    "1.0.1-a",
    "1.0.1-a-b",
    "1.0.1-a0",
    "1.0.1",
    "2.0.0",
    "10.0.0",
    f"{10**24}.0.0",
    f"{10**25}.0.0",
    f"{10**50}.0.0",
    f"{10**123 - 1}.0.0",
]
"""The example of semver.org section 11 and the edges of its rules; 1.0.0-- stands for text that starts low."""

REFUSED = [
    "",
    "1",
    "1.2",
    "1.2.3.4",
    "v1.2.3",
    "V1.2.3",
    " 1.2.3",
    "1.2.3 ",
    "1.2.3\n",
    "1.2.3-rc\n",
    "01.2.3",
    "1.02.3",
    "1.2.03",
    "1.2.3-01",
    "1.2.3-a.00",
    "1.2.3-",
    "1.2.3+",
    "1.2.3-+b",
    "1.2.3-a..b",
    "1.2.3-a.",
    "1.2.3+a..b",
    "1.2.3+a+b",
    "1.2.3-a_b",
    "1.2.3-ä",
    "-1.2.3",
    "1.-2.3",
    "1.2.x",
    "1.2.*",
    "*",
    "1,2,3",
    "1.2.3\x00",
    "١.٢.٣",
    "1١.2.3",
    "1.2.3-١",
]

numbers = st.one_of(st.integers(0, 12), st.integers(0, 10**30)).map(str)
words = st.text("0129azAZ-", min_size=1, max_size=4)
pre_identifiers = st.one_of(numbers, words.filter(lambda word: not word.isdigit()))


def _join(parts: tuple[str, str, str, list[str], list[str]]) -> str:
    major, minor, patch, pre, build = parts
    return f"{major}.{minor}.{patch}{'-' * bool(pre)}{'.'.join(pre)}{'+' * bool(build)}{'.'.join(build)}"


versions = st.tuples(
    numbers,
    st.sampled_from("01"),
    st.sampled_from("01"),
    st.lists(pre_identifiers, max_size=3),
    st.lists(words, max_size=2),
).map(_join)


def test_the_parts_of_a_version_are_read() -> None:
    version = parse("1.22.333-rc.4.x-y.0+build.007")
    assert (version.major, version.minor, version.patch) == (1, 22, 333)
    assert version.prerelease == ("rc", 4, "x-y", 0)
    assert version.build == "build.007"


@pytest.mark.parametrize("text", [*ASCENDING, "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "1.0.0+-", "1.0.0-0a.b+00"])
def test_a_version_is_accepted_and_written_as_it_came(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_semantic_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidVersion):
        parse(text)


def test_the_refusal_names_the_version_and_what_is_expected() -> None:
    with pytest.raises(InvalidVersion, match=r"'1\.2' is not a semantic version: expected MAJOR\.MINOR\.PATCH"):
        parse("1.2")


def test_the_longest_version_is_accepted() -> None:
    text = "1.0.0-" + "a" * (MAX_VERSION_LENGTH - 6)
    assert str(parse(text)) == text


@pytest.mark.parametrize("length", [MAX_VERSION_LENGTH + 1, 10**6])
def test_a_longer_version_is_refused_in_few_words(length: int) -> None:
    with pytest.raises(InvalidVersion, match="is too long: expected at most 128 characters") as caught:
        parse("1." * (length // 2) + "1")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "expected"), [("1.0.0", False), ("1.0.0+rc", False), ("1.0.0-rc", True), ("0.1.0", False)]
)
def test_only_a_version_with_identifiers_is_a_prerelease(text: str, expected: bool) -> None:
    assert parse(text).is_prerelease is expected


def test_versions_sort_by_precedence() -> None:
    shuffled = [parse(text) for text in ASCENDING]
    random.Random(11).shuffle(shuffled)
    assert [str(version) for version in sorted(shuffled)] == ASCENDING


def test_versions_that_differ_in_build_metadata_are_equal() -> None:
    assert parse("1.0.0+a") == parse("1.0.0+b") == parse("1.0.0")


def test_equal_versions_have_equal_hashes() -> None:
    assert len({parse("1.0.0+a"), parse("1.0.0+b"), parse("1.0.0-a")}) == 2


def test_a_version_equals_nothing_but_versions() -> None:
    assert parse("1.0.0") != "1.0.0"


def test_a_version_has_no_order_with_other_things() -> None:
    with pytest.raises(TypeError):
        sorted([parse("1.0.0"), "1.0.0"])  # type: ignore[type-var]


def test_a_version_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="never changes"):
        parse("1.0.0").major = 2


def test_a_version_shows_itself_to_those_who_debug() -> None:
    assert repr(parse("1.0.0-rc+b")) == "Version('1.0.0-rc+b')"


@pytest.mark.parametrize(
    ("version", "key"),
    [
        ("1.10.0", "a1b10a0~"),
        ("1.10.0-rc.1+x", "a1b10a0%rc$a1!x"),
        ("1.0.0+x", "a1a0a0~x"),
        (f"{10**24}.0.{10**25}", f"y{10**24}a0za{10**25}~"),
    ],
)
def test_the_key_is_encoded_as_documented(version: str, key: str) -> None:
    assert sort_key(version) == key


def test_keys_sort_by_precedence() -> None:
    shuffled = ASCENDING.copy()
    random.Random(11).shuffle(shuffled)
    assert sorted(shuffled, key=sort_key) == ASCENDING


def test_build_metadata_decides_between_equals() -> None:
    assert sorted(["1.0.1-0", "1.0.0+b", "1.0.0+a.1", "1.0.0", "1.0.0+a"], key=sort_key) == [
        "1.0.0",
        "1.0.0+a",
        "1.0.0+a.1",
        "1.0.0+b",
        "1.0.1-0",
    ]


def test_a_key_of_no_version_is_refused() -> None:
    with pytest.raises(InvalidVersion):
        sort_key("1.0")


@given(versions, versions)
def test_keys_order_as_versions_do(one: str, other: str) -> None:
    first, second = parse(one), parse(other)
    if first != second:
        assert (sort_key(one).encode() < sort_key(other).encode()) is (first < second)


@given(versions, versions)
def test_two_versions_never_share_a_key(one: str, other: str) -> None:
    assert (sort_key(one) == sort_key(other)) is (one == other)


@given(versions, st.lists(words, min_size=1, max_size=2), st.lists(words, min_size=1, max_size=2))
def test_versions_that_differ_in_build_metadata_never_share_a_key(
    version: str, one: list[str], other: list[str]
) -> None:
    bare = version.partition("+")[0]
    keys = {sort_key(f"{bare}+{'.'.join(build)}") for build in (one, other)}
    assert len(keys) == (1 if one == other else 2)


@given(versions)
def test_a_key_is_printable_ascii_and_short(version: str) -> None:
    key = sort_key(version)
    assert key.isascii()
    assert key.isprintable()
    assert len(key) <= 2 * len(version) + 3


@given(st.lists(versions, min_size=2, max_size=6))
def test_the_order_of_versions_is_total(texts: list[str]) -> None:
    ordered: list[Version] = sorted(map(parse, texts))
    assert all(low <= high and not high < low for low, high in itertools.pairwise(ordered))
