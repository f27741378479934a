"""Many resources at once: what goes on together keeps within the operator's budget, and all are done in the end."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from collectionsync.quantity import parse_bytes
from operating import Server, Tenant, condition, installed, operator_down, status, tenant_in
from syncing import manifest
from testcluster import Cluster
from testgalaxy import small_catalog

Serve = Callable[..., Any]
RESOURCES = 50
CAP = 3
BUDGET = "192Mi"


@pytest.fixture
async def capped(cluster: Cluster, operator: None, database_server: Server) -> AsyncIterator[Tenant]:
    """A tenant of an operator of its own, which lets three runs go on."""
    async with operator_down(cluster), tenant_in(cluster, database_server) as tenant:
        limits = {"simultaneousRuns": CAP, "totalMemory": BUDGET, "perSourceHost": CAP}
        values = {
            "limits": limits,
            "operator": {"watchNamespaces": [tenant.namespace]},
            "crds": {"enabled": False},
        }
        with installed(cluster, "capped", f"{tenant.namespace}-operator", **values):
            yield tenant
        await asyncio.to_thread(cluster.kubectl, "delete", "namespace", f"{tenant.namespace}-operator")


class Watch:
    """Follows all Jobs of a namespace by a watch, and keeps the most that went on at once."""

    def __init__(self) -> None:
        self.most = 0
        self.most_bytes = 0
        self._going_on: dict[str, int] = {}

    def saw(self, event: dict[str, Any]) -> None:
        job, name = event["object"], event["object"]["metadata"]["name"]
        ended = {each["type"] for each in job["status"].get("conditions", []) if each["status"] == "True"}
        if event["type"] == "DELETED" or ended & {"Complete", "Failed"}:
            self._going_on.pop(name, None)
        else:
            limits = job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
            self._going_on[name] = parse_bytes(limits["memory"])
        self.most = max(self.most, len(self._going_on))
        self.most_bytes = max(self.most_bytes, sum(self._going_on.values()))

    async def follow(self, tenant: Tenant) -> None:
        """Read a watch until it is cancelled."""
        command = (str(tenant.cluster.kubectl_path), "get", "jobs", "--namespace", tenant.namespace)
        watch = ("--watch", "--output-watch-events", "--output=json")
        environment = {**os.environ, **tenant.cluster.environment}
        process = await asyncio.create_subprocess_exec(
            *command, *watch, stdout=asyncio.subprocess.PIPE, env=environment, limit=1 << 22
        )
        decoder, text = json.JSONDecoder(), ""
        try:
            assert process.stdout is not None
            while data := await process.stdout.read(1 << 16):
                text += data.decode()
                while text := text.lstrip():
                    try:
                        event, end = decoder.raw_decode(text)
                    except ValueError:
                        break
                    self.saw(event)
                    text = text[end:]
        finally:
            process.terminate()
            await process.wait()


@pytest.mark.timeout(900)
async def test_fifty_resources_due_at_once_keep_within_the_caps_and_all_are_done(
    capped: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    watch = Watch()
    following = asyncio.create_task(watch.follow(capped))
    documents = []
    for number in range(RESOURCES):
        document = manifest(galaxy.url, "community.crypto", target={"repository": f"r{number}"})
        document["metadata"] |= {"name": f"mirror-{number}", "namespace": capped.namespace}
        documents.append(document)
    everything = {"apiVersion": "v1", "kind": "List", "items": documents}
    await capped.kubectl("apply", "--filename", "-", stdin=json.dumps(everything))
    await capped.until(f"mirror-{RESOURCES - 1}", lambda seen: bool(condition(seen, "Ready")), "a condition")
    waiting = [each for each in (await capped.get("csync"))["items"] if is_waiting(each)]
    assert waiting, "those that have no room say so"
    assert "runs" in condition(waiting[0], "Reconciling")["message"]
    await capped.kubectl("wait", "--for=condition=Ready", "csync", "--all", "--timeout=600s")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert watch.most == CAP
    assert watch.most_bytes <= parse_bytes(BUDGET)
    assert len(await capped.jobs()) == RESOURCES
    done = (await capped.get("csync"))["items"]
    assert {status(each)["lastRun"]["result"] for each in done} <= {"Succeeded", "NoChange"}


def is_waiting(resource: dict[str, Any]) -> bool:
    return bool(condition(resource, "Reconciling").get("reason") == "WaitingForSlot")


async def test_a_run_that_can_never_fit_says_what_to_change(capped: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    large = manifest(galaxy.url, "community.crypto", resources={"limits": {"memory": "1Gi"}})
    await capped.apply(large)
    resource = await capped.until_reason("mirror", "WaitingForSlot")
    message = condition(resource, "Reconciling")["message"]
    assert "1Gi" in message
    assert BUDGET in message
    small = manifest(galaxy.url, "community.crypto")
    small["metadata"]["name"] = "small"
    await capped.apply(small)
    await capped.until_ready("small")
