"""Which drivers for layers of images a folder's file system can carry."""

from pathlib import Path

from testcluster.commands import run


def is_overlay(folder: Path) -> bool:
    """Whether the folder lies on layers itself, as everything in a container does: those are not stacked."""
    return run(["stat", "--file-system", "--format", "%T", folder]).stdout.strip() == "overlayfs"


def snapshotter(folder: Path) -> str:
    """The container runtime's driver."""
    return "native" if is_overlay(folder) else "overlayfs"


def storage_driver(folder: Path) -> str:
    """The image builder's driver."""
    return "vfs" if is_overlay(folder) else "overlay"
