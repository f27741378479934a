"""The plan of the operator: from what is seen of one resource to its status and to what is to be done. PURE.

Everything follows from the arguments, so that an operator that was killed anywhere comes to the same plan again: what
was done already is seen in the Jobs and the status, and what was not is still due. It must not remember, wait or talk.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec.structs import replace as changed

from collectionsync.controller import lateness, record, rfc3339, story, triggers
from collectionsync.controller.admission import Request, Slots
from collectionsync.controller.conditions import Because, Notice, conditions, notices
from collectionsync.controller.observed import JobFacts, PodFacts
from collectionsync.controller.runs import Runs, superfluous, survey
from collectionsync.controller.triggers import Situation, Trigger
from collectionsync.resource import CollectionSync
from collectionsync.status import Reason, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the operator sees of one resource.

    `fault` is what makes it unusable, found by whoever read it. `inputs` and `requirements` are digests of the Secrets
    and of the ConfigMap as they are now; empty where nobody looked. `request` is the room that a run of it needs. `url`
    is where its repository is served.
    """

    resource: CollectionSync
    status: Status
    jobs: Sequence[JobFacts]
    pods: Sequence[PodFacts]
    request: Request
    fault: Because | None = None
    inputs: str = ""
    requirements: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    """Create the Job of a run; `after` is the run that ended last."""

    trigger: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do, in this order: write the status, tell, and delete Jobs with their pods.

    Where a run is to be started, that comes first, and a new plan then tells of it. `waiting` is the place in the queue
    of a run that is due and has no room. `missed` are the starting deadlines that scheduled times have passed without a
    run, the latest first. `look_again` is when time alone changes the plan.
    """

    start: StartRun | None
    status: Status
    tell: tuple[Notice, ...]
    delete: tuple[JobFacts, ...]
    waiting: Request | None
    missed: tuple[datetime, ...]
    look_again: datetime | None


def plan(seen: Seen, *, slots: Slots, now: datetime) -> Plan:
    """Decide everything about one resource at one moment."""
    runs = survey(seen.status, seen.jobs)
    status = record.ended(seen.status, runs, seen.pods, now=now)
    situation = Situation(
        resource=seen.resource,
        status=status,
        newest=runs.newest,
        inputs=seen.inputs,
        requirements=seen.requirements,
        now=now,
    )
    fault, due = _due(seen, situation, runs)
    refused, told = _refused_request(seen, situation)
    scheduled = lateness.scheduled(situation, due)
    waiting = _waiting(seen, status, due, slots) if due and not runs.active else None
    refusal = slots.refusal(waiting) if waiting else ""
    after = status.last_run.id if status.last_run else ""
    start = StartRun(trigger=due.name, after=after) if due and waiting and not refusal else None
    obsolete = _obsolete(seen, runs)

    status = _with_run(status, seen, runs, obsolete=obsolete, refused=refused)
    late = lateness.late(situation, scheduled) if scheduled and not start else None
    upcoming = None if fault or seen.resource.spec.suspend else triggers.next_due(replace(situation, status=status))
    status = changed(
        status,
        observed_generation=seen.resource.metadata.generation,
        next_sync_time=_next_sync_time(upcoming, scheduled, waiting if refusal else None),
        url=seen.url,
    )
    told_story = story.tell(
        situation=replace(situation, status=status),
        fault=fault,
        active=runs.active if not obsolete else None,
        pods=seen.pods,
        refusal=refusal,
        due=due,
        late=late,
    )
    status = changed(
        status,
        conditions=conditions(told_story, old=seen.status, generation=seen.resource.metadata.generation, now=now),
    )
    return Plan(
        start=start,
        status=status,
        tell=(*told, *notices(seen.status, status)),
        delete=(*superfluous(seen.resource.spec, (*runs.ended, *runs.known)), *obsolete),
        waiting=waiting if refusal else None,
        missed=lateness.missed(situation, scheduled) if scheduled else (),
        look_again=_look_again(seen, upcoming, None if start or late else scheduled, now=now),
    )


def _due(seen: Seen, situation: Situation, runs: Runs) -> tuple[Because | None, Trigger | None]:
    """Return what forbids any run, and what makes one due; also while another goes on, when it is pending."""
    if seen.fault:
        return seen.fault, None
    try:
        triggers.next_due(situation)  # a schedule that cannot be read forbids runs for any other reason, too
        trigger = triggers.pending(situation)
    except ValueError as error:
        return Because(reason=Reason.INVALID_SCHEDULE, message=str(error)), None
    return None, None if seen.resource.spec.suspend else trigger


def _refused_request(seen: Seen, situation: Situation) -> tuple[bool, tuple[Notice, ...]]:
    """Refuse, loudly, a request for a run of what is suspended: resuming starts a run anyway."""
    value = triggers.requested(seen.resource)
    if not value or not seen.resource.spec.suspend or value == situation.status.last_handled_reconcile_at:
        return False, ()
    message = "no run is started on request while spec.suspend is true"
    return True, (Notice(reason=Reason.SUSPENDED, message=message, warning=True),)


def _waiting(seen: Seen, status: Status, due: Trigger, slots: Slots) -> Request:
    """Return the request for room; who waits already keeps the place, whatever else became due since.

    Nobody waits while a run of theirs goes on: what becomes due during one that is too long overtakes no others.
    """
    ended = rfc3339.parse(status.last_attempt_time) or due.due
    since = [each.due for each in slots.waiting if each.key == seen.request.key]
    return replace(seen.request, due=min([max(due.due, ended), *since]))


def _next_sync_time(upcoming: datetime | None, scheduled: Trigger | None, waiting: Request | None) -> str | None:
    """Return when the next run is due; of one that waits for room that is over, and stays what it was.

    A request is due at whatever time it is looked at, so that its place in the queue has to tell since when.
    """
    since = [waiting.due, *([scheduled.due] if scheduled else [])] if waiting else []
    soonest = min((time for time in (upcoming, *since) if time is not None), default=None)
    return rfc3339.render(soonest) if soonest else None


def _obsolete(seen: Seen, runs: Runs) -> tuple[JobFacts, ...]:
    """Return the active Job if its spec has changed before a pod of it ever ran: what ails it may be just that."""
    job = runs.active
    if job is None or job.deleting or job.generation >= seen.resource.metadata.generation:
        return ()
    started = any(pod.started for pod in seen.pods if pod.job_name == job.name)
    return () if started else (job,)


def _with_run(status: Status, seen: Seen, runs: Runs, *, obsolete: Sequence[JobFacts], refused: bool) -> Status:
    """Note the run that goes on, and what it answers."""
    job = None if obsolete else runs.active
    trigger = job.trigger if job else ""
    handled = status.last_handled_reconcile_at
    if refused:
        handled = triggers.requested(seen.resource)
    elif (asked := triggers.request_of(trigger)) and handled != triggers.requested(seen.resource):
        handled = asked
    scheduled = triggers.scheduled_time(trigger)
    return changed(
        status,
        # Known already while the run goes on: should its Job be deleted, that is no change of what it was given.
        observed_inputs=job.inputs if job else status.observed_inputs,
        observed_requirements=job.requirements if job else status.observed_requirements,
        active_run=record.active(job, status) if job else None,
        last_handled_reconcile_at=handled,
        last_schedule_time=rfc3339.render(scheduled) if scheduled else status.last_schedule_time,
    )


def _look_again(seen: Seen, upcoming: datetime | None, in_time: Trigger | None, *, now: datetime) -> datetime | None:
    deadline = lateness.deadline(seen.resource.spec, in_time) if in_time else None
    times = [time for time in (upcoming, deadline) if time is not None and time > now]
    return min(times, default=None)
