"""When to ask again: pure decisions about attempts and pauses, so that a table of cases can prove them."""

import email.utils
import random
from dataclasses import dataclass
from datetime import UTC

from collectionsync.galaxy.errors import TransientError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a request is worth repeating.

    `attempts` bounds the tries of a request that fails; `throttled_attempts` those of one that is told to slow down,
    which is no fault of the item's and so gets more patience. Pauses are in seconds.
    """

    attempts: int = 5
    throttled_attempts: int = 20
    base_seconds: float = 0.5
    cap_seconds: float = 30.0
    longest_wait_seconds: float = 300.0

    def pause(self, attempt: int, retry_after: float | None = None) -> float:
        """Return the seconds to wait before try `attempt + 1` (the first try is 1).

        Exponential with full jitter, so that many connections do not come back as one; a server's Retry-After is a
        lower bound (RFC 9110, section 10.2.3), with a little jitter on top for the same reason.
        """
        ceiling = min(self.cap_seconds, self.base_seconds * 2 ** (attempt - 1))
        if retry_after is not None:
            return retry_after + random.uniform(0, min(1.0, ceiling))
        return random.uniform(0, ceiling)

    def pause_after(self, error: TransientError, attempt: int) -> float:
        """Return the seconds to wait after try `attempt`, which ended in `error`.

        Raises:
            TransientError: the server asks for a longer pause than a run is worth; with the reason of `error`.
        """
        wait = error.retry_after
        if wait is not None and wait > self.longest_wait_seconds:
            raise TransientError(
                f"{error} and asks to wait for {wait:.0f} s, which is longer than a run waits; run again later",
                reason=error.reason,
            ) from error
        return self.pause(attempt, wait)


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for, given as seconds or as a date (RFC 9110, 10.2.3).

    `now` is in seconds since the epoch. A header that is missing or cannot be read is None: a guess is made instead.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
        # The two oldest forms of a date name no zone, and mean UTC (RFC 9110, section 5.6.7).
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
