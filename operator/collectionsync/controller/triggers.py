"""What makes a run due, since when, and when the next one will be: a request, the spec, inputs, the schedule, a retry.

Pure and level-triggered: each answer follows from the resource, its status and its Jobs alone, so that it is the same
after any crash. A trigger's name goes into the name of the Job, so to act on it twice makes one Job.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from collectionsync.controller import rfc3339, schedule
from collectionsync.controller.observed import JobFacts
from collectionsync.report import Result
from collectionsync.resource import REQUESTED_AT_ANNOTATION, CollectionSync
from collectionsync.status import Reason, Run, Status

STALLING = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.AUTHENTICATION_FAILED,
        Reason.SECRET_NOT_FOUND,
        Reason.CONFIG_MAP_NOT_FOUND,
        Reason.DATABASE_MISCONFIGURED,
        Reason.ARTIFACT_STORE_MISCONFIGURED,
        Reason.SCHEMA_MISMATCH,
    }
)
"""Reasons of failed runs that trying again does not heal, unless what the run depends on has changed."""

# What may be mended on the other side, where the operator sees nothing of it.
_HOURLY = frozenset({Reason.AUTHENTICATION_FAILED, Reason.DATABASE_MISCONFIGURED, Reason.ARTIFACT_STORE_MISCONFIGURED})
_FIRST_RETRY = timedelta(minutes=1)
_LAST_RETRY = timedelta(hours=1)
_LONGEST_REQUEST = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Why a run is due: a name that is the same whenever it is asked for, and since when.

    One run answers all times of the schedule that have passed without one: it is named after the last of them, and due
    since the first.
    """

    name: str
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What triggers are judged by.

    `inputs` is a digest of the Secrets as they are now; empty where nobody looked. `requirements` is that of the
    ConfigMap that says what is asked for; empty where the spec does, and where there is none that may be looked at.
    """

    resource: CollectionSync
    status: Status
    newest: JobFacts | None
    inputs: str
    requirements: str
    now: datetime


def requested(resource: CollectionSync) -> str:
    """Return the value of the annotation that asks for a run; empty where nobody asks."""
    return (resource.metadata.annotations or {}).get(REQUESTED_AT_ANNOTATION, "")[:_LONGEST_REQUEST]


def pending(situation: Situation) -> Trigger | None:
    """Return what makes a run due now; None where nothing does. One run answers all that is due.

    Raises:
        ScheduleError: the schedule cannot be read.
    """
    return (
        _request(situation)
        or _spec(situation)
        or _requirements(situation)
        or _inputs(situation)
        or scheduled(situation)
        or _retry(situation)
    )


def scheduled(situation: Situation) -> Trigger | None:
    """Return the scheduled run that is due now, whatever else makes one due; None where none is by the clock.

    Raises:
        ScheduleError: the schedule cannot be read.
    """
    if is_stalled(situation):
        return None
    spec, uid, handled = situation.resource.spec, situation.resource.metadata.uid, schedule_handled(situation)
    last = schedule.due_time(spec, uid=uid, since=handled, now=situation.now)
    if last is None:
        return None
    first = schedule.next_time(spec, uid=uid, since=handled, now=handled)
    return Trigger(name=f"Schedule/{rfc3339.render(last)}", due=first or last)


def next_due(situation: Situation) -> datetime | None:
    """Return when the next run is due if nothing changes; it may lie in the past. None where none is.

    Raises:
        ScheduleError: the schedule cannot be read.
    """
    planned = None if is_stalled(situation) else _next_scheduled(situation)
    retry = retry_time(situation)
    return min((time for time in (planned, retry) if time is not None), default=None)


def failed(resource: CollectionSync, status: Status) -> bool:
    """Whether the last run of this generation failed, so that a change of what it was given may help."""
    run = status.last_run
    return run is not None and run.generation == resource.metadata.generation and run.result is Result.FAILED


def is_stalled(situation: Situation) -> bool:
    """Whether the last run of this generation ended in a way that time alone does not heal."""
    run = situation.status.last_run
    return run is not None and run.generation == situation.resource.metadata.generation and run.reason in STALLING


def retry_time(situation: Situation) -> datetime | None:
    """Return when a failed run is tried again: after a pause that doubles from a minute to an hour.

    Of what stalls, only what the other side may have mended is tried again, each hour: credentials that were refused,
    and a database or an object store that could not be used. All else waits for a change.
    """
    run, ended = situation.status.last_run, rfc3339.parse(situation.status.last_attempt_time)
    if run is None or run.result is not Result.FAILED or ended is None:
        return None
    if is_stalled(situation):
        return ended + _LAST_RETRY if run.reason in _HOURLY else None
    doublings = min(max(situation.status.consecutive_failures - 1, 0), 16)
    return ended + min(_FIRST_RETRY * (1 << doublings), _LAST_RETRY)


def schedule_handled(situation: Situation) -> datetime:
    """Return the time until which the schedule is answered: by a run, or by there having been no resource."""
    status, newest = situation.status, situation.newest
    last: Run | None = status.last_run
    times = [
        rfc3339.parse(situation.resource.metadata.creation_timestamp),
        rfc3339.parse(status.last_schedule_time),
        rfc3339.parse(last.start_time) if last else None,
        newest.created if newest else None,
        scheduled_time(newest.trigger) if newest else None,
    ]
    return max((time for time in times if time is not None), default=situation.now)


def scheduled_time(trigger: str) -> datetime | None:
    """Return the time of the schedule that a trigger stands for; None for any other trigger."""
    kind, _, value = trigger.partition("/")
    return rfc3339.parse(value) if kind == "Schedule" else None


def is_first(trigger: str) -> bool:
    """Whether a trigger stands for the first run of a generation."""
    return trigger.partition("/")[0] == "Spec"


def request_of(trigger: str) -> str:
    """Return the value of the annotation that a trigger stands for; empty for any other trigger."""
    kind, _, value = trigger.partition("/")
    return value if kind == "Requested" else ""


def _request(situation: Situation) -> Trigger | None:
    value = requested(situation.resource)
    if not value or value == situation.status.last_handled_reconcile_at:
        return None
    name = f"Requested/{value}"
    return None if _was(situation, name) else Trigger(name=name, due=situation.now)


def _spec(situation: Situation) -> Trigger | None:
    metadata, run, newest = situation.resource.metadata, situation.status.last_run, situation.newest
    carried_out = max(run.generation if run else 0, newest.generation if newest else 0)
    if carried_out >= metadata.generation:
        return None
    created = rfc3339.parse(metadata.creation_timestamp) if carried_out == 0 else None
    return Trigger(name=f"Spec/{metadata.generation}", due=created or situation.now)


def _requirements(situation: Situation) -> Trigger | None:
    """Return the run that a ConfigMap which has changed asks for, whatever became of the last one.

    One that is gone asks for none: it may be about to be replaced, and what it asked for is published.
    """
    requirements, newest = situation.requirements, situation.newest
    given = (situation.status.observed_requirements, newest.requirements if newest else "")
    if not requirements or requirements in given:
        return None
    return Trigger(name=f"Requirements/{requirements}", due=situation.now)


def _inputs(situation: Situation) -> Trigger | None:
    inputs = situation.inputs
    if not inputs or inputs == situation.status.observed_inputs or not failed(situation.resource, situation.status):
        return None
    name = f"Inputs/{inputs}"
    return None if _was(situation, name) else Trigger(name=name, due=situation.now)


def _next_scheduled(situation: Situation) -> datetime | None:
    return schedule.next_time(
        situation.resource.spec,
        uid=situation.resource.metadata.uid,
        since=schedule_handled(situation),
        now=situation.now,
    )


def _retry(situation: Situation) -> Trigger | None:
    time, run = retry_time(situation), situation.status.last_run
    if run is None or time is None or time > situation.now:
        return None
    name = f"Retry/{run.id}"
    return None if _was(situation, name) else Trigger(name=name, due=time)


def _was(situation: Situation, trigger: str) -> bool:
    """Whether the newest Job is there because of this very trigger, though the status does not tell yet."""
    return situation.newest is not None and situation.newest.trigger == trigger
