"""The part of the user's cache folder that the test cluster keeps what it built in, each under a digest of its sources.

Nothing half-built is ever found there: what is built gets its name when it is whole.
"""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from testgalaxy.sdist import cache_folder, locked

__all__ = ["built", "cluster_cache", "digest", "locked"]

_KEPT = 3


def cluster_cache() -> Path:
    """The folder; made if need be."""
    folder = cache_folder() / "cluster"
    folder.mkdir(exist_ok=True)
    return folder


def digest(root: Path, files: Iterable[Path], *settings: str) -> str:
    """A digest of these files' names below `root`, contents and permissions to execute, and of the settings."""
    total = hashlib.sha256()
    for setting in settings:
        total.update(f"{len(setting)}:{setting}\n".encode())
    for path in sorted(files):
        content = path.read_bytes()
        executable = bool(path.stat().st_mode & 0o100)
        total.update(f"{path.relative_to(root)}:{executable}:{len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()[:16]


def built(kind: str, key: str, build: Callable[[Path], None]) -> Path:
    """The folder of this kind and digest; `build` fills it where there is none yet.

    Two processes at once build it once. The newest few of a kind are kept, the others are removed.
    """
    cache = cluster_cache()
    folder = cache / f"{kind}-{key}"
    with locked(cache / f".{kind}.lock"):
        if not folder.is_dir():
            for remains in cache.glob(f".{kind}-*"):  # of a build that was killed
                shutil.rmtree(remains)
            with _scratch(cache, kind) as scratch:
                build(scratch)
                scratch.rename(folder)
        folder.touch()
        every = sorted(cache.glob(f"{kind}-{'[0-9a-f]' * len(key)}"), key=lambda each: each.stat().st_mtime)
        for old in every[:-_KEPT]:
            shutil.rmtree(old)
    return folder


@contextlib.contextmanager
def _scratch(cache: Path, kind: str) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=cache))
    scratch.chmod(0o755)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
