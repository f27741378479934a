"""Semantic versions and version ranges, understood exactly as ansible-galaxy understands them.

A mirror that reads `>=1.0.0` otherwise than its clients do holds too much or, worse, too little, and only an install
that fails will tell. So the rules here are the client's, odd ones included; tests compare the two. Decisions only: this
module neither waits, nor talks, nor imports more than it must, because the worker pays for imports in memory.
"""

import functools
import re
from collections.abc import Iterable

from collectionsync.resource import Prereleases

MAX_VERSION_LENGTH = 128
"""The longest version, in characters, that Galaxy servers store; a longer one is refused rather than cut."""

_NUMBER, _TEXT = "(?:0|[1-9][0-9]*)", "[0-9A-Za-z-]+"
_IDENTIFIER = f"(?!0[0-9]+(?![0-9A-Za-z-])){_TEXT}"
_SEMVER = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+({_TEXT}(?:\.{_TEXT})*))?"
)
_HOLDS_FOR = {"==": "=", "!=": "<>", ">=": ">=", ">": ">", "<=": "<=", "<": "<"}
_CONDITION = re.compile(r"(==|!=|>=|<=|=|>|<)?(.*)", re.DOTALL)
_LOOSE = re.compile(r"\.*([0-9]*)\.*([0-9]*)\.*([0-9]*)\.*(.*)", re.DOTALL)
_LOOSE_SUFFIX_START = re.compile(r"[-+](?=[.0-9a-z]|\Z)")
_LOOSE_SUFFIX = re.compile(r"[-+][^\n]+(?=\n?\Z)")


class InvalidVersion(ValueError):  # noqa: N818 - the name says what it is, as ValueError's own subclasses do
    """A text that is no semantic version; the message names it and says what is expected."""


class InvalidRange(ValueError):  # noqa: N818 - see above
    """A text that is no version range; the message names the part at fault and says what is expected."""


@functools.total_ordering
class Version:
    """One semantic version; made by `parse`, and never changed.

    Compared, and hashed, by precedence (https://semver.org, section 11), which leaves build metadata out (section 10):
    1.0.0+a equals 1.0.0+b. Where the two must be told apart, compare their `str` or their `sort_key`.
    """

    __slots__ = ("major", "minor", "patch", "prerelease", "build")  # noqa: RUF023 - the constructor's order

    major: int
    minor: int
    patch: int
    prerelease: tuple[int | str, ...]
    build: str

    def __init__(self, major: int, minor: int, patch: int, prerelease: tuple[int | str, ...], build: str) -> None:
        for name, value in zip(self.__slots__, (major, minor, patch, prerelease, build), strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Version never changes: {name!r} cannot be set")

    @property
    def is_prerelease(self) -> bool:
        """Whether it comes before the release of its numbers (https://semver.org, section 9)."""
        return bool(self.prerelease)

    @property
    def _precedence(self) -> tuple[object, ...]:
        identifiers = tuple((0, x, "") if isinstance(x, int) else (1, 0, x) for x in self.prerelease)
        return self.major, self.minor, self.patch, not self.prerelease, identifiers

    def __eq__(self, other: object) -> bool:
        return self._precedence == other._precedence if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: "Version") -> bool:
        return self._precedence < other._precedence if isinstance(other, Version) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._precedence)

    def __str__(self) -> str:
        prerelease = "-" + ".".join(map(str, self.prerelease)) if self.prerelease else ""
        return f"{self.major}.{self.minor}.{self.patch}{prerelease}{'+' + self.build if self.build else ''}"

    def __repr__(self) -> str:
        return f"Version({str(self)!r})"


def parse(version: str) -> Version:
    """Return the parsed version, strictly by https://semver.org 2.0.0; `str` of it is the text that came in.

    Raises InvalidVersion, also for one longer than MAX_VERSION_LENGTH.
    """
    if len(version) > MAX_VERSION_LENGTH:
        raise InvalidVersion(f"version {_quote(version)} is too long: expected at most {MAX_VERSION_LENGTH} characters")
    match = _SEMVER.fullmatch(version)
    if match is None:
        raise InvalidVersion(
            f"version {_quote(version)} is not a semantic version: expected MAJOR.MINOR.PATCH, numbers without leading"
            " zeros, then -PRERELEASE and +BUILD if any, as in 1.2.3 or 1.2.3-rc.1+build.5"
        )
    major, minor, patch, prerelease, build = match.groups()
    identifiers = tuple(int(x) if x.isdigit() else x for x in (prerelease or "").split(".") if x)
    return Version(int(major), int(minor), int(patch), identifiers, build or "")


def sort_key(version: str) -> str:
    """Return printable ASCII text whose byte order (PostgreSQL: COLLATE "C") is the precedence of semantic versions.

    Build metadata, which precedence ignores, comes last and decides between equals: two versions never share a key.
    Raises InvalidVersion.

    A number is its count of digits, as a letter, then the digits: `a` to `y` for 1 to 25, with a `z` in front for each
    25 more, so 9 (`a9`) sorts before 10 (`b10`). The key is three numbers, then each pre-release identifier: `$` and a
    number, or `%` and text; then `~` for a release or `!` after identifiers; then the build metadata. The order
    `!` < `$` < `%` < all that text may hold < `~` makes fewer identifiers sort before more, numbers before text, `rc`
    before `rc1`, and all of them before the release. 1.10.0 is `a1b10a0~`, and 1.10.0-rc.1+x is `a1b10a0%rc$a1!x`.
    """
    parsed = parse(version)
    core = "".join(map(_number_key, (parsed.major, parsed.minor, parsed.patch)))
    identifiers = "".join("$" + _number_key(x) if isinstance(x, int) else "%" + x for x in parsed.prerelease)
    return f"{core}{identifiers}{'!' if identifiers else '~'}{parsed.build}"


