"""The operator is killed before and after each request by which it changes anything: one Job for each trigger.

The reconciler runs here in the test, against the real API server and real pods, and dies where the test says. What
comes after it knows nothing of it, as after any crash.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from collectionsync.controller.admission import Budget
from collectionsync.controller.cache import Cache
from collectionsync.controller.cluster import Cluster as Api
from collectionsync.controller.cluster import Request
from collectionsync.controller.jobs import JobDefaults
from collectionsync.controller.reconcile import Observer, Reconciler
from collectionsync.controller.settings import Settings
from collectionsync.resource import DatabaseSecretRef
from operating import Server, Tenant, operator_down, ready, status, tenant_in
from syncing import manifest
from testcluster import Cluster
from testgalaxy import small_catalog

Serve = Callable[..., Any]


class KilledError(BaseException):
    """What no handler of errors may catch."""


class MortalApi(Api):
    """Asks as the operator does, and dies before or after the change with this number."""

    def __init__(self, kubeconfig: str, *, before: int = -1, after: int = -1) -> None:
        super().__init__(kubeconfig)
        self.changes: list[str] = []
        self._before = before
        self._after = after

    async def _answer(self, request: Request) -> bytes:
        if request.method == "GET":
            return await super()._answer(request)
        number = len(self.changes)
        self.changes.append(f"{request.method} {request.path.rpartition('/')[2]}")
        if number == self._before:
            raise KilledError
        answer = await super()._answer(request)
        if number == self._after:
            raise KilledError
        return answer


@pytest.fixture
async def tenant(cluster: Cluster, operator: None, database_server: Server) -> AsyncIterator[Tenant]:
    """A tenant that no operator serves but the test's own."""
    async with operator_down(cluster), tenant_in(cluster, database_server) as made:
        yield made


def life(api: Api, tenant: Tenant) -> "asyncio.Task[None]":
    """Start an operator's loop; it lists all the time, since nobody watches for it."""
    settings = Settings(
        namespaces=(tenant.namespace,),
        jobs=JobDefaults(
            image=tenant.cluster.image,
            image_pull_policy="IfNotPresent",
            database_secret=DatabaseSecretRef(name="collectionsync-database"),
        ),
        budget=Budget(simultaneous_runs=4, total_memory_bytes=1 << 30, per_source_host=4),
        health_address=("127.0.0.1", 0),
        metrics_address=("127.0.0.1", 0),
    )
    return asyncio.create_task(Reconciler(api, settings, Cache(), Observer(), resync_seconds=0.3).run())


async def lived(task: "asyncio.Task[None]", tenant: Tenant) -> bool:
    """Wait until the resource is ready, or the operator has died; whether it lives."""
    waiting = asyncio.create_task(tenant.until("mirror", is_done, "the end of the run"))
    done, _ = await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if waiting in done:
        await waiting
        return True
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(task.exception(), KilledError)
    return False


def is_done(resource: dict[str, Any]) -> bool:
    return ready(resource)[0] == "True" and "activeRun" not in status(resource)


@pytest.mark.timeout(900)
async def test_one_job_for_each_trigger_wherever_the_operator_dies(tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    kubeconfig = str(tenant.cluster.kubeconfig)
    number = 0
    survived: set[str] = set()
    while len(survived) < 2:
        for where in ("before", "after"):
            await tenant.apply(manifest(galaxy.url, "community.crypto"))
            api = MortalApi(kubeconfig, **{where: number})
            first = life(api, tenant)
            if await lived(first, tenant):
                survived.add(where)
                second = first
            else:
                second = life(Api(kubeconfig), tenant)
                assert await lived(second, tenant)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            jobs = await tenant.jobs()
            assert len(jobs) == 1, f"killed {where} change {number}: {api.changes}"
            resource = await tenant.get("csync", "mirror")
            assert status(resource)["lastRun"]["jobName"] == jobs[0]["metadata"]["name"]
            assert len(status(resource)["history"]) == 1
            await tenant.kubectl("delete", "csync", "mirror", "--wait=true")
            await tenant.kubectl("wait", "--for=delete", "jobs", "--all", "--timeout=120s", check=False)
        number += 1
    assert number >= 4, "a Job, a status at its start and at its end, and events are more than this"
