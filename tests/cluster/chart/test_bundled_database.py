"""The bundled database survives what a database has to survive."""

import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from cluster.chart.releases import BUNDLED, install, values
from operating import PATIENCE_SECONDS, Tenant
from syncing import until
from testcluster import Cluster

Helm = Callable[..., Awaitable[str]]
Namespace = Callable[[], str]
POD = "collectionsync-postgresql-0"


async def test_one_that_was_killed_starts_again_with_its_data(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    place = namespace()
    tenant = Tenant(empty_cluster, place, "", "")
    await helm(*install("collectionsync", place, *values(**BUNDLED)))
    psql = ("exec", POD, "--", "psql", "-qAt", "--dbname=collectionsync")
    await tenant.kubectl(*psql, "--command=CREATE TABLE kept AS SELECT 42 AS answer")
    uid = (await tenant.get("pod", POD))["metadata"]["uid"]

    os.kill(first_process_of(uid), signal.SIGKILL)

    async def is_up_again() -> bool:
        (container,) = (await tenant.get("pod", POD))["status"]["containerStatuses"]
        return container["restartCount"] == 1 and container["ready"] is True

    await until(is_up_again, "the second start", seconds=PATIENCE_SECONDS)
    assert (await tenant.kubectl(*psql, "--command=SELECT answer FROM kept")).strip() == "42"


def first_process_of(uid: str) -> int:
    """The server itself, among the processes of a pod: as this machine numbers them."""
    belongs = re.compile(uid.replace("-", "[-_]"))
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, cgroup = folder.joinpath("cmdline").read_bytes(), folder.joinpath("cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if command.startswith(b"postgres\0-D\0") and belongs.search(cgroup):
            return int(folder.name)
    raise AssertionError(f"no server in the pod {uid}")
