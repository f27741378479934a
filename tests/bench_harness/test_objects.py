"""What a Full run leaves in its store is read, and not believed."""

import hashlib
from pathlib import Path

import pytest
from bench.objects import check
from bench.workers import MeasuringError


def put(folder: Path, data: bytes, *, name: str | None = None) -> str:
    sha256 = name or hashlib.sha256(data).hexdigest()
    path = folder / "sha256" / sha256[:2] / f"{sha256}.tar.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return sha256


def test_objects_that_are_what_they_are_called_are_counted_in_bytes(tmp_path: Path) -> None:
    assert check(tmp_path, {put(tmp_path, b"one"): 3, put(tmp_path, b"three"): 5}) == 8


def test_a_store_that_lacks_an_object_or_has_a_strange_one_is_told(tmp_path: Path) -> None:
    one = put(tmp_path, b"one")
    with pytest.raises(MeasuringError, match="lacks 1 objects, and has 0 "):
        check(tmp_path, {one: 3, "ff" * 32: 5})
    with pytest.raises(MeasuringError, match="lacks 0 objects, and has 1 "):
        check(tmp_path, {})


def test_an_object_under_the_name_of_another_is_told(tmp_path: Path) -> None:
    sha256 = put(tmp_path, b"two", name=hashlib.sha256(b"one").hexdigest())
    with pytest.raises(MeasuringError, match=rf"not what it is called: {sha256}\.tar\.gz"):
        check(tmp_path, {sha256: 3})


def test_a_size_that_the_database_has_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(MeasuringError, match="not what it is called"):
        check(tmp_path, {put(tmp_path, b"one"): 4})
