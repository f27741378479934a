"""The Gateway API's HTTPRoute in a test cluster: its definition, from the module that go.mod pins. Nobody serves it."""

import json
import shutil
from pathlib import Path

from testcluster import definitions
from testcluster.binaries import check_go
from testcluster.caching import built, digest
from testcluster.cluster import Cluster
from testcluster.commands import run

_SOURCE = Path(__file__).parent
_MODULE = "sigs.k8s.io/gateway-api"
_DEFINITION = "gateway.networking.k8s.io_httproutes.yaml"


def define(cluster: Cluster) -> None:
    """Make HTTPRoutes known to a cluster."""
    definitions.define(cluster, _fetched() / _DEFINITION)


def _fetched() -> Path:
    """The folder with the definition; fetched if need be, which takes seconds."""
    key = digest(_SOURCE, [_SOURCE / "go.mod", _SOURCE / "go.sum"], _DEFINITION)
    return built("gateway-definitions", key, _fetch)


def _fetch(folder: Path) -> None:
    check_go(run(["go", "version"], environment={"GOTOOLCHAIN": "local"}).stdout if shutil.which("go") else "")
    fetched = run(["go", "mod", "download", "-json", _MODULE], folder=_SOURCE, environment={"GOFLAGS": "-mod=readonly"})
    module = Path(json.loads(fetched.stdout)["Dir"])
    (folder / _DEFINITION).write_bytes((module / "config/crd/standard" / _DEFINITION).read_bytes())
