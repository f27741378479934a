"""`make cluster` shows a mirror, says how to use it, and leaves nothing after Ctrl-C, whenever that comes."""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docs.pages import ROOT

pytestmark = pytest.mark.timeout(900)

Playing = subprocess.Popen[str]
MARK = "COLLECTIONSYNC_TEST_PLAYING"


@pytest.fixture
def mark() -> str:
    """What every process has in its environment that belongs to the test's own."""
    return f"{MARK}={secrets.token_hex(8)}"


@pytest.fixture
def playing(mark: str) -> Iterator[Playing]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("nodes are started by root only")
    name, _, value = mark.partition("=")
    given = {key: text for key, text in os.environ.items() if key != "KUBECONFIG"}
    with subprocess.Popen(
        [sys.executable, ROOT / "examples/cluster.py", "ansible.posix"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**given, name: value},
        start_new_session=True,
    ) as process:
        yield process
        process.send_signal(signal.SIGTERM)


def until_printed(process: Playing, what: str) -> str:
    """Read until a line with `what` in it; all that was printed."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if what in line:
            return printed
    raise AssertionError(printed)


def ctrl_c(process: Playing) -> None:
    """What a terminal does: everybody in the foreground is told."""
    os.killpg(process.pid, signal.SIGINT)


def marked(mark: str) -> dict[Path, str]:
    """The processes with the mark, and what they were started with."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_text(errors="replace").split("\0"):
                found[path] = (path / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has just ended
            continue
    return found


def folders(mark: str) -> set[Path]:
    """The folders of the node and of PostgreSQL, as the marked processes were told of them."""
    told = " ".join(marked(mark).values())
    return {Path(found) for found in re.findall(r"/tmp/cs-\w+|/var/tmp/collectionsync-node-\w+", told)}


def eventually(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, f"{what} does not come"
        time.sleep(0.05)


def test_it_shows_a_mirror_says_how_to_use_it_and_ends_with_ctrl_c(playing: Playing, mark: str) -> None:
    printed = until_printed(playing, "Ctrl-C here ends all of it")
    export = next(line for line in printed.splitlines() if line.startswith("export "))
    asked = ["bash", "-c", f"{export}\nkubectl get collectionsyncs"]
    shown = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    assert shown.splitlines()[1].split()[:4] == ["demo", "True", "Succeeded", "1"]
    assert shown.splitlines()[0] in printed
    made = folders(mark)
    assert len(made) == 2, "of the node and of PostgreSQL"

    ctrl_c(playing)
    assert playing.wait() == 0
    eventually(lambda: not marked(mark), "the end of its processes")
    assert not [folder for folder in made if folder.exists()]
    kubeconfig = export.partition("KUBECONFIG=")[2].split()[0]
    assert not Path(kubeconfig).exists()


@pytest.mark.parametrize("moment", ["2. A node", "serves"])
def test_it_ends_in_the_midst_of_its_start_as_well(playing: Playing, mark: str, moment: str) -> None:
    until_printed(playing, moment)
    made = folders(mark)
    ctrl_c(playing)
    assert playing.wait() == 128 + signal.SIGINT
    eventually(lambda: not marked(mark), "the end of its processes")
    assert not [folder for folder in made if folder.exists()]
