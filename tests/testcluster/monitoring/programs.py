"""prometheus-operator, built with Go from the module that go.mod pins, and the kinds of resources that it serves."""

import platform
from pathlib import Path

from testcluster.binaries import announce, go_build
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
    announce("prometheus-operator")
    for name, command in _COMMANDS.items():
        go_build(SOURCE, folder / name, f"{_MODULE}/cmd/{command}")
    listed = run(
        ["go", "list", "-m", "-f", "{{.Dir}}", _MODULE], folder=SOURCE, environment={"GOFLAGS": "-mod=readonly"}
    )
    definitions = Path(listed.stdout.strip()) / "example/prometheus-operator-crd"
    (folder / DEFINITIONS).mkdir()
    for kind in _KINDS:
        name = f"monitoring.coreos.com_{kind}.yaml"
        (folder / DEFINITIONS / name).write_text((definitions / name).read_text())
