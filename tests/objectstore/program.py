"""versitygw, built with Go from the module that go.mod pins. The first build takes a minute; then the cache has it."""

import platform
from pathlib import Path

from testcluster.binaries import announce, go_build
from testcluster.caching import built, digest

SOURCE = Path(__file__).parent

_PACKAGE = "github.com/versity/versitygw/cmd/versitygw"


def program() -> Path:
    """The server's program; built if need be."""
    return built("objectstore", program_digest(), _build) / "versitygw"


def program_digest() -> str:
    """A digest of all that goes into it."""
    return digest(SOURCE, [SOURCE / "go.mod", SOURCE / "go.sum"], platform.machine(), _PACKAGE)


def _build(folder: Path) -> None:
    announce("versitygw")
    go_build(SOURCE, folder / "versitygw", _PACKAGE)
