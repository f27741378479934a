"""`make demo` ends as a reader of the README begins: with a collection installed from one's own mirror."""

import os
import subprocess
import sys

import pytest

from docs.pages import ROOT
from postgres import short_folder

pytestmark = pytest.mark.slow


def test_the_demo_installs_a_collection_from_its_own_mirror() -> None:
    kept = {key: text for key, text in os.environ.items() if key not in ("DATABASE_URL", "DEMO_COLLECTIONS")}
    with short_folder() as folder:
        done = subprocess.run(
            [sys.executable, ROOT / "examples/demo.py", "ansible.posix"],
            env={**kept, "XDG_DATA_HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout
    typed = [line for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert "ansible-galaxy collection install -s http://127.0.0.1:" in typed[-1]
    assert typed[-1].endswith("/default/demo/api/ ansible.posix")
    assert "was installed successfully" in done.stdout
