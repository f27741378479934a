"""A cluster as tests use it, be it their own node or one that was given to them."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testcluster.commands import run
from testcluster.errors import ClusterError

IMAGE = "collectionsync.test/collectionsync:test"
"""The project's image in the tests' own node."""
POSTGRES_IMAGE = "collectionsync.test/postgres:17"
"""PostgreSQL's image, once it is loaded."""
CONTEXT = "collectionsync-test"

Completed = subprocess.CompletedProcess[str]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster that runs. `host` is this machine's address as pods reach it.

    Where network policies are enforced, they are so from the first packet of a pod on, for new connections.
    """

    kubeconfig: Path
    context: str
    host: str
    image: str
    kubectl_path: Path
    helm_path: Path
    enforces_network_policies: bool
    ctr: tuple[str, ...] = ()
    """The command that imports images; empty for a cluster that was given."""

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> Completed:
        """Run kubectl to its end; it fails with ClusterError and what it complained about, unless `check` is off."""
        command: list[str | Path] = [self.kubectl_path, "--context", self.context, *arguments]
        return run(command, environment=self.environment, stdin=stdin, check=check)

    def helm(self, *arguments: str, stdin: str | None = None, check: bool = True) -> Completed:
        """Run helm to its end, as `kubectl` does."""
        command: list[str | Path] = [self.helm_path, "--kube-context", self.context, *arguments]
        return run(command, environment=self.environment, stdin=stdin, check=check)

    def json(self, *arguments: str) -> Any:
        """What `kubectl <arguments> --output json` says."""
        return json.loads(self.kubectl(*arguments, "--output", "json").stdout)

    def load_image(self, name: str, archive: Path) -> None:
        """Make the image `name`, which a docker-archive holds by this name, known to the node."""
        if not self.ctr:
            raise ClusterError(f"{name} cannot be loaded into a cluster that was given; its nodes have to have it.")
        run([*self.ctr, "images", "import", archive])
        if name not in run([*self.ctr, "images", "list", "--quiet"]).stdout.split():
            raise ClusterError(f"{archive} holds no image {name}.")

    @property
    def environment(self) -> dict[str, str]:
        """What a client of this cluster has in its environment, besides what this process has."""
        given = {"KUBECONFIG": str(self.kubeconfig)}
        if not self.ctr:
            return given
        # What clients remember of an earlier node at the same address is wrong, and no proxy is on the way to this one.
        folder = self.kubeconfig.parent / "clients"
        caches = {f"HELM_{part}_HOME": str(folder / part.lower()) for part in ("CACHE", "CONFIG", "DATA")}
        return {**given, **caches, "KUBECACHEDIR": str(folder / "kubectl"), "NO_PROXY": "*", "no_proxy": "*"}
