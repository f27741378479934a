"""Whether the clock is kept to: scheduled runs that are late, and times that were missed. PURE.

Lateness is judged by the clock alone. Whatever else makes a run due, a request for instance, neither hides that a
scheduled one is late nor makes it so.
"""

from datetime import datetime, timedelta

from collectionsync.controller import rfc3339, schedule, triggers
from collectionsync.controller.conditions import Because
from collectionsync.controller.triggers import Situation, Trigger
from collectionsync.quantity import parse_seconds
from collectionsync.resource import Spec
from collectionsync.status import Reason

DEFAULT_STARTING_DEADLINE = timedelta(hours=1)
"""How late a scheduled run may start where the resource does not say."""
MOST_MISSED = 100
"""How many scheduled times that were missed are told at once."""


def scheduled(situation: Situation, due: Trigger | None) -> Trigger | None:
    """Return the scheduled run that is due, whatever makes a run due: `due` is that, and None where none may start.

    None is, either, while the first run of a generation is: its schedule may be another one, whose past is nobody's.
    """
    return None if due is None or triggers.is_first(due.name) else triggers.scheduled(situation)


def deadline(spec: Spec, scheduled: Trigger) -> datetime:
    """Return when a scheduled run that is due counts as late."""
    return scheduled.due + _starting_deadline(spec)


def late(situation: Situation, scheduled: Trigger) -> Because | None:
    """Return why the resource is out of sync: a scheduled run is later than the starting deadline allows."""
    until = deadline(situation.resource.spec, scheduled)
    if situation.now <= until:
        return None
    due = rfc3339.render(scheduled.due)
    message = f"the run that was due at {due} was to start by {rfc3339.render(until)} and has not"
    return Because(reason=Reason.STARTING_DEADLINE_EXCEEDED, message=message)


def missed(situation: Situation, scheduled: Trigger) -> tuple[datetime, ...]:
    """Return the starting deadlines that have passed without a run, of each scheduled time its own, the latest first.

    They are at most as many as MOST_MISSED: who has waited for a month is not to count its minutes at each look.
    """
    if late(situation, scheduled) is None:
        return ()
    spec, uid = situation.resource.spec, situation.resource.metadata.uid
    grace = _starting_deadline(spec)
    since, until = triggers.schedule_handled(situation), situation.now - grace
    found: list[datetime] = []
    while len(found) < MOST_MISSED:
        time = schedule.due_time(spec, uid=uid, since=since, now=until - timedelta.resolution)
        if time is None:
            break
        found.append(time + grace)
        until = time
    return tuple(found)


def _starting_deadline(spec: Spec) -> timedelta:
    given = spec.starting_deadline
    return DEFAULT_STARTING_DEADLINE if given is None else timedelta(seconds=parse_seconds(given))
