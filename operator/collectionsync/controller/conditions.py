"""From how a resource stands to its conditions, and from their changes to events. Pure.

Conditions follow the API conventions and kstatus: Ready is always there, all others only while they are True
(https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md). What each means is said in `status`.
"""

from dataclasses import dataclass
from datetime import datetime

from collectionsync.controller import rfc3339
from collectionsync.controller.termination import LONGEST_MESSAGE
from collectionsync.status import Condition, ConditionStatus, ConditionType, Reason, Status

WARNED = "RunWarnings"
"""The reason of the event that tells of what a run passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """A reason, in one word for programs and in a sentence for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """How a resource stands: whether it is ready and why, and what else holds, each with its reason."""

    ready: ConditionStatus
    why: Because
    reconciling: Because | None = None
    stalled: Because | None = None
    degraded: Because | None = None
    out_of_sync: Because | None = None
    memory_pressure: Because | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An event to be shown by `kubectl describe`; `warning` where somebody should look into it."""

    reason: str
    message: str
    warning: bool = False


def conditions(story: Story, *, old: Status, generation: int, now: datetime) -> tuple[Condition, ...]:
    """Return the conditions that tell the story; those that hold since earlier keep their time of transition."""
    held = {
        ConditionType.RECONCILING: story.reconciling,
        ConditionType.STALLED: story.stalled,
        ConditionType.DEGRADED: story.degraded,
        ConditionType.OUT_OF_SYNC: story.out_of_sync,
        ConditionType.MEMORY_PRESSURE: story.memory_pressure,
    }
    told = [(ConditionType.READY, story.ready, story.why)]
    told += [(kind, ConditionStatus.TRUE, why) for kind, why in held.items() if why is not None]
    since = {(each.type, each.status): each.last_transition_time for each in old.conditions}
    return tuple(
        Condition(
            type=kind.value,
            status=status,
            reason=why.reason,
            message=shortened(why.message),
            last_transition_time=since.get((kind.value, status)) or rfc3339.render(now),
            observed_generation=generation,
        )
        for kind, status, why in told
    )


def notices(old: Status, new: Status) -> tuple[Notice, ...]:
    """Return the events that a change of status is worth: what was not so before and is now."""
    before = {each.type: each for each in old.conditions}
    told = []
    for condition in new.conditions:
        earlier = before.get(condition.type)
        if condition.type == ConditionType.RECONCILING or (earlier and _same(earlier, condition)):
            continue
        # A run that has just begun is told of when its Job is made.
        if condition.status is not ConditionStatus.UNKNOWN:
            bad = condition.type != ConditionType.READY or condition.status is ConditionStatus.FALSE
            told.append(Notice(reason=_told_as(condition), message=condition.message, warning=bad))
    told += _warned(old, new)
    return tuple({(each.reason, each.message): each for each in told}.values())


def _warned(old: Status, new: Status) -> list[Notice]:
    """Return the event that the warnings of a run are worth, unless those of the run before were the same."""
    earlier, later = (status.last_run.warnings if status.last_run else () for status in (old, new))
    if not later or later == earlier:
        return []
    return [Notice(reason=WARNED, message=shortened(" | ".join(later)), warning=True)]


def _told_as(condition: Condition) -> str:
    """Return the reason of an event: conditions that repeat what Ready says would be told under the same name."""
    own = {ConditionType.OUT_OF_SYNC.value, ConditionType.MEMORY_PRESSURE.value}
    oom = condition.reason == Reason.OOM_KILLED
    return condition.type if condition.type in own and not oom else condition.reason


def _same(earlier: Condition, later: Condition) -> bool:
    return (earlier.status, earlier.reason) == (later.status, later.reason)


def shortened(message: str) -> str:
    """Return `message`, or its start where it is too long for a status that people read."""
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"
