"""Versions and ranges beside ansible-galaxy's own, which decide in the end what a client installs.

Each intended difference has a test of its own that shows both answers and says why they differ.
"""

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectionsync.galaxy.versions import MAX_VERSION_LENGTH, InvalidRange, InvalidVersion, Range, parse, sort_key

generous = settings(deadline=None, max_examples=500)

numbers = st.one_of(st.integers(0, 3), st.integers(0, 10**12)).map(str)
cores = st.lists(numbers, min_size=3, max_size=3).map(".".join)
identifiers = st.text("019azAZ-", min_size=1, max_size=3).filter(lambda text: text == "0" or not text.startswith("0"))
suffixes = st.lists(identifiers, min_size=1, max_size=3).map(".".join)
versions = st.builds(
    "{}{}{}".format,
    cores,
    st.one_of(st.just(""), suffixes.map("-{}".format)),
    st.one_of(st.just(""), suffixes.map("+{}".format)),
)
partials = st.builds(
    "{}{}".format, st.lists(numbers, min_size=1, max_size=4).map(".".join), st.sampled_from(["", "-rc", "+b"])
)
conditions = st.builds(
    "{}{}".format,
    st.sampled_from(["", "=", "==", "!=", ">=", ">", "<=", "<"]),
    st.one_of(st.just("*"), versions, partials),
)
ranges = st.lists(conditions, min_size=1, max_size=3).map(",".join)
scraps = st.text("=!<>*,", max_size=2)
junk = st.text(st.sampled_from("0129.-+aRv*=!<>~^, \t\n_"), max_size=10)
misspelt_ranges = st.one_of(
    junk,
    st.builds("{}{}{}".format, scraps, st.one_of(versions, partials), junk),
    st.builds("{}{}{}".format, st.sampled_from(["", ">=", "<", "==", "!="]), junk, partials),
)


def meets_requirements(version: str, requirements: str) -> bool:
    # Here rather than above, so that tests of other things do not wait for Ansible.
    from ansible.galaxy.dependency_resolution import versioning  # type: ignore[import-untyped]

    return bool(versioning.meets_requirements(version, requirements))


def semantic_version(text: str) -> Any:
    from ansible.utils.version import SemanticVersion  # type: ignore[import-untyped]

    version = SemanticVersion()
    version.parse(text)
    return version


def _oracle(text: str, version: str) -> bool | None:
    """What ansible-galaxy answers, or None where one of the conditions makes it crash."""
    try:
        # A list, because a condition after one that does not hold may crash as well.
        return all([meets_requirements(version, condition) for condition in text.split(",")])  # noqa: C419
    except (ValueError, AttributeError):
        return None


def _ours(text: str, version: str) -> bool | None:
    try:
        return Range.parse(text).matches(version)
    except InvalidRange:
        return None


def _oracle_accepts(version: str) -> bool:
    try:
        semantic_version(version)
    except ValueError:
        return False
    return True


def _accepts(version: str) -> bool:
    try:
        parse(version)
    except InvalidVersion:
        return False
    return True


@generous
@given(ranges, versions)
def test_ranges_match_as_ansible_does(text: str, version: str) -> None:
    assert Range.parse(text).matches(version) is meets_requirements(version, text)


@generous
@given(st.data(), versions)
def test_ranges_around_a_version_match_as_ansible_does(data: st.DataObject, version: str) -> None:
    sign = data.draw(st.sampled_from(["", "=", "==", "!=", ">=", ">", "<=", "<"]))
    core = version.partition("+")[0].partition("-")[0]
    text = sign + data.draw(
        st.sampled_from([version, core, core + "-0", core + "-zz", core + "+b", core.rpartition(".")[0]])
    )
    assert Range.parse(text).matches(version) is meets_requirements(version, text)


@generous
@given(misspelt_ranges.filter(str.strip), st.sampled_from(["0.0.0", "1.0.0", "1.2.0-rc", "2.0.0"]))
def test_misspelt_ranges_match_as_ansible_does_and_are_refused_where_it_crashes(text: str, version: str) -> None:
    assert _ours(text, version) is _oracle(text, version)


