"""The operator is killed at every step of a run: there is one Job for each trigger, and the status is right in the end.

Here with the whole operator in its pod; tests/controller kills the reconciler before and after each of its requests.
"""

from collections.abc import Callable
from typing import Any

from operating import Tenant, operator_down, ready, status
from serving import hold_after
from syncing import manifest
from testgalaxy import small_catalog

Serve = Callable[..., Any]


async def test_a_resource_applied_while_the_operator_is_down_is_run_once_when_it_is_back(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    async with operator_down(tenant.cluster):
        await tenant.apply(manifest(galaxy.url, "community.crypto"))
        assert await tenant.jobs() == []
    await tenant.until_ready("mirror")
    assert len(await tenant.jobs()) == 1


async def test_an_operator_killed_during_a_run_comes_back_to_the_same_run(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0", "2.1.0"]}))
    hold = hold_after(galaxy, 1)
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    await hold.reached(tenant.database)
    async with operator_down(tenant.cluster):
        pass
    hold.release()
    resource = await tenant.until_ready("mirror")
    assert status(resource)["lastRun"]["versions"]["created"] == 2
    assert len(await tenant.jobs()) == 1


async def test_a_run_that_ended_while_the_operator_was_down_is_in_the_status_when_it_is_back(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0", "2.1.0"]}))
    hold = hold_after(galaxy, 1)
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    await hold.reached(tenant.database)
    async with operator_down(tenant.cluster):
        hold.release()
        await tenant.kubectl("wait", "--for=condition=Complete", "job", "--all", "--timeout=120s")
    resource = await tenant.until_ready("mirror")
    assert ready(resource) == ("True", "Succeeded")
    assert status(resource)["lastRun"]["peakRssBytes"] > 0
    assert len(await tenant.jobs()) == 1
