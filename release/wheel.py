"""The wheel, with the command line for those who run no containers."""

import shutil
import sys
import tempfile
from pathlib import Path

from testcluster.commands import run

_SOURCES = ("pyproject.toml", "README.md", "LICENSE")


def write_wheel(root: Path, folder: Path, *, time: int) -> Path:
    """Build the wheel of `root` into `folder`; return its path.

    It is built in a copy: setuptools leaves folders behind, and would pack what an earlier build left in them.
    """
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        source, built = Path(scratch, "source"), Path(scratch, "built")
        shutil.copytree(
            root / "operator", source / "operator", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
        for name in _SOURCES:
            shutil.copy(root / name, source / name)
        for path in source.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)  # whatever the umask of the checkout was
        options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")
        command: list[str | Path] = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", built, source]
        run(command, environment={"SOURCE_DATE_EPOCH": str(time)})
        (wheel,) = built.iterdir()
        return wheel.rename(folder / wheel.name)