@generous
@given(ranges, versions)
def test_the_normal_form_means_the_same_to_ansible(text: str, version: str) -> None:
    assert meets_requirements(version, str(Range.parse(text))) is meets_requirements(version, text)


@generous
@given(versions, versions)
def test_versions_order_as_in_ansible(one: str, other: str) -> None:
    ours, theirs = (parse(one), parse(other)), (semantic_version(one), semantic_version(other))
    assert (ours[0] < ours[1], ours[0] == ours[1]) == (theirs[0] < theirs[1], theirs[0] == theirs[1])


@generous
@given(cores, suffixes, suffixes)
def test_prereleases_of_one_version_order_as_in_ansible(core: str, one: str, other: str) -> None:
    low, high = f"{core}-{one}", f"{core}-{other}"
    assert (parse(low) < parse(high)) is (semantic_version(low) < semantic_version(high))


@generous
@given(cores, suffixes, suffixes)
def test_keys_of_prereleases_order_as_in_ansible(core: str, one: str, other: str) -> None:
    low, high = f"{core}-{one}", f"{core}-{other}"
    assert (sort_key(low) < sort_key(high)) is (semantic_version(low) < semantic_version(high))


@generous
@given(versions)
def test_prereleases_are_those_of_ansible(version: str) -> None:
    assert parse(version).is_prerelease is semantic_version(version).is_prerelease


@generous
@given(st.one_of(versions, st.text("0129.-+aRv ", max_size=12), st.builds("{}{}".format, cores, st.text("01a.-+_"))))
def test_versions_are_accepted_as_ansible_accepts_them(text: str) -> None:
    assert _accepts(text) is (_oracle_accepts(text) and len(text) <= MAX_VERSION_LENGTH)


@pytest.mark.parametrize("version", ["1.0.0\n", "1.0.0-rc\n"])
def test_a_version_with_a_line_break_is_refused_though_ansible_overlooks_it(version: str) -> None:
    """It would be part of file names and addresses."""
    assert _oracle_accepts(version)
    assert not _accepts(version)


@pytest.mark.parametrize("version", ["1١.0.0", "1.0.0-1١"])
def test_a_version_with_foreign_digits_is_refused_though_ansible_reads_them(version: str) -> None:
    """semver.org, section 2: two texts would be one version, and the sort key is ASCII."""
    assert _oracle_accepts(version)
    assert not _accepts(version)


def test_a_version_that_is_too_long_is_refused_though_ansible_has_no_limit() -> None:
    """No Galaxy server stores it."""
    version = "1.0.0-" + string.ascii_letters * 3
    assert _oracle_accepts(version)
    assert not _accepts(version)


@pytest.mark.parametrize("text", [">=١", "1.0.0 – 2.0.0"])
def test_a_range_beyond_ascii_is_refused_though_ansible_reads_it(text: str) -> None:
    """It can only be a slip, such as a dash that an editor made, and ansible ignores what follows three numbers."""
    assert _oracle(text, "1.0.0") is True
    assert _ours(text, "1.0.0") is None


def test_a_range_with_a_huge_operand_is_refused_though_ansible_reads_it() -> None:
    """No version is that long; reading it would cost time for nothing."""
    text = "<" + "0" * MAX_VERSION_LENGTH + "1"
    assert _oracle(text, "0.1.0") is True
    assert _ours(text, "0.1.0") is None


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_a_blank_range_holds_for_all_though_ansible_crashes(text: str) -> None:
    """An empty field of a manifest means what a missing one does, which ansible reads as `*`."""
    assert _oracle(text, "1.0.0") is None
    assert _ours(text, "1.0.0") is True


def test_all_conditions_are_read_though_ansible_stops_at_the_first_that_does_not_hold() -> None:
    """Whether a range can be read must not depend on the versions that a server has."""
    assert meets_requirements("2.0.0", "<1,abc") is False
    assert _ours("<1,abc", "2.0.0") is None


@pytest.mark.parametrize("version", ["1.0", "latest", "*"])
def test_a_version_that_is_none_is_refused_though_ansible_takes_any_for_a_star(version: str) -> None:
    """Nothing that cannot be ordered gets into the mirror by way of `*`."""
    assert meets_requirements(version, "*") is True
    with pytest.raises(InvalidVersion):
        Range.parse("*").matches(version)
