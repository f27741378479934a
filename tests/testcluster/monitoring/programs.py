"""prometheus-operator, built with Go from the module that go.mod pins, and the kinds of resources that it serves."""

import platform
import shutil
import sys
from pathlib import Path

from testcluster.binaries import check_go
from testcluster.caching import built, digest
from testcluster.commands import run

SOURCE = Path(__file__).parent
DEFINITIONS = "definitions"
"""The folder of CustomResourceDefinitions beside the programs."""

_MODULE = "github.com/prometheus-operator/prometheus-operator"
_COMMANDS = {"prometheus-operator": "operator", "prometheus-config-reloader": "prometheus-config-reloader"}
_KINDS = ("podmonitors", "probes", "prometheuses", "prometheusrules", "servicemonitors")
"""What prometheus-operator must find to serve a Prometheus. Of what else it can serve, it says that there is none."""


def programs() -> Path:
    """The folder with both programs and the definitions; built if need be."""
    return built("monitoring-programs", programs_digest(), _build)


def programs_digest() -> str:
    """A digest of all that goes into them."""
    return digest(SOURCE, [SOURCE / "go.mod", SOURCE / "go.sum"], platform.machine(), *_KINDS)


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        check_go("")
    check_go(run(["go", "version"], environment={"GOTOOLCHAIN": "local"}).stdout)
    print("building prometheus-operator; the first time it takes minutes", file=sys.stderr, flush=True)  # noqa: T201
    for name, command in _COMMANDS.items():
        _go("build", "-trimpath", "-ldflags", "-s -w", "-o", str(folder / name), f"{_MODULE}/cmd/{command}")
    module = Path(_go("list", "-m", "-f", "{{.Dir}}", _MODULE))
    (folder / DEFINITIONS).mkdir()
    for kind in _KINDS:
        source = module / f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"
        (folder / DEFINITIONS / source.name).write_text(source.read_text())


def _go(*arguments: str) -> str:
    environment = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    return run(["go", *arguments], folder=SOURCE, environment=environment).stdout.strip()
