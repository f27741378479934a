"""Version ranges: what they accept, what they refuse and how they say so."""

import pytest

from collectionsync.galaxy.versions import InvalidRange, InvalidVersion, Range, parse

NORMALISED = [
    ("*", "*"),
    ("", "*"),
    (" \t\n", "*"),
    ("1.2.3", "==1.2.3"),
    ("=1.2.3", "==1.2.3"),
    ("==1.2.3", "==1.2.3"),
    ("!=1.2.3", "!=1.2.3"),
    (">=1.2.3", ">=1.2.3"),
    (">1.2.3", ">1.2.3"),
    ("<=1.2.3", "<=1.2.3"),
    ("<1.2.3", "<1.2.3"),
    (">=1.0.0,<2.0.0,!=1.5.0", ">=1.0.0,<2.0.0,!=1.5.0"),
    # A star always holds, with an operator too, even one that denies it.
    ("*,<2.0.0", "<2.0.0"),
    ("<2.0.0,*", "<2.0.0"),
    ("*,*", "*"),
    ("==*", "*"),
    ("!=*", "*"),
    (">*", "*"),
    # Up to three numbers count, the missing ones are 0, and zeros may lead.
    (">=1", ">=1.0.0"),
    ("1.2", "==1.2.0"),
    ("<01.02", "<1.2.0"),
    (">=1.2.3.4", ">=1.2.3"),
    ("1..2", "==1.2.0"),
    ("1.2.", "==1.2.0"),
    (".", "==0.0.0"),
    (">=.1", ">=1.0.0"),
    # Identifiers may follow fewer numbers, if they start with a small letter, a digit or a dot.
    (">=1-rc.1", ">=1.0.0-rc.1"),
    (">=1.2+b-c", ">=1.2.0+b-c"),
    ("<1.2.3.4-rc", "<1.2.3-rc"),
    ("<2.0.0-A", "<2.0.0-A"),
    ("1.0.0--", "==1.0.0--"),
    ("-1", "==0.0.0-1"),
    ("-", "==0.0.0"),
    # After three numbers anything goes, up to identifiers.
    ("1.0.0rc1", "==1.0.0"),
    ("1.0.0rc1-rc.2", "==1.0.0-rc.2"),
    ("1.0.0-", "==1.0.0"),
    ("1.0.0+", "==1.0.0"),
    ("1.0.0 ", "==1.0.0"),
    (">=1.0.0 ,<2.0.0", ">=1.0.0,<2.0.0"),
    (">=1.0.0 <2.0.0", ">=1.0.0"),
    ("1.0.0||2.0.0", "==1.0.0"),
    ("1.0.0\n", "==1.0.0"),
    ("1.0.0-rc\n", "==1.0.0-rc"),
    ("1.0.0-rc\nx", "==1.0.0"),
]

REFUSED = [
    ",",
    "1.0.0,",
    ",1.0.0",
    ">=1.0.0,,<2.0.0",
    ">=1.0.0, ",
    "=",
    "==",
    "!=",
    ">=",
    "<",
    "!",
    "!1.0.0",
    "~=1.0.0",
    "~1.0.0",
    "^1.0.0",
    "=>1.0.0",
    "=<1.0.0",
    "===1.0.0",
    "<>1.0.0",
    "1=0",
    ">=abc",
    "abc",
    "latest",
    "v1.0.0",
    "1.x",
    "1.0.x",
    "1.2.*",
    "**",
    " *",
    "* ",
    " 1.0.0",
    ">= 1.0.0",
    ">=1.0.0, <2.0.0",
    "1.0 ",
    "1.0\n",
    "1.0-RC",
    "1.0--rc",
    "1.0rc1",
    "1.0.0-01",
    "1.0.0-a_b",
    "1.0.0-rc 1",
    "1.0.0-a..b",
    "1.0.0--\n-+",
    "<1.0.0,abc",
]

