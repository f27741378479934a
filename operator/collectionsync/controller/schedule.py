"""When runs are due by the clock: cron expressions in their time zones, intervals, and jitter. PURE: `now` is given.

All times are in UTC and of whole seconds. Whoever asks for the next time is told the same as who asks for one that has
come: a run is due after `since` exactly when the next time after `since` has come. Neither counts its way through what
was missed: a month of `* * * * *` costs as much as a minute of it.

Cron expressions are about what clocks show, and clocks are put forward and back. A time that they jump over is due when
they jump, and one that they show twice is due the first time: never lost, never twice. Only what is due in every hour
goes by the hours that pass, whatever clocks show.
"""

import functools
import hashlib
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from collectionsync.quantity import parse_seconds
from collectionsync.resource import Spec

_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
# In the 28 years from here, a year of each kind comes: with each first weekday, and leap years with each, too.
_SOME_JANUARY = datetime(2000, 1, 1)
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_EVER, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

# Zones are files, found by their names. Left out are links of the machine's own, and what counts leap seconds.
_ZONE = re.compile(r"(?!(?:right|posix|posixrules|localtime|Factory)\b)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,3}")


class ScheduleError(ValueError):
    """The schedule is no cron expression, or the time zone is not known; a sentence for people."""


def due_time(spec: Spec, *, uid: str, since: datetime, now: datetime) -> datetime | None:
    """Return the latest time until `now` at which a run was due after `since`; None where there was none.

    Raises:
        ScheduleError: the schedule or its time zone cannot be used.
    """
    offset = _offset(spec, uid)
    if spec.schedule is None:
        time = _after_interval(spec, since, offset)
        return time if time is not None and time <= now else None
    tick = _clock(spec.schedule, spec.time_zone).last(now - offset)
    return tick + offset if tick is not None and tick + offset > since else None


def next_time(spec: Spec, *, uid: str, since: datetime, now: datetime) -> datetime | None:
    """Return when the next run is due; None where none is due by the clock.

    By a cron expression that is the first time after `now`. By an interval it is one interval after `since`, even where
    that is over.

    Raises:
        ScheduleError: the schedule or its time zone cannot be used.
    """
    offset = _offset(spec, uid)
    if spec.schedule is None:
        return _after_interval(spec, since, offset)
    tick = _clock(spec.schedule, spec.time_zone).first(now - offset)
    return None if tick is None else tick + offset


@dataclass(frozen=True, slots=True)
class Period:
    """The time between two runs. It holds from `since` on, and before `until`, when the next time comes.

    `before` is the time before `since`; None by an interval, which is as long whenever it begins.
    """

    length: timedelta
    since: datetime
    until: datetime
    before: datetime | None = None

    def last_but_one(self, now: datetime) -> datetime:
        """Return the scheduled time before the last one; by an interval, the time two of them ago.

        Whoever has had no success since has missed two of them. As it never moves back, only a success ends that.
        """
        return self.before or now - 2 * self.length


def period(spec: Spec, *, uid: str, now: datetime) -> Period | None:
    """Return the time between two scheduled runs; None where none is due by the clock.

    Those of a cron expression need not be alike: working hours have nights between them. It is the longer one of the
    period that goes on and the one before it: whoever has seen no run for twice as long has missed two.

    Raises:
        ScheduleError: the schedule or its time zone cannot be used.
    """
    offset = _offset(spec, uid)
    if spec.schedule is None:
        length = _after_interval(spec, now, offset)
        return None if length is None else Period(length - now, _EVER, _NEVER)
    clock = _clock(spec.schedule, spec.time_zone)
    until = clock.first(now - offset)
    since = clock.last(now - offset)
    before = since and clock.last(since - _SECOND)
    if until is None or since is None or before is None:
        return None
    return Period(max(until - since, since - before), since + offset, until + offset, before + offset)


def _after_interval(spec: Spec, since: datetime, offset: timedelta) -> datetime | None:
    if spec.interval is None:
        return None
    return since + timedelta(seconds=math.ceil(parse_seconds(spec.interval))) + offset


def _offset(spec: Spec, uid: str) -> timedelta:
    """Return how long a resource's runs are put off: always as long, in whole seconds, and less than the jitter."""
    choices = math.ceil(parse_seconds(spec.jitter)) if spec.jitter is not None else 0
    digest = hashlib.sha256(uid.encode(errors="replace")).digest()
    return timedelta(seconds=int.from_bytes(digest) % choices if choices else 0)


