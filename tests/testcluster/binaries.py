"""Kubernetes, helm and the addons, built with Go from the modules that kubernetes/ and addons/go.mod pin.

The first build takes minutes, and the module proxy; after it the cache has them. Nothing is installed anywhere.
"""

import platform
import re
import shutil
import sys
from pathlib import Path

from testcluster.caching import built, digest
from testcluster.commands import run
from testcluster.errors import ClusterError, UnavailableError

COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet")

ADDONS = ("coredns", "isolation", "network-policies", "volumes")

_SOURCE = Path(__file__).parent / "kubernetes"
_ADDONS_SOURCE = Path(__file__).parent / "addons"
_OLDEST_GO = (1, 21)
"""From this version on, Go fetches by itself the newer toolchain that go.mod asks for."""
_VERSION = "k8s.io/component-base/version"


def binaries() -> Path:
    """The folder with the components, kubectl, helm and the pause program; built if need be."""
    return built("binaries", binaries_digest(), _build)


def binaries_digest() -> str:
    """A digest of all that goes into them."""
    return _source_digest(_SOURCE)


def addons() -> Path:
    """The folder with what a node has besides Kubernetes: `ADDONS`; built if need be."""
    return built("addons", _source_digest(_ADDONS_SOURCE), _build_addons)


def kubernetes_version(go_mod: str) -> str:
    """The version of Kubernetes that this go.mod pins, such as v1.34.4."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", go_mod, re.MULTILINE)
    if not found:
        raise ClusterError(f"{_SOURCE}/go.mod pins no k8s.io/kubernetes")
    return found[1]


def check_go(answer: str) -> None:
    """Raise UnavailableError unless `go version` answered with one that is new enough."""
    found = re.search(r"\bgo(\d+)\.(\d+)", answer)
    if not found or (int(found[1]), int(found[2])) < _OLDEST_GO:
        oldest = ".".join(map(str, _OLDEST_GO))
        raise UnavailableError(
            f"The test cluster is built with Go {oldest} or newer, and this machine has {answer.strip() or 'none'}. "
            "Install a newer one, or name a test cluster that runs in KUBECONFIG."
        )


def _source_digest(source: Path) -> str:
    files = [path for pattern in ("go.mod", "go.sum", "**/*.go") for path in source.glob(pattern)]
    return digest(source, files, platform.machine(), "1")


def _build(folder: Path) -> None:
    announce("Kubernetes")
    version = kubernetes_version((_SOURCE / "go.mod").read_text())
    major, minor = version.removeprefix("v").split(".")[:2]
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s", "-w", *(f"-X {_VERSION}.{name}={value}" for name, value in stamps.items())])
    go_build(_SOURCE, folder / "kubernetes", ".", flags)
    go_build(_SOURCE, folder / "pause", "./pause")
    go_build(_SOURCE, folder / "helm", "helm.sh/helm/v3/cmd/helm")
    for name in COMPONENTS:
        (folder / name).symlink_to("kubernetes")


def _build_addons(folder: Path) -> None:
    announce("the addons")
    go_build(_ADDONS_SOURCE, folder / "addons", ".")
    for name in ADDONS:
        (folder / name).symlink_to("addons")


def announce(what: str) -> None:
    """Say what is built; raises UnavailableError where no Go can build it."""
    if shutil.which("go") is None:
        check_go("")
    check_go(run(["go", "version"], environment={"GOTOOLCHAIN": "local"}).stdout)
    print(f"building {what} with Go; the first time it takes minutes", file=sys.stderr, flush=True)  # noqa: T201


def go_build(source: Path, target: Path, package: str, linker_flags: str = "-s -w") -> None:
    """Build a package of the module in the folder `source`, or one that it pins, as a static program."""
    command: list[str | Path] = ["go", "build", "-trimpath", "-ldflags", linker_flags, "-o", target, package]
    run(command, folder=source, environment={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"})
