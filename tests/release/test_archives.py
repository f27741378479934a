"""The bytes of an archive depend on the files in it."""

import io
import tarfile
from pathlib import Path

import pytest
from release.archives import settle


def archive(path: Path, names: list[str], *, time: int, owner: int, mode: int = 0o644) -> Path:
    with tarfile.open(path, "w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            content = name.encode()
            member.size, member.mtime, member.uid, member.mode = len(content), time, owner, mode
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["settled.tar", "settled.tgz"])
def test_neither_times_nor_owners_nor_the_order_matter(tmp_path: Path, name: str) -> None:
    settled = []
    for number, names in enumerate((["b", "a/c"], ["a/c", "b"])):
        source = archive(tmp_path / f"{number}.tar", names, time=number + 1, owner=number, mode=0o600 + number)
        (tmp_path / str(number)).mkdir()
        settle(source, tmp_path / str(number) / name, time=1_000_000_000)
        settled.append((tmp_path / str(number) / name).read_bytes())
    assert settled[0] == settled[1]


def test_the_files_are_there_with_the_time_that_is_given(tmp_path: Path) -> None:
    source = archive(tmp_path / "source.tar", ["b", "a"], time=7, owner=7)
    settle(source, tmp_path / "target.tgz", time=1_000_000_000)
    with tarfile.open(tmp_path / "target.tgz") as tar:
        found = {member.name: (tar.extractfile(member), member.mtime, member.uid) for member in tar}
        assert {name: file.read() for name, (file, _, _) in found.items() if file} == {"a": b"a", "b": b"b"}
        assert {(time, owner) for _, time, owner in found.values()} == {(1_000_000_000, 0)}
