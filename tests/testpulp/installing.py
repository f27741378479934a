"""Pulp's own venv, in the user's cache folder: made once for each set of pins and Python, and found again after that.

pip brings it from wherever pip is configured to get packages, each file with the digest that requirements.txt pins.
"""

import contextlib
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from testgalaxy.sdist import cache_folder, locked

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_WHOLE = ".installed"
_KEPT = 2


class PulpError(Exception):
    """Pulp could not be had, or did not do what it was asked; the text says what happened and what to do."""


def installed() -> Path:
    """The folder of Pulp's commands. Installs them where that has not been done: a minute, and 280 MB.

    Raises:
        PulpError: pip failed.
    """
    cache = cache_folder() / "pulp"
    cache.mkdir(exist_ok=True)
    venv = cache / f"venv-{_digest()}"
    # Scripts in a venv have its path in their first line: so it is made in place, and the mark says that it is whole.
    with locked(cache / ".lock"):
        if not (venv / _WHOLE).exists():
            with _discarded_on_failure(venv):
                _install(venv)
                (venv / _WHOLE).touch()
        (venv / _WHOLE).touch()
        _forget_old(cache)
    return venv / "bin"


def pinned(package: str) -> str:
    """The version of a package that is installed."""
    lines = REQUIREMENTS.read_text().splitlines()
    (found,) = (line.partition("==")[2].split()[0] for line in lines if line.startswith(f"{package}=="))
    return found


def _digest() -> str:
    total = hashlib.sha256(REQUIREMENTS.read_bytes())
    total.update(f"{sys.version_info[:3]} {sys.base_prefix}".encode())
    return total.hexdigest()[:16]


@contextlib.contextmanager
def _discarded_on_failure(venv: Path) -> Iterator[None]:
    shutil.rmtree(venv, ignore_errors=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(venv, ignore_errors=True)
        raise


def _install(venv: Path) -> None:
    print(f"installing Pulp into {venv}", file=sys.stderr, flush=True)  # noqa: T201 - a minute without a word is long
    _run([sys.executable, "-m", "venv", venv], "make a venv")
    options = ("--quiet", "--disable-pip-version-check", "--require-hashes")
    _run([venv / "bin" / "pip", "install", *options, "-r", REQUIREMENTS], "install Pulp")


def _run(command: list[str | Path], what: str) -> None:
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    if done.returncode:
        raise PulpError(
            f"{Path(command[0]).name} could not {what} (exit status {done.returncode}; what it said is above). "
            "It needs the Python index that pip is configured for."
        )


def _forget_old(cache: Path) -> None:
    every = sorted(cache.glob("venv-*"), key=lambda venv: venv.stat().st_mtime)
    for old in every[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
