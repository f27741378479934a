"""A node from its start to its end."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from testcluster import components, network, packages
from testcluster.archive import write_pause_archive
from testcluster.binaries import addons, binaries
from testcluster.certificates import Authority
from testcluster.client import Client
from testcluster.cluster import CONTEXT, IMAGE, Cluster
from testcluster.commands import run
from testcluster.components import PAUSE_IMAGE, Component, Layout
from testcluster.errors import ClusterError, UnavailableError
from testcluster.filesystems import snapshotter
from testcluster.inside import READY
from testcluster.network import Cable
from testcluster.state import State, in_use, remove_stale
from testcluster.waiting import check, wait

_TESTS = Path(__file__).parents[1]
_STOP_SECONDS = 60.0
_OBJECTS = Path(__file__).parent / "addons" / "objects.yaml"


class Programs(NamedTuple):
    """Where a node's programs lie."""

    binaries: Path
    addons: Path
    packages: Path


def prepare() -> Programs:
    """Build, fetch and install what a node needs and this machine has not got yet."""
    packages.install(packages.TOOLS)
    return Programs(binaries(), addons(), packages.unpacked())


@contextlib.contextmanager
def running_node(image: Path | None = None) -> Iterator[Cluster]:
    """Start a node that knows the image of this docker-archive, and stop it at the end.

    It ends with this process, too, in whatever way that ends.
    """
    programs = prepare()
    remove_stale()
    with in_use() as state, _start_keeper(state) as process:
        _await_namespaces(process)
        try:
            yield _Start(state.folder, programs, process).up(image)
            check(state.folder)  # one that ended meanwhile is why tests failed, if they did
        finally:
            _stop(process, state.folder)


def _start_keeper(state: State) -> "subprocess.Popen[bytes]":
    command = ["unshare", "--net", sys.executable, "-m", "testcluster.keeper", str(state.folder)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[state.lock],
        env={**os.environ, "PYTHONPATH": str(_TESTS), "PATH": packages.search_path()},
        # A session of its own: Ctrl-C is for the one that asked, who may still have questions while the node ends.
        start_new_session=True,
    )


def _await_namespaces(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdout is not None
    first = process.stdout.readline()
    if first != READY.encode():
        complaint = (first + process.stdout.read()).decode(errors="replace")
        raise UnavailableError(f"The namespaces and cgroups of a node cannot be made here:\n{complaint}")


def _stop(process: "subprocess.Popen[bytes]", state: Path) -> None:
    """End the node by closing the pipe that it lives by."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise ClusterError(f"The test cluster did not end; {state} is left of it.") from None
    if process.returncode:
        raise ClusterError(f"The test cluster did not end well:\n{process.stdout.read().decode(errors='replace')}")


class _Start:
    """The steps of a start."""

    def __init__(self, state: Path, programs: Programs, process: "subprocess.Popen[bytes]") -> None:
        self._state = state
        self._programs = programs
        self._process = process

    def up(self, image: Path | None) -> Cluster:
        """Start everything; returns when pods can be made."""
        layout = self._layout(network.connect(self._process.pid))
        isolates = network.queue_new_connections(self._process.pid)
        cluster = self._cluster(layout, enforces_network_policies=isolates)
        self._run(components.etcd(layout))
        self._run(components.containerd(layout, snapshotter=snapshotter(self._state), isolates=isolates))
        self._run(components.apiserver(layout))
        wait(self._state, "container runtime", lambda: _answers(cluster))
        with ThreadPoolExecutor(1) as beside:
            loaded = beside.submit(self._load, cluster, image)
            self._await_ready(cluster, layout)
            loaded.result()
        return cluster

    def _await_ready(self, cluster: Cluster, layout: Layout) -> None:
        client = Client(layout, layout.authority.client("admin", group="system:masters"))
        wait(self._state, "API server", client.is_up)
        kubernetes = (components.kubelet, components.controller_manager, components.scheduler, components.proxy)
        for component in kubernetes:
            self._run(component(layout))
        cluster.kubectl("create", "--filename", str(_OBJECTS))
        for component in (components.names, components.volumes):
            self._run(component(layout))
        if cluster.enforces_network_policies:
            self._run(components.policies(layout))
            wait(self._state, "network policies", lambda: network.policies_are_decided(self._process.pid))
        wait(self._state, "names of Services", client.names_resolve)
        wait(self._state, "ready node", client.node_is_ready)
        wait(self._state, "default service account", client.has_default_account)
        wait(self._state, "rules for Services", client.services_route)

    def _layout(self, cable: Cable) -> Layout:
        authority = Authority(self._state / "keys")
        return Layout(self._state, *self._programs, cable=cable, authority=authority)

    def _cluster(self, layout: Layout, *, enforces_network_policies: bool) -> Cluster:
        pair = layout.authority.client("admin", group="system:masters")
        config = layout.write("kubeconfig", components.kubeconfig(layout, pair, context=CONTEXT))
        ctr = (str(layout.packages / "usr/bin/ctr"), "--address", str(layout.runtime_socket), "--namespace", "k8s.io")
        return Cluster(
            kubeconfig=Path(config),
            context=CONTEXT,
            host=layout.cable.host,
            image=IMAGE,
            kubectl_path=layout.binaries / "kubectl",
            helm_path=layout.binaries / "helm",
            enforces_network_policies=enforces_network_policies,
            ctr=ctr,
        )

    def _run(self, component: Component) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(component.as_line().encode() + b"\n")
        self._process.stdin.flush()

    def _load(self, cluster: Cluster, image: Path | None) -> None:
        pause = self._state / "pause.tar"
        write_pause_archive(pause, self._programs.binaries / "pause", PAUSE_IMAGE)
        cluster.load_image(PAUSE_IMAGE, pause)
        if image is not None:
            cluster.load_image(IMAGE, image)


def _answers(cluster: Cluster) -> bool:
    return run([*cluster.ctr, "version"], check=False).returncode == 0
