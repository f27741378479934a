"""The process that holds a node's network namespace, and removes what a node leaves when it has ended.

It outlives whoever started the node: its standard input is a pipe from there, which the node's first process reads,
and which closes when the starter ends, in whatever way. Then that process ends, the kernel kills every other one of the
node and drops its mounts, and what is left to remove is its cgroups, its folder and this namespace.

`python -m testcluster.keeper STATE`, under `unshare --net`.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from testcluster import cgroups
from testcluster.state import cgroup_name

_NAMESPACES = ("--pid", "--mount", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")


def main(arguments: Sequence[str]) -> int:
    """Run a node until it ends, and clean up."""
    state = Path(arguments[0])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # all ends by the pipe, and in order
        signal.signal(number, signal.SIG_IGN)
    try:
        cgroups.create(cgroup_name(state))
        command = ["unshare", *_NAMESPACES, sys.executable, "-m", "testcluster.inside", str(state)]
        return subprocess.run(command, check=False).returncode
    finally:
        cgroups.remove(cgroup_name(state))
        shutil.rmtree(state)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
