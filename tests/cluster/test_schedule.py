"""A resource is run again when its schedule says so, and once for each time of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from operating import Tenant, ready, status
from syncing import manifest
from testgalaxy import small_catalog

Serve = Callable[..., Any]
TRIGGER = "collectionsync.dev/trigger"


def moment(text: str) -> datetime:
    """A time of the status."""
    return datetime.fromisoformat(text)


async def test_the_schedule_starts_one_run_at_each_of_its_times_until_it_is_suspended(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto", schedule="* * * * *"))
    resource = await tenant.until(
        "mirror",
        lambda seen: status(seen).get("lastRun", {}).get("trigger", "").startswith("Schedule/"),
        "a run by the schedule",
    )
    assert ready(resource) == ("True", "NoChange")

    tick = moment(status(resource)["lastScheduleTime"])
    assert tick.second == 0
    assert status(resource)["lastRun"]["trigger"] == f"Schedule/{status(resource)['lastScheduleTime']}"
    assert timedelta() <= moment(status(resource)["lastRun"]["startTime"]) - tick < timedelta(minutes=1)
    upcoming = moment(status(resource)["nextSyncTime"])
    assert upcoming > moment(status(resource)["lastAttemptTime"])
    assert (upcoming - tick) % timedelta(minutes=1) == timedelta()

    await tenant.kubectl("patch", "csync", "mirror", "--type=merge", "--patch", '{"spec":{"suspend":true}}')
    resource = await tenant.until(
        "mirror",
        lambda seen: ready(seen)[1] == "Suspended" and "activeRun" not in status(seen),
        "the end of whatever went on",
    )
    assert "nextSyncTime" not in status(resource)
    triggers = [job["metadata"]["annotations"][TRIGGER] for job in await tenant.jobs()]
    assert triggers[0] == "Spec/1"
    assert all(trigger.startswith("Schedule/") for trigger in triggers[1:])
    assert len(set(triggers)) == len(triggers) == len(status(resource)["history"])
