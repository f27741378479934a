"""The version stands in one place, and its copies follow."""

from pathlib import Path

import pytest
from release.errors import ReleaseError
from release.versions import COPIES, check, drifted, stamped

from collectionsync import __version__

ROOT = Path(__file__).parents[2]


def test_every_copy_is_of_the_projects_version() -> None:
    assert not list(drifted(ROOT, __version__)), "run `make generate`"


def test_another_version_reaches_every_file_and_comes_back() -> None:
    assert {path.relative_to(ROOT).as_posix() for path, _ in drifted(ROOT, "97.98.99-rc.1")} == set(COPIES)
    for path, text in drifted(ROOT, "97.98.99-rc.1"):
        before = COPIES[path.relative_to(ROOT).as_posix()]
        assert stamped(text, before, __version__) == path.read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image: collectionsync:0.1.0\n", "image: collectionsync:1.2.3\n"),
        ("of r.example.org/collectionsync:0.1.0-rc.2.\n", "of r.example.org/collectionsync:1.2.3.\n"),
        ("collectionsync:0.1.0 and postgres:17.1.0\n", "collectionsync:1.2.3 and postgres:17.1.0\n"),
        ("collectionsync-0.1.0-py3-none-any.whl", "collectionsync-1.2.3-py3-none-any.whl"),
        ("collectionsync-0.1.0.1, collectionsync:0.1.0", "collectionsync-0.1.0.1, collectionsync:1.2.3"),
    ],
)
def test_a_version_is_known_by_what_stands_before_it(text: str, expected: str) -> None:
    assert stamped(text, ("collectionsync[:-]",), "1.2.3") == expected


def test_a_file_that_lost_its_version_is_told() -> None:
    with pytest.raises(ReleaseError, match="appVersion"):
        stamped("version: 0.1.0\n", ("version: ", "^appVersion: "), "1.2.3")


def test_a_file_that_lost_its_version_is_named(tmp_path: Path) -> None:
    for name in COPIES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("nothing\n")
    with pytest.raises(ReleaseError, match=r"Chart\.yaml"):
        list(drifted(tmp_path, "1.2.3"))


@pytest.mark.parametrize("version", ["0.1.0", "10.20.30", "1.0.0-rc.1", "1.0.0-alpha.12"])
def test_a_version_that_charts_tags_and_wheels_can_have(version: str) -> None:
    check(version)


@pytest.mark.parametrize("version", ["", "1.0", "1.0.0rc1", "1.0.0.dev3", "1.0.0+local", "v1.0.0"])
def test_a_version_that_one_of_them_cannot_have_is_refused(version: str) -> None:
    with pytest.raises(ReleaseError, match=r"1\.2\.3"):
        check(version)
