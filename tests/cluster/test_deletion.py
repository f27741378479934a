"""To delete a resource never waits for the operator, and nothing of it is left."""

import json
from collections.abc import Callable
from typing import Any

from operating import Tenant, operator_down, status
from serving import hold_after
from syncing import manifest, until
from testgalaxy import small_catalog

Serve = Callable[..., Any]


async def nothing_left(tenant: Tenant) -> bool:
    found = json.loads(await tenant.kubectl("get", "csync,jobs,pods", "--output", "json"))
    return not found["items"]


async def test_a_resource_deleted_during_its_run_takes_the_job_with_it(tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0", "2.1.0"]}))
    hold = hold_after(galaxy, 1)
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    await hold.reached(tenant.database)
    await tenant.kubectl("delete", "csync", "mirror", "--timeout=30s")
    await until(lambda: nothing_left(tenant), "the end of the Job and its pod", seconds=120)


async def test_a_resource_deleted_while_the_operator_is_down_is_gone_at_once_with_its_jobs(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    resource = await tenant.until_ready("mirror")
    assert "finalizers" not in resource["metadata"]
    assert status(resource)["lastRun"]["jobName"] == (await tenant.jobs())[0]["metadata"]["name"]
    async with operator_down(tenant.cluster):
        await tenant.kubectl("delete", "csync", "mirror", "--timeout=30s")
        await until(lambda: nothing_left(tenant), "the end of its Jobs", seconds=120)
