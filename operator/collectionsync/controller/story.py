"""How a resource stands, told from its last run, the one that goes on, and what keeps one from starting. Pure.

One place decides each condition, so that they never contradict each other; the words are for people who look at
`kubectl describe` and want to know what to do next.
"""

from collections.abc import Sequence

from collectionsync.controller import rfc3339, triggers
from collectionsync.controller.conditions import Because, Story
from collectionsync.controller.harvest import named
from collectionsync.controller.observed import JobFacts, PodFacts
from collectionsync.controller.triggers import Situation, Trigger
from collectionsync.quantity import format_bytes
from collectionsync.report import Result
from collectionsync.status import ConditionStatus, Reason, Run, Status

_PRESSURE_PER_CENT = 90
_NAMED = 5


def tell(
    *,
    situation: Situation,
    fault: Because | None,
    active: JobFacts | None,
    pods: Sequence[PodFacts],
    refusal: str,
    due: Trigger | None,
    late: Because | None,
) -> Story:
    """Tell how the resource stands, from what was decided about it."""
    # A quota is not the resource's fault, and is waited for as a slot is.
    forbidden = fault if fault and fault.reason == Reason.JOB_FORBIDDEN else None
    moving = forbidden or _moving(situation, active, pods, refusal=refusal, due=due)
    stalled = None if forbidden else fault or (_stalled(situation) if moving is None else None)
    ready, why = _ready(situation, fault=fault, moving=moving)
    return Story(
        ready=ready,
        why=why,
        reconciling=moving,
        stalled=stalled,
        degraded=_degraded(situation.status),
        out_of_sync=late,
        memory_pressure=_memory_pressure(situation.status.last_run),
    )


def _moving(
    situation: Situation,
    active: JobFacts | None,
    pods: Sequence[PodFacts],
    *,
    refusal: str,
    due: Trigger | None,
) -> Because | None:
    """Return what the operator is on the way to."""
    if active is not None:
        return Because(reason=Reason.RUNNING, message=_running(active, pods))
    if refusal:
        return Because(reason=Reason.WAITING_FOR_SLOT, message=refusal)
    if due is not None:
        return Because(reason=Reason.QUEUED, message="a run is due and about to start")
    return None


def _running(job: JobFacts, pods: Sequence[PodFacts]) -> str:
    mine = sorted((pod for pod in pods if pod.job_name == job.name), key=lambda pod: pod.created)
    if mine and mine[-1].waiting_reason and not mine[-1].started:
        newest = mine[-1]
        return f"pod {newest.name} waits: {newest.waiting_reason}: {newest.waiting_message}".rstrip(": ")
    if len(mine) > 1:
        return f"run {job.run_id} goes on in its pod number {len(mine)}; those before failed"
    return f"run {job.run_id} goes on"


def _ready(situation: Situation, *, fault: Because | None, moving: Because | None) -> tuple[ConditionStatus, Because]:
    status, spec = situation.status, situation.resource.spec
    run = status.last_run
    generation = situation.resource.metadata.generation
    current = run is not None and run.generation == generation
    if fault is not None:
        return ConditionStatus.FALSE, fault
    if spec.suspend:
        because = f": {spec.suspend_reason}" if spec.suspend_reason else ""
        message = f"no run is started while spec.suspend is true{because}"
        return _verdict(run), Because(reason=Reason.SUSPENDED, message=message)
    if run is None or not current:
        return ConditionStatus.UNKNOWN, moving or Because(reason=Reason.QUEUED, message="no run yet of this generation")
    return _verdict(run), Because(reason=run.reason, message=_outlook(situation, run))


def _verdict(run: Run | None) -> ConditionStatus:
    if run is None:
        return ConditionStatus.UNKNOWN
    return ConditionStatus.FALSE if run.result is Result.FAILED else ConditionStatus.TRUE


def _outlook(situation: Situation, run: Run) -> str:
    """Return what a run said, and when it is tried again where it failed."""
    retry = triggers.retry_time(situation)
    if run.result is not Result.FAILED or retry is None:
        return run.message
    return f"{run.message.rstrip('.')}; the next try is at {rfc3339.render(retry)}"


def _stalled(situation: Situation) -> Because | None:
    run = situation.status.last_run
    if run is None or not triggers.is_stalled(situation):
        return None
    return Because(reason=run.reason, message=run.message)


def _degraded(status: Status) -> Because | None:
    if not status.skipped_count:
        return None
    told = named(status.skipped[:_NAMED])
    more = status.skipped_count - min(len(status.skipped), _NAMED)
    noun = "item is" if status.skipped_count == 1 else "items are"
    rest = f", and {more} more" if told and more else ""
    message = f"{status.skipped_count} {noun} left out{': ' if told else ''}{told}{rest}"
    return Because(reason=Reason.ITEMS_SKIPPED, message=message)


def _memory_pressure(run: Run | None) -> Because | None:
    if run is None:
        return None
    if run.reason == Reason.OOM_KILLED:
        return Because(reason=Reason.OOM_KILLED, message=run.message)
    if not run.memory_limit_bytes or _pressing(run) * 100 < run.memory_limit_bytes * _PRESSURE_PER_CENT:
        return None
    message = (
        f"the last run took {format_bytes(_pressing(run))} of its limit of {run.memory_limit}; "
        "raise spec.resources.limits.memory before a run is killed"
    )
    return Because(reason=Reason.NEAR_LIMIT, message=message)


def _pressing(run: Run) -> int:
    """Return how much of the limit a run really needed, in bytes: the smaller of two peaks that are both too large.

    The resident set has pages of the image that other containers may be charged for, and a cgroup is charged for page
    cache, which the kernel takes back.
    """
    return min(run.peak_rss_bytes, run.cgroup_peak_bytes or run.peak_rss_bytes)
