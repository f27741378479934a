"""Who may read which repository, as the files of a Secret say; they are read again when the Secret changes.

A file is named after what it opens: `NAMESPACE.REPOSITORY` one repository, `NAMESPACE` all of a namespace, `_all`
everything. A namespace of Kubernetes has no dot, so no name means two things. What no file names is closed, and so is
everything where the files cannot be read: a Secret that went missing must not open what it closed.
"""

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from collectionsync.server.credentials import NOBODY, Readers, any_matches, presented, read_lines

ALL = "_all"
"""The file whose readers may read everything."""

_LOOK_SECONDS = 1.0
# A file system's clock is coarse: a file that has just changed may change again and look the same.
_SETTLED_NS = 2_000_000_000
_READINGS = 3
_DATA = "..data"  # what kubelet makes point to another folder when a Secret changes
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?)?", re.ASCII)

log = logging.getLogger(__name__)

_State = tuple[object, ...]


class Access:
    """Decides who may read what."""

    def __init__(self, folder: Path | None, *, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._now = now
        self._looked = now()
        self._state: _State | None = None
        self._readers: Mapping[str, Readers] = {}
        self._problems: list[str] = []
        self._complaint = ""
        if folder is not None:
            self._look(folder)

    @classmethod
    def open(cls, folder: Path | None) -> Self:
        """Return what the files in this folder say; without one everybody may read everything.

        What cannot be read is logged, and looked for again every second.
        """
        return cls(folder)

    def allows(self, namespace: str, repository: str, authorization: str | None) -> bool:
        """Whether who sends this Authorization header may read a repository, be it there or not.

        Somebody without a right to it learns the same of one that is there and of one that is not.
        """
        if self._folder is None:
            return True
        applying = self._applying(namespace, repository)
        shown = presented(authorization)
        matches = any_matches([each for readers in applying for each in readers.credentials], shown)
        return matches or any(readers.everybody for readers in applying)

    def is_open(self, namespace: str, repository: str) -> bool:
        """Whether everybody may read a repository, so that caches between here and a client may share it."""
        return self._folder is None or any(each.everybody for each in self._applying(namespace, repository))

    def _applying(self, namespace: str, repository: str) -> list[Readers]:
        self._look_again()
        names = [ALL]
        if "." not in namespace:
            names += [namespace, f"{namespace}.{repository}"]
        return [self._readers.get(name, NOBODY) for name in names]

    def _look_again(self) -> None:
        now = self._now()
        if self._folder is not None and now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._look(self._folder)

    def _look(self, folder: Path) -> None:
        try:
            state = _state(folder)
            if state is not None and state == self._state:
                return
            # The state from before the reading: what changes meanwhile is found the next time.
            contents = _contents(folder)
        except OSError as error:
            self._close(
                f"the Secret with who may read what cannot be read at {folder} ({error.strerror}), so that nobody may"
                " read anything: mount it there"
            )
            return
        self._state = state
        readers, problems = _read(contents)
        if self._complaint:
            log.info("the Secret with who may read what is there again, at %s", folder)
        if problems != self._problems:
            for problem in problems:
                log.warning("%s", problem)
        self._readers, self._problems, self._complaint = readers, problems, ""

    def _close(self, complaint: str) -> None:
        self._state, self._readers = None, {}
        if complaint != self._complaint:  # and not every second
            log.error("%s", complaint)
        self._complaint = complaint


def _state(folder: Path) -> _State | None:
    """Return what is another thing whenever a file has changed; None where that cannot be told yet."""
    if (target := _target(folder)) is not None:
        return (target,)
    found = []
    newest = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                told = entry.stat()
                newest = max(newest, told.st_mtime_ns, told.st_ctime_ns)
                found.append((entry.name, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns))
    return tuple(sorted(found)) if newest < time.time_ns() - _SETTLED_NS else None


def _target(folder: Path) -> str | None:
    """Return the folder within this one that kubelet has put the Secret into; None where it is not kubelet's."""
    try:
        return str((folder / _DATA).readlink())
    except OSError:
        return None


def _contents(folder: Path) -> dict[str, bytes]:
    """Return all files by their names, of one state of the Secret where kubelet keeps it."""
    for _ in range(_READINGS):
        target = _target(folder)
        with contextlib.suppress(FileNotFoundError):  # kubelet removes what it has replaced
            found = _files(folder / (target or ""))
            if _target(folder) == target:
                return found
    # Says what it is that is not there.
    return _files(folder)


def _files(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".."):
            continue
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                found[path.name] = path.read_bytes()
    return found


def _read(contents: Mapping[str, bytes]) -> tuple[dict[str, Readers], list[str]]:
    readers = {}
    problems = []
    for name, content in contents.items():
        if name != ALL and not _NAME.fullmatch(name):
            problems.append(
                f"the key {name[:200]!r} of the Secret with who may read what opens nothing: it is neither NAMESPACE,"
                f" nor NAMESPACE.REPOSITORY, nor {ALL}"
            )
            continue
        readers[name], wrong = read_lines(content)
        problems += [f"the key {name} of the Secret with who may read what: {each}" for each in wrong]
    return readers, problems
