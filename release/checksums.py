"""SHA256SUMS, as `sha256sum --check` reads it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

NAME = "SHA256SUMS"


def write_checksums(folder: Path, files: Iterable[Path]) -> Path:
    """Write the checksums of these files of the folder beside them; return the path."""
    lines = []
    for path in sorted(files):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    target = folder / NAME
    target.write_text("".join(lines))
    return target
