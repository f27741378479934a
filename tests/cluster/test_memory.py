"""A run that is killed for its memory says so, says how much it took, and what to try."""

import re
from collections.abc import Callable
from typing import Any

from cluster.manifests import AUTHORITIES, authorities, over_tls
from operating import Tenant, condition, ready, status
from testgalaxy import small_catalog

Serve = Callable[..., Any]


async def test_a_limit_too_small_is_named_with_the_peak_and_a_limit_to_try_and_raising_it_recovers(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0", "2.1.0"]}), tls=True)
    await tenant.secret("bundle", ca_crt=galaxy.certificates.ca_pem.decode() + "".join(authorities(AUTHORITIES)))
    small = over_tls(galaxy.url, "community.crypto", ca="bundle", resources={"limits": {"memory": "32Mi"}})
    await tenant.apply(small)
    resource = await tenant.until_reason("mirror", "OOMKilled")
    last = status(resource)["lastRun"]
    assert ready(resource) == ("False", "OOMKilled")
    assert last["exitCode"] == 137
    assert last["peakRssBytes"] > 16 * 2**20, "the killed run reported its peak"
    message = condition(resource, "Ready")["message"]
    assert "at a limit of 32Mi" in message
    assert last["peakRss"] in message
    assert re.search(r"try spec\.resources\.limits\.memory: 64Mi", message)
    assert condition(resource, "MemoryPressure")["reason"] == "OOMKilled"
    assert "OOMKilled" in await tenant.events()
    assert len(await tenant.jobs()) == 1
    assert len((await tenant.get("pods"))["items"]) == 1, "the same limit is not tried again within the run"

    await tenant.apply(over_tls(galaxy.url, "community.crypto", ca="bundle", resources={"limits": {"memory": "64Mi"}}))
    resource = await tenant.until_ready("mirror")
    assert status(resource)["lastRun"]["memoryLimit"] == "64Mi"
    assert condition(resource, "MemoryPressure") == {}
    assert "consecutiveFailures" not in status(resource)


async def test_the_smallest_limit_is_enough_for_a_small_mirror(tenant: Tenant, galaxy_for_pods: Serve) -> None:
    """What the schema admits is no trap: the worker makes do with what it has."""
    galaxy = await galaxy_for_pods(
        small_catalog({"community.crypto": [f"2.{minor}.0" for minor in range(40)]}), tls=True
    )
    await tenant.secret("ca", ca_crt=galaxy.certificates.ca_pem.decode())
    await tenant.apply(over_tls(galaxy.url, "community.crypto", ca="ca", resources={"limits": {"memory": "32Mi"}}))
    resource = await tenant.until_ready("mirror")
    assert status(resource)["lastRun"]["versions"]["created"] == 40
