"""What tests of schedules share: times, specs, and walks from one due time to the next, both ways."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from collectionsync.controller.schedule import ScheduleError, due_time, next_time
from collectionsync.resource import CollectionRequirement, Source, Spec

UID = "6f1a0d6e-1f0e-4b55-9a51-0a2b7f0f8a11"
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZURICH = {"time_zone": "Europe/Zurich"}

# Days on which clocks are put forward or back: by an hour, by half of one, at midnight, by two; and one that never was.
CHANGES = {
    "Europe/Zurich": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Africa/Cairo": ["2026-04-24", "2026-10-30"],
    "America/Sao_Paulo": ["2018-02-18", "2018-11-04"],
    "Antarctica/Troll": ["2026-03-29", "2026-10-25"],
    "Pacific/Apia": ["2011-12-30", "2012-04-01"],
    "Asia/Kathmandu": ["2026-01-01"],
    "UTC": ["2026-02-28"],
}


def spec(schedule: str | None = None, **fields: Any) -> Spec:
    return Spec(
        source=Source(url="https://galaxy.example.com/api/"),
        collections=(CollectionRequirement(name="community.general"),),
        schedule=schedule,
        **fields,
    )


def at(text: str) -> datetime:
    """A time: in UTC, or with an offset of its own."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def following(schedule: Spec, after: datetime, *, uid: str = UID) -> Iterator[datetime]:
    """The times that come after a time, one after the other."""
    while (found := next_time(schedule, uid=uid, since=after, now=after)) is not None:
        yield found
        after = found


def until(schedule: Spec, start: datetime, end: datetime, *, uid: str = UID) -> list[datetime]:
    """The times after `start` until `end`."""
    found = []
    for each in following(schedule, start, uid=uid):
        if each > end:
            break
        found.append(each)
    return found


def backwards(schedule: Spec, start: datetime, end: datetime, *, uid: str = UID) -> list[datetime]:
    """The same, found from their end."""
    found: list[datetime] = []
    while (last := due_time(schedule, uid=uid, since=start, now=end)) is not None:
        found.append(last)
        end = last - SECOND
    return found[::-1]


def refusal(**fields: Any) -> str:
    with pytest.raises(ScheduleError) as caught:
        due_time(spec(**fields), uid=UID, since=at("2026-11-25"), now=at("2026-11-25"))
    with pytest.raises(ScheduleError) as again:
        next_time(spec(**fields), uid=UID, since=at("2026-11-25"), now=at("2026-11-25"))
    assert str(caught.value) == str(again.value)
    return str(caught.value)


@st.composite
def surroundings(draw: st.DrawFn) -> tuple[str, datetime, datetime]:
    """A zone, and a span of time in which its clocks may be put forward or back, of whole seconds."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = at(draw(st.sampled_from(CHANGES[zone])))
    start = middle + timedelta(seconds=draw(st.integers(-36 * 3600, 36 * 3600)))
    return zone, start, start + timedelta(seconds=draw(st.integers(0, 36 * 3600)))
