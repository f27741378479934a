"""Archives whose bytes depend on nothing but the files in them: neither on the time of writing nor on who writes."""

import gzip
import tarfile
from pathlib import Path
from typing import IO


def settle(source: Path, target: Path, *, time: int) -> None:
    """Write the tar archive `source` again, with all its files of one `time`, sorted by name and owned by root.

    `time` is in seconds since 1970. The target is compressed where its name ends with `gz`.
    """
    with tarfile.open(source) as read, target.open("wb") as raw:
        if target.name.endswith("gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=time) as compressed:
                _copy(read, compressed, time)
        else:
            _copy(read, raw, time)


def _copy(read: tarfile.TarFile, target: IO[bytes] | gzip.GzipFile, time: int) -> None:
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as write:
        for member in sorted(read.getmembers(), key=lambda each: each.name):
            settled = tarfile.TarInfo(member.name.removeprefix("./") or ".")
            settled.type, settled.linkname, settled.size, settled.mtime = (
                member.type,
                member.linkname,
                member.size,
                time,
            )
            settled.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            write.addfile(settled, read.extractfile(member))
