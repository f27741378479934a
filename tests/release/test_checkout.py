"""What git says of a work tree, and whether that is a release."""

import subprocess
from pathlib import Path

import pytest
from release.checkout import Checkout, obstacles, read
from release.errors import NoCheckoutError

CHANGELOG = "# Changelog\n\n## Unreleased\n\n## [1.2.3] - 2026-01-01\n\n## 1.2.0 - 2025-01-01\n\n## 1.1.0-rc.1\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    run = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.fixture
def work_tree(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("committed\n")
    (tmp_path / ".gitignore").write_text("ignored\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--no-gpg-sign", "--message", "a commit", "--date", "2020-01-01T00:00:00Z")
    return tmp_path


def test_a_clean_work_tree_is_its_commit(work_tree: Path) -> None:
    (work_tree / "ignored").touch()
    seen = read(work_tree)
    assert seen.revision == git(work_tree, "rev-parse", "HEAD")
    assert seen.committed == int(git(work_tree, "log", "-1", "--format=%ct"))
    assert not seen.changed
    assert not seen.is_release


@pytest.mark.parametrize("name", ["file", "a new one"])
def test_a_work_tree_with_changes_is_marked(work_tree: Path, name: str) -> None:
    (work_tree / name).write_text("changed\n")
    seen = read(work_tree)
    assert seen.revision == f"{git(work_tree, 'rev-parse', 'HEAD')}-dirty"
    assert len(seen.changed) == 1


def test_a_tag_calls_a_commit_a_release(work_tree: Path) -> None:
    git(work_tree, "tag", "v1.2.3")
    git(work_tree, "tag", "nightly")
    assert set(read(work_tree).tags) == {"v1.2.3", "nightly"}
    assert read(work_tree).is_release


def test_a_folder_without_git_cannot_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NoCheckoutError, match="not a git repository"):
        read(tmp_path)


@pytest.mark.parametrize("version", ["1.2.3", "1.2.0", "1.1.0-rc.1"])
def test_a_tagged_clean_commit_with_its_changes_told_is_a_release(version: str) -> None:
    assert not list(obstacles(Checkout("c0ffee", 0, (f"v{version}", "other")), version, CHANGELOG))


@pytest.mark.parametrize(
    ("checkout", "version", "told"),
    [
        (Checkout("c0ffee", 0), "1.2.3", "no tag v1.2.3"),
        (Checkout("c0ffee", 0, ("v1.2.0",)), "1.2.3", "no tag v1.2.3"),
        (Checkout("c0ffee", 0, ("v1.2.3",), ("a", "b")), "1.2.3", "not committed (a, b)"),
        (Checkout("c0ffee", 0, ("v1.2.3",), tuple("abcdefg")), "1.2.3", "not committed (a, b, c, d, e, …)"),
        (Checkout("c0ffee", 0, ("v1.2.4",)), "1.2.4", "no section for 1.2.4"),
        (Checkout("c0ffee", 0, ("v1.2.3-rc.1",)), "1.2.3-rc.1", "no section for 1.2.3-rc.1"),
        (Checkout("c0ffee", 0, ("v1.1.0",)), "1.1.0", "no section for 1.1.0"),
        (Checkout("c0ffee", 0, ("v2.3",)), "2.3", "no section for 2.3"),
    ],
)
def test_what_is_no_release_says_why(checkout: Checkout, version: str, told: str) -> None:
    (found,) = obstacles(checkout, version, CHANGELOG)
    assert told in found
