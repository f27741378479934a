"""/healthz fails when the operator's loop stands still, though Kopf itself is well."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from collectionsync.controller.handlers import STALE_SECONDS
from syncing import until
from testcluster import Cluster

# Kopf with the operator's handlers, and a reconciler whose last step was so many seconds ago.
PROGRAM = """
import asyncio, sys, time
from types import SimpleNamespace
from collectionsync.controller.cache import Cache
from collectionsync.controller.handlers import serve
from collectionsync.controller.reconcile import Observer

seconds, port = float(sys.argv[1]), int(sys.argv[2])
still = SimpleNamespace(last_step=time.monotonic() - seconds, enqueue=lambda *_: None, make_room=lambda: None)
address = ("127.0.0.1", port)
asyncio.run(serve(Cache(), still, Observer(), namespaces=("default",), health_address=address, stop=asyncio.Event()))
"""


@contextmanager
def serving(cluster: Cluster, seconds: float) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, **cluster.environment}
    command = [sys.executable, "-c", PROGRAM, str(seconds), str(port)]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}/healthz"
    finally:
        process.kill()
        process.wait()


def answer(url: str) -> tuple[int, str]:
    """Status and body; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


@pytest.mark.parametrize(("seconds", "code"), [(0, 200), (STALE_SECONDS + 60, 500)])
async def test_the_probe_fails_exactly_where_the_loop_is_stale(
    cluster: Cluster, operator: None, seconds: float, code: int
) -> None:
    with serving(cluster, seconds) as url:
        await until(lambda: answer(url)[0] != 0, "an answer of /healthz")
        found, body = answer(url)
    assert found == code
    if code == 200:
        assert json.loads(body) == {"loop": "moving"}
