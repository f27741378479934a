"""What is built once, and when it is built again."""

import os
from pathlib import Path

import pytest

from testcluster.caching import built, cluster_cache, digest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cluster_cache()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a").write_text("one")
    (folder / "b").write_text("two")
    return folder


def of(folder: Path, *settings: str) -> str:
    return digest(folder, folder.iterdir(), *settings)


def test_the_digest_is_that_of_what_is_there(source: Path) -> None:
    before = of(source)
    assert of(source) == before
    (source / "a").write_text("other")
    assert of(source) != before


def test_the_digest_is_another_for_another_name(source: Path) -> None:
    before = of(source)
    (source / "a").rename(source / "c")
    assert of(source) != before


def test_the_digest_is_another_for_another_setting(source: Path) -> None:
    assert len({of(source), of(source, "x"), of(source, "x", "y"), of(source, "xy")}) == 4


def test_the_digest_is_another_for_what_becomes_executable(source: Path) -> None:
    before = of(source)
    (source / "a").chmod(0o755)
    assert of(source) != before


def test_what_moves_as_a_whole_is_the_same(source: Path) -> None:
    before = of(source)
    assert of(source.rename(source.with_name("elsewhere"))) == before


def test_it_is_built_once() -> None:
    calls: list[Path] = []
    folder = built("thing", "0123", calls.append)
    assert built("thing", "0123", calls.append) == folder
    assert len(calls) == 1


def test_a_build_that_fails_leaves_nothing(cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise ValueError

    with pytest.raises(ValueError):
        built("thing", "0123", fail)
    assert not [path for path in cache.iterdir() if path.is_dir()]
    assert built("thing", "0123", lambda folder: None).is_dir()


def test_the_remains_of_a_killed_build_are_removed(cache: Path) -> None:
    remains = cache / ".thing-abcdef"
    remains.mkdir()
    built("thing", "0123", lambda folder: None)
    assert not remains.exists()


def test_only_the_newest_of_a_kind_are_kept(cache: Path) -> None:
    for number in range(5):
        folder = built("thing", f"000{number}", lambda folder: None)
        os.utime(folder, (number, number))
    built("thing-other", "0000", lambda folder: None)
    assert sorted(path.name for path in cache.iterdir() if path.is_dir()) == [
        "thing-0002",
        "thing-0003",
        "thing-0004",
        "thing-other-0000",
    ]
