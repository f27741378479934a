"""Nodes change nothing of the machine, end with the one that started them, and leave nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testcluster import Cluster

TESTS = Path(__file__).parents[1]
# Where the tests run in the background of a shell they ignore SIGINT, and what they start would inherit that.
STARTER = (
    "import signal\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from testcluster.node import running_node\n"
    "with running_node() as cluster:\n"
    "    print(cluster.kubeconfig, cluster.host, flush=True)\n"
    "    input()\n"
)


@pytest.fixture
def starter(cluster: Cluster) -> Iterator["subprocess.Popen[str]"]:
    if not cluster.ctr:
        pytest.skip("nodes are started by root only, and not where a cluster was given")
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        yield process
        process.kill()


def settings() -> dict[str, str]:
    """Settings of the kernel that Kubernetes would have otherwise."""
    names = ("kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward", "vm/overcommit_memory")
    return {name: Path("/proc/sys", name).read_text() for name in names}


BEFORE = settings()


def test_nodes_leave_the_settings_of_the_machine_alone(cluster: Cluster) -> None:
    if not cluster.ctr:
        pytest.skip("a cluster that was given has had its way already")
    assert settings() == BEFORE


def eventually(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, f"{what} does not come"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nodes_end_with_their_starter_and_leave_nothing(
    cluster: Cluster, starter: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    assert starter.stdout is not None
    kubeconfig, host = starter.stdout.readline().split()
    folder = Path(kubeconfig).parent
    assert host != cluster.host, "two nodes at once get two networks"
    assert traces(folder)

    starter.send_signal(number)
    starter.wait()

    eventually(lambda: not folder.exists(), "the end of its folder")
    eventually(lambda: not traces(folder), "the end of its processes, mounts and cgroups")
    eventually(lambda: host not in addresses(), "the end of its cable")
    assert cluster.kubectl("get", "--raw", "/readyz").stdout == "ok", "and the other one lives on"


def traces(folder: Path) -> list[Path]:
    """The processes that have the node's folder among their arguments, and the cgroups of its name."""
    found = list(Path("/sys/fs/cgroup").glob(f"**/{folder.name}"))
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder) in path.read_text():
                found.append(path)
        except OSError:  # it has just ended
            continue
    return found


def addresses() -> str:
    return subprocess.run(["ip", "-4", "address"], capture_output=True, text=True, check=True).stdout