@dataclass(frozen=True, slots=True)
class _Clock:
    """A cron expression by the clocks of a time zone.

    `tellers` say when it is due that clocks show a time, if at all. Each is monotonic: what comes later on a clock is
    never due earlier.
    """

    cron: str
    zone: tzinfo
    tellers: tuple[Callable[[datetime, tzinfo], datetime | None], ...]

    def first(self, after: datetime) -> datetime | None:
        """Return the first tick after a time."""
        local = after.astimezone(self.zone)
        # Clocks that will show this time again will also show again what they have just shown.
        start = local.replace(tzinfo=None, fold=0) - _put_back(local)
        found = (next((tick for tick in ticks if tick > after), None) for ticks in self._ticks(start))
        return min((tick for tick in found if tick), default=None)

    def last(self, until: datetime) -> datetime | None:
        """Return the last tick until a time, that time included."""
        local = until.astimezone(self.zone)
        # Clocks that show this time for the second time have shown later ones already.
        start = local.replace(tzinfo=None, fold=0) + _put_back(local) + _SECOND
        found = (next((tick for tick in ticks if tick <= until), None) for ticks in self._ticks(start, reverse=True))
        return max((tick for tick in found if tick), default=None)

    def _ticks(self, start: datetime, *, reverse: bool = False) -> Iterator[Iterator[datetime]]:
        for teller in self.tellers:
            shown = CronSim(self.cron, start, reverse=reverse)
            yield (tick for each in shown if (tick := teller(each, self.zone)) is not None)


@functools.lru_cache(maxsize=1024)
def _clock(schedule: str, time_zone: str | None) -> _Clock:
    cron = _ALIASES.get(schedule, schedule)
    if problem := _problem(cron):
        raise ScheduleError(f"spec.schedule: {schedule!r} {problem}")
    hours = CronSim(cron, _SOME_JANUARY).hours
    tellers = (_shown_first, _shown_last) if len(hours) == 24 else (_shown_once,)
    return _Clock(cron, _zone(time_zone), tellers)


# Errors are not cached where they are raised, and that a time never comes is known only after years of looking.
@functools.lru_cache(maxsize=1024)
def _problem(cron: str) -> str:
    """Return what is wrong with a cron expression; empty for a good one."""
    fields = cron.split()
    if cron.startswith("@"):
        return f"is unknown; there are {', '.join(_ALIASES)}, and spec.interval"
    if len(fields) != len(_FIELDS) or not cron.isascii():
        return f"is no cron expression; it has five fields: {', '.join(_FIELDS)}"
    for place, name in enumerate(_FIELDS):
        alone = ["*"] * len(_FIELDS)
        alone[place] = fields[place]
        if not _readable(" ".join(alone)):
            return f"is no cron expression; {fields[place]!r} is no {name}"
    never = "never comes; no date is ever like that"
    return "" if _readable(cron) and next(CronSim(cron, _SOME_JANUARY), None) else never


def _readable(cron: str) -> bool:
    try:
        CronSim(cron, _SOME_JANUARY)
    except CronSimError:
        return False
    return True


def _zone(name: str | None) -> tzinfo:
    if name is None or name == "UTC":
        return UTC
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such file, none of a zone, or a folder
        pass
    raise ScheduleError(f"spec.timeZone: {name!r} is no time zone; expected a name such as Europe/Zurich")


def _put_back(local: datetime) -> timedelta:
    """Return by how much clocks are put back, where they show a time twice; else nothing."""
    return _at(local, 1) - _at(local, 0)


def _at(local: datetime, fold: int) -> datetime:
    return local.replace(fold=fold).astimezone(UTC)


def _shown_once(shown: datetime, zone: tzinfo) -> datetime:
    """Return when clocks show a time first; where they jump over it, when they jump."""
    while _is_jumped_over(local := shown.replace(tzinfo=zone)):
        shown += _MINUTE
    return _at(local, 0)


def _shown_first(shown: datetime, zone: tzinfo) -> datetime | None:
    """Return when clocks show a time first; None where they jump over it."""
    local = shown.replace(tzinfo=zone)
    return None if _is_jumped_over(local) else _at(local, 0)


def _shown_last(shown: datetime, zone: tzinfo) -> datetime | None:
    """Return when clocks show a time last; None where they jump over it."""
    local = shown.replace(tzinfo=zone)
    return None if _is_jumped_over(local) else _at(local, 1)


def _is_jumped_over(local: datetime) -> bool:
    # There, the offset from before the jump and the one from after it lead past each other (PEP 495).
    return _put_back(local) < timedelta(0)
