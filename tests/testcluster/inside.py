"""The first process of a node: in its own namespaces it starts components, and buries what they leave behind.

A line of JSON on standard input starts one: {"name", "command", "environment"}. Its output goes to <state>/log/<name>,
and its exit status, should it end, to <state>/ended/<name>. Where standard input ends, this process does, and the
kernel ends the node with it.

The node sees the machine's files, but what it writes to /run, /var/lib and /var/log, where many of its parts have paths
that cannot be chosen, stays in memory of its own.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

READY = "ready\n"
"""What it writes to standard output when components can be started."""

_OWN = ("/var/lib", "/var/log")

_KERNEL_SETTINGS = {
    "kernel/keys/root_maxbytes": "25000000",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}
"""What a kubelet insists on, and would set for the whole machine: it finds files of this content instead."""


def main(arguments: Sequence[str]) -> int:
    """Make the namespaces fit for a node, say so with a line, and do what is asked until nobody asks any more."""
    state = Path(arguments[0])
    _mount()
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    children = _Children(state)
    sys.stdout.write(READY)
    sys.stdout.flush()
    children.serve()
    return 0


def _mount() -> None:
    _run("mount", "--types", "tmpfs", "--options", "mode=755", "node", "/run")
    for number, folder in enumerate(_OWN):
        upper, work = Path(f"/run/own/{number}/upper"), Path(f"/run/own/{number}/work")
        upper.mkdir(parents=True)
        work.mkdir()
        options = f"lowerdir={folder},upperdir={upper},workdir={work}"
        _run("mount", "--types", "overlay", "--options", options, "node", folder)
    for name, value in _KERNEL_SETTINGS.items():
        pretended = Path("/run/own", name.replace("/", "."))
        pretended.write_text(f"{value}\n")
        _run("mount", "--bind", str(pretended), f"/proc/sys/{name}")
    # The container runtime hands mounts on to containers, which are namespaces below this one.
    _run("mount", "--make-rshared", "/")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


class _Children:
    """What was started, and what the dead of the namespace have become."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._names: dict[int, str] = {}
        self._wake, told = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Start what the lines on standard input ask for until they end."""
        pending = b""
        while True:
            readable, _, _ = select.select([0, self._wake], [], [])
            if self._wake in readable:
                os.read(self._wake, 4096)
                self._bury()
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self._start(json.loads(line))

    def _start(self, asked: dict[str, Any]) -> None:
        name = str(asked["name"])
        with (self._state / "log" / name).open("ab") as log:
            process = subprocess.Popen(
                asked["command"],
                env=asked["environment"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._names[process.pid] = name

    def _bury(self) -> None:
        """Take in every process that has ended: this one is the parent of all orphans here."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            name = self._names.pop(pid, None)
            if name is not None:
                (self._state / "ended" / name).write_text(str(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
