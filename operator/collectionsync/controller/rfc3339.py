"""Times as the Kubernetes API writes them: RFC 3339 in UTC, of whole seconds."""

from datetime import UTC, datetime


def parse(value: object) -> datetime | None:
    """Return the time that `value` writes, in UTC; None for what is no time, since it may come from anybody."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        return time.astimezone(UTC) if isinstance(time, datetime) else None
    except (ValueError, OverflowError):
        return None


def render(time: datetime) -> str:
    """Return `time` as the API's `date-time`; fractions of a second are left off."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
