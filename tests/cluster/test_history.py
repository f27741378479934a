"""Of the Jobs of ended runs as many are kept as the resource says, while the status still tells of the others."""

from collections.abc import Callable
from typing import Any

from operating import Tenant, status
from syncing import manifest, until
from testgalaxy import small_catalog

Serve = Callable[..., Any]


async def test_jobs_beyond_the_history_limit_are_deleted_with_their_pods_oldest_first(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto", successfulRunsHistoryLimit=1))
    await tenant.until_ready("mirror")
    await tenant.kubectl("annotate", "csync", "mirror", "collectionsync.dev/requestedAt=again")
    resource = await tenant.until(
        "mirror", lambda seen: len(status(seen).get("history", [])) == 2, "the second run in the history"
    )
    newest = status(resource)["lastRun"]["jobName"]

    async def only_the_newest() -> bool:
        pods = (await tenant.get("pods"))["items"]
        owners = {pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] for pod in pods}
        return [job["metadata"]["name"] for job in await tenant.jobs()] == [newest] and owners == {newest}

    await until(only_the_newest, "the end of the older Job and its pod")
