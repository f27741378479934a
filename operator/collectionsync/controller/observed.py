"""What the operator knows of the Jobs and pods of its runs: the few facts of the API's objects that decide anything.

Whole objects are never kept: a thousand of them would be most of the operator's memory. Unknown or missing fields are
no error, since an API server may be newer than this code, and since a pod has no status at all in its first moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from collectionsync.controller import rfc3339
from collectionsync.quantity import parse_bytes
from collectionsync.resource import GROUP

Body = Mapping[str, Any]

CONTAINER = "sync"
"""The container of a run's pod that runs the worker."""
NAME_LABEL = f"{GROUP}/name"
"""Label of Jobs and pods: the name of the CollectionSync."""
RUN_ID_LABEL = f"{GROUP}/run-id"
"""Label of Jobs and pods: the run, as `status.lastRun.id` has it."""
TRIGGER_ANNOTATION = f"{GROUP}/trigger"
"""Annotation of Jobs: why the run was started."""
GENERATION_ANNOTATION = f"{GROUP}/generation"
"""Annotation of Jobs: the generation of the spec that the run carries out."""
INPUTS_ANNOTATION = f"{GROUP}/inputs"
"""Annotation of Jobs: a digest of what the run depends on besides the spec, such as the versions of its Secrets."""
REQUIREMENTS_ANNOTATION = f"{GROUP}/requirements"
"""Annotation of Jobs: a digest of the version of the ConfigMap that says what is asked for."""
SOURCE_HOST_ANNOTATION = f"{GROUP}/source-host"
"""Annotation of Jobs: the hosts of their sources, joined by commas; each has a cap of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated:
    """How the worker's container ended. `message` is the termination message: untrusted, of at most 4096 bytes."""

    reason: str
    exit_code: int
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """A pod of a run. `reason` and `message` are its own, such as Evicted; `waiting_*` say why it has not begun."""

    name: str
    namespace: str
    uid: str
    job_name: str
    created: datetime
    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    started: bool = False
    waiting_reason: str = ""
    waiting_message: str = ""
    disrupted: bool = False
    terminated: Terminated | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """A Job of a run. `failure_reason` is that of its condition Failed, such as DeadlineExceeded."""

    name: str
    namespace: str
    uid: str
    owner_uid: str
    owner_name: str
    created: datetime
    run_id: str
    trigger: str
    generation: int
    inputs: str
    source_hosts: tuple[str, ...]
    memory_bytes: int
    requirements: str = ""
    finished: bool = False
    succeeded: bool = False
    failure_reason: str = ""
    failure_message: str = ""
    finished_at: datetime | None = None
    deleting: bool = False


def pod_facts(body: Body) -> PodFacts:
    """Return what matters of a pod."""
    metadata, status = _mapping(body, "metadata"), _mapping(body, "status")
    container = next((each for each in _maps(status, "containerStatuses") if each.get("name") == CONTAINER), {})
    state = _mapping(container, "state")
    waiting = _mapping(state, "waiting")
    unscheduled = _condition(status, "PodScheduled", "False")
    return PodFacts(
        name=str(metadata.get("name", "")),
        namespace=str(metadata.get("namespace", "")),
        uid=str(metadata.get("uid", "")),
        job_name=str(_mapping(metadata, "labels").get("batch.kubernetes.io/job-name", "")),
        created=rfc3339.parse(metadata.get("creationTimestamp")) or datetime.now(UTC),
        phase=str(status.get("phase") or "Pending"),
        reason=str(status.get("reason") or ""),
        message=str(status.get("message") or ""),
        started="running" in state or "terminated" in state,
        waiting_reason=str(waiting.get("reason") or unscheduled.get("reason") or ""),
        waiting_message=str(waiting.get("message") or unscheduled.get("message") or ""),
        disrupted=bool(_condition(status, "DisruptionTarget", "True")),
        terminated=_terminated(_mapping(state, "terminated")),
    )


def job_facts(body: Body) -> JobFacts:
    """Return what matters of a Job."""
    metadata, status = _mapping(body, "metadata"), _mapping(body, "status")
    labels, annotations = _mapping(metadata, "labels"), _mapping(metadata, "annotations")
    owner = next((each for each in _maps(metadata, "ownerReferences") if each.get("controller")), {})
    failed, complete = _condition(status, "Failed", "True"), _condition(status, "Complete", "True")
    return JobFacts(
        name=str(metadata.get("name", "")),
        namespace=str(metadata.get("namespace", "")),
        uid=str(metadata.get("uid", "")),
        owner_uid=str(owner.get("uid", "")),
        owner_name=str(owner.get("name", "")),
        created=rfc3339.parse(metadata.get("creationTimestamp")) or datetime.now(UTC),
        run_id=str(labels.get(RUN_ID_LABEL, "")),
        trigger=str(annotations.get(TRIGGER_ANNOTATION, "")),
        generation=_whole(annotations.get(GENERATION_ANNOTATION)),
        inputs=str(annotations.get(INPUTS_ANNOTATION, "")),
        source_hosts=tuple(filter(None, str(annotations.get(SOURCE_HOST_ANNOTATION, "")).split(","))),
        memory_bytes=_memory(body),
        requirements=str(annotations.get(REQUIREMENTS_ANNOTATION, "")),
        finished=bool(failed or complete),
        succeeded=bool(complete),
        failure_reason=str(failed.get("reason") or ""),
        failure_message=str(failed.get("message") or ""),
        finished_at=rfc3339.parse((failed or complete).get("lastTransitionTime")),
        deleting="deletionTimestamp" in metadata,
    )


def _terminated(state: Body) -> Terminated | None:
    if not state:
        return None
    return Terminated(
        reason=str(state.get("reason") or ""),
        exit_code=_whole(state.get("exitCode")),
        message=str(state.get("message") or ""),
        started_at=rfc3339.parse(state.get("startedAt")),
        finished_at=rfc3339.parse(state.get("finishedAt")),
    )


def _memory(body: Body) -> int:
    pod = _mapping(_mapping(_mapping(body, "spec"), "template"), "spec")
    container = next((each for each in _maps(pod, "containers") if each.get("name") == CONTAINER), {})
    limit = _mapping(_mapping(container, "resources"), "limits").get("memory", 0)
    try:
        return parse_bytes(str(limit))
    except ValueError:
        return 0


def _condition(status: Body, kind: str, value: str) -> Body:
    """Return the condition of this type if it has this value, else an empty mapping."""
    found = (each for each in _maps(status, "conditions") if each.get("type") == kind and each.get("status") == value)
    return next(found, {})


def _mapping(body: Body, key: str) -> Body:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _maps(body: Body, key: str) -> list[Body]:
    value = body.get(key)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


def _whole(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
