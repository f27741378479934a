"""What the node takes from Debian's packages, and how it comes to them without changing what the machine does.

Packages with services in them (etcd, containerd) are unpacked into the cache instead of being installed: so nothing is
ever started or enabled, and a machine's own containerd, which may be another vendor's package, stays as it is. Mere
tools are installed, for those have libraries and settings with them.
"""

import os
import shutil
from pathlib import Path

from testcluster.caching import built, digest
from testcluster.commands import run
from testcluster.errors import UnavailableError

UNPACKED = ("containerd", "containernetworking-plugins", "etcd-server", "prometheus", "runc")
"""Packages whose programs run out of the cache: a node's, and Prometheus with its promtool."""

TOOLS = {"ip": "iproute2", "iptables": "iptables", "mount": "mount", "unshare": "util-linux"}
"""What the node needs on PATH, and the package that has it."""

BUILD_TOOLS = {
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "gpgv": "gpgv",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
"""What building images needs: programs, and files by their paths."""

_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def search_path(*first: Path) -> str:
    """A PATH with the folders of administrators' tools in it, which those of ordinary users may lack."""
    return ":".join([*map(str, first), *_FOLDERS])


def unpacked() -> Path:
    """The root folder that the packages' files lie below; fetched if need be."""
    return built("packages", digest(Path("/"), [], *UNPACKED, _release()), _unpack)


def missing(tools: dict[str, str]) -> list[str]:
    """The packages to install so that all these tools are there."""
    return sorted({package for tool, package in tools.items() if not _is_there(tool)})


def _is_there(tool: str) -> bool:
    return Path(tool).exists() if tool.startswith("/") else shutil.which(tool, path=search_path()) is not None


def install(tools: dict[str, str]) -> None:
    """Install what is missing of these tools. Raises UnavailableError where that is not for us to do."""
    packages = missing(tools)
    if not packages:
        return
    command = [
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "--option",
        "DPkg::Lock::Timeout=300",
        *packages,
    ]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise UnavailableError(
            f"The test cluster needs Debian's {', '.join(packages)}, and only root can install them, with apt-get."
        )
    _apt(command)


def _unpack(folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise UnavailableError(
            f"The test cluster takes {', '.join(UNPACKED)} from Debian's or Ubuntu's packages, and this machine has no "
            "apt-get. Name a test cluster that runs in KUBECONFIG instead."
        )
    archives = folder / "archives"
    archives.mkdir()
    # Root's apt would else hand the folder to an account that cannot get there, and say so at length.
    _apt(["apt-get", "download", "--option", "APT::Sandbox::User=root", *UNPACKED], folder=archives)
    for archive in archives.glob("*.deb"):
        run(["dpkg-deb", "--extract", archive, folder])
    shutil.rmtree(archives)


def _apt(command: list[str], *, folder: Path | None = None) -> None:
    """Run apt-get; where it fails, bring its lists up to date and try once more."""
    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    if run(command, folder=folder, environment=environment, check=False).returncode:
        run(["apt-get", "update", "--quiet"], environment=environment, check=False)
        run(command, folder=folder, environment=environment)


def _release() -> str:
    """What tells one release of a distribution from another: their programs are linked with other libraries."""
    try:
        return Path("/etc/os-release").read_text()
    except OSError:
        return ""
