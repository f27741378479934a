"""The Pulp of these tests: it ends with whoever started it, and its tasks are measured."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from serving import Serve
from syncing import until
from testgalaxy import small_catalog
from testpulp import Peer, Pulp
from testpulp.children import children, is_alive
from testpulp.watching import high_water_bytes

_TESTS = Path(__file__).parents[1]
_STARTER = """
import json
from testpulp import running_pulp

with running_pulp() as pulp:
    print(json.dumps([str(pulp.folder), pulp.worker, pulp.postmaster]), flush=True)
    input()
"""


async def test_nothing_is_left_of_it_when_its_starter_is_killed() -> None:
    folder, processes = started_and_killed()
    await until(lambda: not any(map(is_alive, processes)), "the end of all processes")
    await until(lambda: not folder.exists(), "the removal of its folder")


def started_and_killed() -> tuple[Path, list[int]]:
    """Start a Pulp by a process that is then killed: its folder, and every process that belonged to it."""
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(_TESTS)},
    )
    assert starter.stdout is not None
    assert starter.stdin is not None
    try:
        told = starter.stdout.readline()
        every = descendants(starter.pid)
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.wait()
        starter.stdin.close()
        starter.stdout.close()
    folder, worker, postmaster = json.loads(told)
    assert worker in every
    return Path(folder), [*every, postmaster]


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have."""
    found = children(pid)
    return found + [each for child in found for each in descendants(child)]


async def test_the_peak_and_the_time_of_a_sync_are_those_of_its_own_process(
    serve: Serve, peer: Peer, pulp: Pulp
) -> None:
    galaxy = await serve(small_catalog({"harness.tools": [f"1.{minor}.0" for minor in range(20)]}))
    mirror = await peer.mirror(galaxy.url)
    done = await mirror.sync()
    worker_bytes = high_water_bytes(pulp.worker)
    assert worker_bytes / 2 < done.peak_bytes < 4 * worker_bytes
    assert 0 < done.cpu_seconds <= done.seconds * 2
