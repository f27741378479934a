"""The sdist of the `ansible` package: nearly a hundred real collections in one file, fetched once.

It comes through pip, so from wherever pip is configured to get packages, and only with the digest that is pinned in
requirements/corpus.txt. The wheel would not do: it lacks most of the files that FILES.json names.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PINS = Path(__file__).parents[2] / "requirements" / "corpus.txt"
_PIN = re.compile(r"^ansible==(?P<version>\S+).*?--hash=sha256:(?P<sha256>[0-9a-f]{64})", re.DOTALL | re.MULTILINE)
# pip hands an sdist out only after asking its build backend for name and version. The package's own backend goes
# through 58,000 files for that, for half a minute; this one, put before it on the path, knows the answer.
_BACKEND = """
from pathlib import Path

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    info = Path(directory, "ansible-{version}.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\\nName: ansible\\nVersion: {version}\\n")
    return info.name
"""


class CorpusError(Exception):
    """The real collections are not to be had: no network, no such collection, a wrong digest."""


def cache_folder() -> Path:
    """The user's cache folder for this project; made if need be."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "collectionsync"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def pinned() -> tuple[str, str]:
    """Version and sha256 of the sdist, from the pins."""
    match = _PIN.search(_PINS.read_text().replace("\\\n", " "))
    if not match:
        raise CorpusError(f"{_PINS} pins no ansible sdist")
    return match["version"], match["sha256"]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the file stays, for removing it would let two in."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ansible_sdist() -> Path:
    """The sdist, from the cache or else downloaded. Two processes at once download it once."""
    version, sha256 = pinned()
    target = cache_folder() / f"ansible-{version}.tar.gz"
    with locked(target.with_suffix(".lock")):
        if not target.is_file():
            _download(version, sha256, target)
    return target


def _download(version: str, sha256: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as scratch:
        backend = Path(scratch, "backend", "setuptools")
        backend.mkdir(parents=True)
        backend.joinpath("__init__.py").touch()
        backend.joinpath("build_meta.py").write_text(_BACKEND.replace("{version}", version))
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
        command += ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "-r", str(_PINS), "-d", scratch]
        # pip's own bar goes to standard error, so that a caller's standard output stays the caller's.
        done = subprocess.run(
            command, check=False, stdout=sys.stderr, env={**os.environ, "PYTHONPATH": str(backend.parent)}
        )
        fetched = Path(scratch, target.name)
        if done.returncode or not fetched.is_file():
            raise CorpusError(f"pip could not download the ansible {version} sdist (exit status {done.returncode})")
        with fetched.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise CorpusError(f"{fetched.name} has not the pinned digest")
        fetched.replace(target)
