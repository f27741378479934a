"""What is packaged: a commit, and what was changed since; and whether it may be called a release."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from release.errors import NoCheckoutError
from release.versions import VERSION


@dataclass(frozen=True)
class Checkout:
    """A work tree. `committed` is the time of its commit in seconds since 1970, `changed` has paths."""

    commit: str
    committed: int
    tags: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def revision(self) -> str:
        """The commit, marked where it is not all that there is."""
        return f"{self.commit}-dirty" if self.changed else self.commit

    @property
    def is_release(self) -> bool:
        """Whether somebody called the commit a release, by a tag such as v1.2.3."""
        return any(re.fullmatch(f"v{VERSION}", tag) for tag in self.tags)


def read(root: Path) -> Checkout:
    """Ask git about the work tree at `root`. Raises NoCheckoutError where there is none."""
    commit, committed = _git(root, "log", "--max-count=1", "--format=%H %ct").split()
    tags = _git(root, "tag", "--points-at", "HEAD").split()
    changed = _git(root, "status", "--porcelain").splitlines()
    return Checkout(commit, int(committed), tuple(tags), tuple(line[3:] for line in changed))


def obstacles(checkout: Checkout, version: str, changelog: str) -> Iterator[str]:
    """Say what keeps this from being the release of `version`."""
    if f"v{version}" not in checkout.tags:
        yield f"the commit has no tag v{version}"
    if checkout.changed:
        files = ", ".join(checkout.changed[:5]) + (", …" if len(checkout.changed) > 5 else "")
        yield f"the work tree has changes that are not committed ({files})"
    if not re.search(rf"^## \[?{re.escape(version)}\b(?![-.\w])", changelog, re.MULTILINE):
        yield f"CHANGELOG.md has no section for {version}"


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoCheckoutError(f"git cannot be run, and it knows what is packaged: {error}") from error
    if done.returncode:
        raise NoCheckoutError(f"git cannot say what is packaged from {root}: {done.stderr.strip()}")
    return done.stdout
