"""A run that is killed for its memory says so, says how much it took, and what to try."""

import re
from collections.abc import Callable
from typing import Any

from operating import Tenant, condition, ready, status
from syncing import manifest
from testgalaxy import small_catalog

Serve = Callable[..., Any]
TOO_SMALL = {"limits": {"memory": "32Mi"}}


async def test_a_limit_too_small_is_named_with_the_peak_and_a_limit_to_try_and_raising_it_recovers(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": [f"2.{minor}.0" for minor in range(40)]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto", resources=TOO_SMALL))
    resource = await tenant.until_reason("mirror", "OOMKilled")
    last = status(resource)["lastRun"]
    assert ready(resource) == ("False", "OOMKilled")
    assert last["exitCode"] == 137
    assert last["peakRssBytes"] > 16 * 2**20, "the killed run reported its peak"
    message = condition(resource, "Ready")["message"]
    assert "32Mi" in message
    assert re.search(r"spec\.resources\.limits\.memory: \d+Mi", message)
    assert condition(resource, "MemoryPressure")["reason"] == "OOMKilled"
    assert "OOMKilled" in await tenant.events()
    assert len(await tenant.jobs()) == 1, "the same limit is not tried again within the run"

    await tenant.apply(manifest(galaxy.url, "community.crypto", resources={"limits": {"memory": "64Mi"}}))
    resource = await tenant.until_ready("mirror")
    assert status(resource)["lastRun"]["memoryLimit"] == "64Mi"
    assert condition(resource, "MemoryPressure") == {}
    assert "consecutiveFailures" not in status(resource)