class Range:
    """A version range as requirements.yml writes it ("Installing collections" in Ansible's documentation).

    Conditions with a comma between them must all hold. Each is `==`, `=`, `!=`, `>=`, `>`, `<=` or `<` and a version,
    or a bare version, which means equality; an operand may be partial (`1.2` is 1.2.0) and `*` always holds. A
    pre-release is a version like any other: `>=1.0.0` holds for 2.0.0-rc.1. Build metadata is ignored.
    """

    __slots__ = ("_conditions",)

    def __init__(self, conditions: tuple[tuple[str, Version], ...]) -> None:
        self._conditions = conditions

    @classmethod
    def parse(cls, text: str) -> "Range":
        """Return the range that `text` means; one that is empty or blank holds for all. Raises InvalidRange."""
        parts = text.split(",") if text.strip() else ()
        return cls(tuple(filter(None, (_parse_condition(part, text) for part in parts))))

    def matches(self, version: str | Version) -> bool:
        """Return whether all conditions hold for `version`. Raises InvalidVersion, whatever the range."""
        parsed = parse(version) if isinstance(version, str) else version
        return all(_order(parsed, operand) in _HOLDS_FOR[operator] for operator, operand in self._conditions)

    @property
    def is_pinned(self) -> bool:
        """Whether a condition names one exact version, so that no other can match (but for build metadata)."""
        return any(operator == "==" for operator, _ in self._conditions)

    def pins(self, version: str) -> bool:
        """Return whether a condition names exactly this version, build metadata included."""
        return any(operator == "==" and str(operand) == version for operator, operand in self._conditions)

    def __str__(self) -> str:
        return ",".join(f"{operator}{operand}" for operator, operand in self._conditions) or "*"


def chosen(versions: Iterable[str], wanted: Range, *, latest: int | None, prereleases: Prereleases) -> list[str]:
    """Return those of a collection's `versions` that are mirrored for a range, the highest first.

    With `latest`, so many of them and no more: the highest releases, then the highest pre-releases where there are
    fewer. With WhenNeeded a pre-release is taken where ansible-galaxy does so without --pre: if the range names it,
    or if none of `versions` is a release, whether that matches or not. So these are all versions that the collection
    has for its clients, without what is excluded. Of versions that differ in their build metadata only, which none of
    them ranks, the order is that of sort_key.

    Raises:
        InvalidVersion: one of `versions` is none.
    """
    parsed = {version: parse(version) for version in versions}
    matching = [version for version in parsed if wanted.matches(parsed[version])]
    if prereleases == Prereleases.WHEN_NEEDED and not all(each.is_prerelease for each in parsed.values()):
        matching = [version for version in matching if not parsed[version].is_prerelease or wanted.pins(version)]
    matching.sort(key=lambda version: (not parsed[version].is_prerelease, sort_key(version)), reverse=True)
    return sorted(matching[:latest], key=sort_key, reverse=True)


def _order(version: Version, operand: Version) -> str:
    return "<" if version < operand else "=" if version == operand else ">"


def _parse_condition(part: str, text: str) -> tuple[str, Version] | None:
    """Return the operator and operand of one part of a range, or None if it always holds. Raises InvalidRange."""
    match = _CONDITION.fullmatch(part)
    assert match is not None, "the pattern takes any text"
    operator, operand = match.groups()
    # `!=*` holds for all as well: ansible-galaxy looks at the star before the operator.
    if operand == "*":
        return None
    try:
        return "==" if operator in (None, "=") else operator, _parse_operand(operand)
    except InvalidVersion as error:
        hint = "; no spaces around commas and operators" if operand != operand.strip() else ""
        expected = f"expected *, or one of == = != >= > <= < and a version, as in >=1.0.0,<2.0.0{hint}"
        raise InvalidRange(f"version range {_quote(text)}, condition {_quote(part)}: {expected} ({error})") from error


def _parse_operand(operand: str) -> Version:
    """Return the version that ansible-galaxy makes of an operand. Raises InvalidVersion where it would crash.

    Up to three numbers count and missing ones are 0; what follows a third number is ignored up to a `-` or `+`.
    """
    if not operand:
        raise InvalidVersion("the version is missing")
    if len(operand) > MAX_VERSION_LENGTH or not operand.isascii():
        raise InvalidVersion(f"{_quote(operand)} is not ASCII of at most {MAX_VERSION_LENGTH} characters")
    match = _LOOSE.fullmatch(operand)
    assert match is not None, "the pattern takes any text"
    *numbers, rest = match.groups()
    if rest and not numbers[-1] and not _LOOSE_SUFFIX_START.match(rest):
        raise InvalidVersion(f"{_quote(operand)} does not start with numbers that dots separate")
    suffix = _LOOSE_SUFFIX.search(rest)
    return parse(".".join(str(int(number or 0)) for number in numbers) + (suffix.group() if suffix else ""))


def _number_key(number: int) -> str:
    digits = str(number)
    rounds, letter = divmod(len(digits) - 1, 25)
    return "z" * rounds + chr(ord("a") + letter) + digits


def _quote(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")