MATCHES = [
    ("*", "0.0.0-0", True),
    ("", "1.0.0-rc", True),
    ("1.2", "1.2.0", True),
    ("1.2", "1.2.1", False),
    ("=1.2.0", "1.2.0", True),
    ("!=1.2.0", "1.2.0", False),
    ("!=1.2.0", "1.2.0-rc", True),
    (">=1.0.0", "1.0.0", True),
    (">1.0.0", "1.0.0", False),
    ("<=1.0.0", "1.0.0", True),
    ("<1.0.0", "1.0.0", False),
    (">=1.0.0,<2.0.0", "1.10.0", True),
    (">=1.0.0,<2.0.0", "2.0.0", False),
    ("*,<2.0.0", "2.0.0", False),
    ("!=*", "1.0.0", True),
    # A pre-release is a version like any other.
    (">=1.0.0", "2.0.0-rc.1", True),
    (">=1.0.0", "1.0.0-rc.1", False),
    ("<2.0.0", "2.0.0-rc.1", True),
    ("<2.0.0-0", "2.0.0-rc.1", False),
    # Build metadata is ignored on both sides.
    ("1.0.0", "1.0.0+b", True),
    ("==1.0.0+a", "1.0.0+b", True),
    ("!=1.0.0+a", "1.0.0+b", False),
    (">1.0.0+a", "1.0.0+b", False),
    (">=1.0.0+b", "1.0.0+a", True),
    (">=1.2.3.4", "1.2.3", True),
    (">=1.0.0 <2.0.0", "3.0.0", True),
]


@pytest.mark.parametrize(("text", "expected"), NORMALISED)
def test_a_range_is_written_in_its_normal_form(text: str, expected: str) -> None:
    assert str(Range.parse(text)) == expected


@pytest.mark.parametrize("text", [normal for _, normal in NORMALISED])
def test_the_normal_form_stays_as_it_is(text: str) -> None:
    assert str(Range.parse(text)) == text


@pytest.mark.parametrize("text", REFUSED)
def test_an_unusable_range_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(InvalidRange):
        Range.parse(text)


@pytest.mark.parametrize(("text", "version", "expected"), MATCHES)
def test_a_range_matches(text: str, version: str, expected: bool) -> None:
    assert Range.parse(text).matches(version) is expected


def test_a_range_takes_a_parsed_version_too() -> None:
    assert Range.parse("<2").matches(parse("1.0.0"))


@pytest.mark.parametrize("text", ["*", ">=1.0.0"])
def test_a_version_that_is_none_is_refused_whatever_the_range(text: str) -> None:
    with pytest.raises(InvalidVersion):
        Range.parse(text).matches("1.0")


def test_the_refusal_names_the_condition_and_what_is_expected() -> None:
    with pytest.raises(InvalidRange, match=r"range '>=1,~2', condition '~2': expected \*, or one of == = != >= > <= <"):
        Range.parse(">=1,~2")


def test_the_refusal_of_a_condition_without_a_version_says_so() -> None:
    with pytest.raises(InvalidRange, match="the version is missing"):
        Range.parse(">=1.0.0,<")


@pytest.mark.parametrize("text", [">=1.0.0, <2.0.0", ">= 1.0", " *"])
def test_the_refusal_of_spaces_says_so(text: str) -> None:
    with pytest.raises(InvalidRange, match="no spaces around commas and operators"):
        Range.parse(text)


def test_the_refusal_of_a_huge_range_is_short() -> None:
    with pytest.raises(InvalidRange) as caught:
        Range.parse(">=" + "x" * 10**6)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.0.0", True),
        ("=1.0", True),
        ("==1.0.0-rc", True),
        ("*,1.0.0", True),
        ("<2.0.0,==1.0.0", True),
        ("*", False),
        ("", False),
        ("==*", False),
        ("!=1.0.0", False),
        (">=1.0.0,<=1.0.0", False),
    ],
)
def test_a_range_is_pinned_by_an_equality(text: str, expected: bool) -> None:
    assert Range.parse(text).is_pinned is expected


def test_the_signs_of_one_operand_are_told_apart() -> None:
    seen = {
        sign: [Range.parse(sign + "1.0.0").matches(version) for version in ("0.9.0", "1.0.0", "1.1.0")]
        for sign in ("==", "!=", ">=", ">", "<=", "<")
    }
    assert seen == {
        "==": [False, True, False],
        "!=": [True, False, True],
        ">=": [False, True, True],
        ">": [False, False, True],
        "<=": [True, True, False],
        "<": [True, False, False],
    }
