"""Releases of ansible-core as people have them: from the Python index, in the user's cache folder, each once.

pip brings them from wherever pip is configured to get packages, each file with the digest that requirements/ pins. A
release is a folder of modules beside an interpreter that is new enough for it, and no venv, so that it can be moved.
"""

import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from testansible.debian_python import debian_python
from testcluster.caching import built, digest
from testcluster.errors import ClusterError

NEWEST = "2.21"
OLDEST = "2.16"
OWN = "2.19"
"""What the project itself depends on for its tests, and what `make demo` installs with."""
MINORS = (NEWEST, "2.20", OWN, OLDEST)
"""The minor releases to be had. The oldest one is there for what it does not take, as absolute links."""

REQUIREMENTS = Path(__file__).with_name("requirements")
_NEEDS_PYTHON: Mapping[str, tuple[int, int]] = {"2.21": (3, 12), "2.20": (3, 12)}
_PIN = re.compile(r"^ansible-core==(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Release:
    """One ansible-core: how its `ansible-galaxy` is run, and with what in its environment."""

    number: str
    command: tuple[str | Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def minor(self) -> tuple[int, ...]:
        """Such as (2, 21), to be compared."""
        return tuple(map(int, self.number.split(".")[:2]))


def release(minor: str) -> Release:
    """The newest release of this minor that is pinned; installed where that has not been done, which takes seconds.

    Raises:
        UnavailableError: it needs a newer Python than can be had here.
        ClusterError: pip or apt failed.
    """
    if minor == OWN:
        command = (sys.executable, Path(sys.executable).with_name("ansible-galaxy"))
        return Release(metadata.version("ansible-core"), command)
    needed = _NEEDS_PYTHON.get(minor, (3, 0))
    python = Path(sys.executable) if sys.version_info[:2] >= needed else debian_python()
    modules = installed(minor, python)
    return Release(pinned(minor), (python, modules / "bin/ansible-galaxy"), {"PYTHONPATH": str(modules)})


def pinned(minor: str) -> str:
    """Which release of a minor it is."""
    found = _PIN.search(requirements(minor).read_text())
    assert found, f"requirements/{minor}.txt pins no ansible-core"
    return found[1]


def requirements(minor: str) -> Path:
    """The file that pins all that a release consists of."""
    return REQUIREMENTS / f"{minor}.txt"


def installed(minor: str, python: Path) -> Path:
    """The folder with the modules of a release for this interpreter, and with its commands in bin/.

    Raises:
        ClusterError: pip failed.
    """
    file = requirements(minor)
    interpreter = sys.version if python == Path(sys.executable) else str(python)
    key = digest(file.parent, [file], interpreter, platform.machine())
    return built(f"ansible-core-{minor}", key, lambda folder: _install(file, python, folder))


def _install(file: Path, python: Path, folder: Path) -> None:
    print(f"installing ansible-core {pinned(file.stem)} into the cache", file=sys.stderr, flush=True)  # noqa: T201
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    command += ["--root-user-action", "ignore", "--require-hashes", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "--target", folder, "--requirement", file],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    if done.returncode:
        raise ClusterError(
            f"pip could not install ansible-core {pinned(file.stem)} (exit status {done.returncode}; what it said is "
            "above). It needs the Python index that pip is configured for."
        )
