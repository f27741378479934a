"""What tests of plans share: what is seen of a resource, the plan for it, and what to read off a status."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from collectionsync.controller import jobs
from collectionsync.controller.admission import Budget, Request, Slots
from collectionsync.controller.conditions import Because
from collectionsync.controller.observed import JobFacts, PodFacts
from collectionsync.controller.plan import Plan, Seen, plan
from collectionsync.report import Result
from collectionsync.status import ConditionStatus, Run, Status
from controller import samples
from controller.samples import MI, NOW

ROOM = Budget(simultaneous_runs=4, total_memory_bytes=512 * MI, per_source_host=2)
REQUEST = Request(key="mirrors/community", memory_bytes=64 * MI, source_hosts=("galaxy.example.com",), due=NOW)
FULL = tuple(replace(REQUEST, key=f"mirrors/{number}") for number in range(2))
"""Runs that take all the room there is for the source."""
ASKED = {"annotations": {"collectionsync.dev/requestedAt": "today"}}


def seen(
    *,
    status: Status | None = None,
    jobs: tuple[JobFacts, ...] = (),
    pods: tuple[PodFacts, ...] = (),
    fault: Because | None = None,
    inputs: str = "",
    requirements: str = "",
    url: str | None = None,
    metadata: dict[str, Any] | None = None,
    **spec: Any,
) -> Seen:
    resource = samples.resource(metadata=metadata, **spec)
    return Seen(
        resource=resource,
        status=status or Status(),
        jobs=jobs,
        pods=pods,
        request=REQUEST,
        fault=fault,
        inputs=inputs,
        requirements=requirements,
        url=url,
    )


def decide(what: Seen, *, now: datetime = NOW, running: tuple[Request, ...] = ()) -> Plan:
    return plan(what, slots=Slots(ROOM, running, ()), now=now)


def begun(what: Seen, *, now: datetime = NOW) -> Plan:
    """The plan once the Job is there that the plan before asked for."""
    start = decide(what, now=now).start
    assert start is not None
    metadata = what.resource.metadata
    run_id = jobs.run_id(metadata.uid, metadata.generation, start.trigger, start.after)
    name = jobs.job_name(metadata.name, run_id)
    given = {"inputs": what.inputs, "requirements": what.requirements}
    made = samples.job(
        name=name, run_id=run_id, trigger=start.trigger, generation=metadata.generation, created=now, **given
    )
    return decide(replace(what, jobs=(*what.jobs, made)), now=now)


def ran(result: Result = Result.SUCCEEDED, reason: str = "Succeeded", **fields: Any) -> Run:
    """A run of the sample's generation that started an hour ago."""
    told: dict[str, Any] = {
        "id": "aaaaaaaaaa",
        "job_name": "community-aaaaaaaaaa",
        "generation": 3,
        "trigger": "Spec/3",
        "start_time": "2026-11-25T11:00:00Z",
        "message": "it is over",
    }
    return Run(**told | {"result": result, "reason": reason} | fields)


def after(run: Run, **fields: Any) -> Status:
    """The status that such a run has left."""
    told: dict[str, Any] = {"last_attempt_time": "2026-11-25T11:01:00Z", "observed_generation": 3}
    told["consecutive_failures"] = int(run.result is Result.FAILED)
    return Status(**told | {"last_run": run, "history": (run,)} | fields)


def is_true(status: Status) -> dict[str, str]:
    """The reason of each condition that is True."""
    return {each.type: each.reason for each in status.conditions if each.status is ConditionStatus.TRUE}


def ready(status: Status) -> tuple[str, str]:
    (found,) = (each for each in status.conditions if each.type == "Ready")
    return found.status.value, found.reason
