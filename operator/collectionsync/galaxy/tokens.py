"""Access tokens that live for minutes: one for all connections, asked for once by whoever needs it first.

How long a token is good for, and whether another one would help where it is refused, are decided here; who is asked
and how is the affair of `token_endpoint`.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from collectionsync.galaxy.errors import AuthenticationError

_MARGIN_SECONDS = 30.0
_LEAST_SECONDS = 1.0
# A source that refuses a token of this age has not merely taken it for expired.
_NEW_SECONDS = 60.0


class AccessToken(NamedTuple):
    """A token, when another should be asked for, and when it is of no use any more: in seconds of the same clock."""

    text: str
    asked_at: float
    renew_at: float
    expires_at: float


def access_token(text: str, *, expires_in: object, asked_at: float) -> AccessToken:
    """Return the token that was asked for at `asked_at`, and is said to expire so many seconds later.

    It is renewed half a minute before that, or after two thirds of its time as ansible-galaxy does where that is
    shorter. Without a usable `expires_in` (RFC 6749 only recommends it) it is good until the source refuses it.
    """
    seconds = _seconds(expires_in)
    expires = max(seconds, _LEAST_SECONDS)
    renew = max(seconds - min(_MARGIN_SECONDS, seconds / 3), _LEAST_SECONDS)
    return AccessToken(text, asked_at, asked_at + renew, asked_at + expires)


def _seconds(said: object) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return math.inf
    try:
        seconds = float(said)
    except (ValueError, OverflowError):
        return math.inf
    return math.inf if math.isnan(seconds) else max(seconds, 0.0)


class StaleTokenError(AuthenticationError):
    """The source refused a token that may merely be out of date: with the next one it is worth another try."""


class AccessTokens:
    """The token that all connections to one source share. `ask` brings a new one, and is never called twice at once.

    While the old one is still good, nobody waits for the new one.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[AccessToken]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._held: AccessToken | None = None
        self._proven = False
        self._renewal: asyncio.Task[AccessToken] | None = None
        self._refused: AuthenticationError | None = None

    async def current(self) -> str:
        """Return the token that a request can carry now.

        Raises:
            GalaxyError: there is none, and as its class says; one that is refused for good is not asked for again.
        """
        held, now = self._held, self._clock()
        if held is not None and now < held.renew_at:
            return held.text
        renewal = self._renewal or self._renew()
        if held is not None and now < held.expires_at:
            return held.text
        # Whoever gives up waiting does not take the token from the others.
        return (await asyncio.shield(renewal)).text

    def accepted(self, token: str) -> None:
        """Take note that the source took a request with this token."""
        if self._held is not None and self._held.text == token:
            self._proven = True

    def rejected(self, token: str) -> bool:
        """Take note that the source refused a request with this token, and say whether another one may help.

        It may where the token is no longer the one that is held, and where it once did, or has been held for a while.
        One that was just issued is refused for other reasons than its age, and so would the next one be.
        """
        held = self._held
        if held is None or held.text != token:
            return True
        if not self._proven and self._clock() - held.asked_at < _NEW_SECONDS:
            return False
        self._held = None
        return True

    async def close(self) -> None:
        """Ask no more."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})

    def _renew(self) -> asyncio.Task[AccessToken]:
        if self._refused is not None:
            raise AuthenticationError(str(self._refused))
        self._renewal = asyncio.create_task(self._renewed())
        # Where nobody waits for it, nobody would hear of its error, and asyncio would complain.
        self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._renewal

    async def _renewed(self) -> AccessToken:
        try:
            self._held = await self._ask()
            self._proven = False
            return self._held
        except AuthenticationError as error:
            self._refused = error
            raise
        finally:
            self._renewal = None
