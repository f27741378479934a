"""Kubernetes and helm, built with Go from the modules that kubernetes/go.mod pins.

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

_SOURCE = Path(__file__).parent / "kubernetes"
_OLDEST_GO = (1, 21)
"""From this version on, Go fetches by itself the newer toolchain that go.mod asks for."""
_VERSION = "k8s.io/component-base/version"


def binaries() -> Path:
    """The folder with the components, kubectl, helm and the pause program; built if need be."""
    return built("binaries", binaries_digest(), _build)


def binaries_digest() -> str:
    """A digest of all that goes into them."""
    files = [path for pattern in ("go.mod", "go.sum", "**/*.go") for path in _SOURCE.glob(pattern)]
    return digest(_SOURCE, files, platform.machine(), "1")


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


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        check_go("")
    check_go(run(["go", "version"], environment={"GOTOOLCHAIN": "local"}).stdout)
    print("building Kubernetes with Go; the first time it takes minutes", file=sys.stderr, flush=True)  # noqa: T201
    version = kubernetes_version((_SOURCE / "go.mod").read_text())
    major, minor = version.removeprefix("v").split(".")[:2]
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s", "-w", *(f"-X {_VERSION}.{name}={value}" for name, value in stamps.items())])
    _go_build(folder / "kubernetes", ".", flags)
    _go_build(folder / "pause", "./pause", "-s -w")
    _go_build(folder / "helm", "helm.sh/helm/v3/cmd/helm", "-s -w")
    for name in COMPONENTS:
        (folder / name).symlink_to("kubernetes")


def _go_build(target: Path, package: str, linker_flags: str) -> None:
    command: list[str | Path] = ["go", "build", "-trimpath", "-ldflags", linker_flags, "-o", target, package]
    run(command, folder=_SOURCE, environment={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"})
