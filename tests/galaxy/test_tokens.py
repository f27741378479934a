"""The token that connections share: asked for once, in time, and again only where that helps. The clock is by hand."""

import asyncio
import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.galaxy.errors import AuthenticationError, TokenUnavailableError
from collectionsync.galaxy.tokens import AccessToken, AccessTokens, access_token


class Issuer:
    """Gives `token-1`, `token-2` and so on, each for 300 seconds, and may be held or fail."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        self.free = asyncio.Event()
        self.free.set()
        self.error: Exception | None = None
        self.given: dict[str, AccessToken] = {}
        self.tokens = AccessTokens(self.ask, clock=lambda: self.now)

    async def ask(self) -> AccessToken:
        self.asked += 1
        number, asked_at = self.asked, self.now
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.free.wait()
            if self.error is not None:
                raise self.error
            token = access_token(f"token-{number}", expires_in=300, asked_at=asked_at)
            self.given[token.text] = token
            return token
        finally:
            self.at_once -= 1


@pytest.mark.parametrize(
    ("expires_in", "renew", "expire"),
    [
        (300, 270, 300),
        (900, 870, 900),
        (90, 60, 90),
        (60, 40, 60),
        (3, 2, 3),
        (1, 1, 1),
        (0, 1, 1),
        (-5, 1, 1),
        ("300", 270, 300),
        (300.5, 270.5, 300.5),
        (None, math.inf, math.inf),
        ("soon", math.inf, math.inf),
        ("nan", math.inf, math.inf),
        ({}, math.inf, math.inf),
        (True, math.inf, math.inf),
        (10**400, math.inf, math.inf),
    ],
)
def test_a_token_is_renewed_shortly_before_it_expires(expires_in: object, renew: float, expire: float) -> None:
    token = access_token("t", expires_in=expires_in, asked_at=1000)
    assert (token.renew_at - 1000, token.expires_at - 1000) == (renew, expire)


@given(st.integers() | st.floats() | st.text() | st.none() | st.booleans())
def test_whatever_a_server_says_a_token_is_good_for_a_moment_and_renewed_before_it_expires(expires_in: object) -> None:
    token = access_token("t", expires_in=expires_in, asked_at=1000)
    assert 1001 <= token.renew_at <= token.expires_at


async def test_many_who_need_a_token_at_once_ask_once() -> None:
    issuer = Issuer()
    assert set(await asyncio.gather(*(issuer.tokens.current() for _ in range(50)))) == {"token-1"}
    assert (issuer.asked, await issuer.tokens.current()) == (1, "token-1")


async def test_nobody_waits_while_the_old_token_is_good() -> None:
    issuer = Issuer()
    await issuer.tokens.current()
    issuer.now += 271
    issuer.free.clear()
    assert [await issuer.tokens.current() for _ in range(3)] == ["token-1"] * 3
    await asyncio.sleep(0)
    assert issuer.asked == 2
    issuer.free.set()
    while await issuer.tokens.current() == "token-1":
        await asyncio.sleep(0)
    assert (await issuer.tokens.current(), issuer.asked) == ("token-2", 2)


async def test_a_token_that_has_expired_is_not_sent() -> None:
    issuer = Issuer()
    await issuer.tokens.current()
    issuer.now += 300
    assert set(await asyncio.gather(*(issuer.tokens.current() for _ in range(20)))) == {"token-2"}
    assert issuer.asked == 2


async def test_whoever_gives_up_waiting_does_not_take_the_token_from_the_others() -> None:
    issuer = Issuer()
    issuer.free.clear()
    first, second = (asyncio.create_task(issuer.tokens.current()) for _ in range(2))
    while not issuer.asked:
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    issuer.free.set()
    assert (await second, issuer.asked) == ("token-1", 1)


async def test_a_refused_token_is_renewed_once_for_all_who_carried_it() -> None:
    issuer = Issuer()
    token = await issuer.tokens.current()
    issuer.tokens.accepted(token)

    async def carry() -> tuple[bool, str]:
        return issuer.tokens.rejected(token), await issuer.tokens.current()

    assert set(await asyncio.gather(*(carry() for _ in range(20)))) == {(True, "token-2")}
    assert issuer.tokens.rejected(token)
    assert (await issuer.tokens.current(), issuer.asked) == ("token-2", 2)


async def test_a_token_that_was_just_issued_is_not_renewed_for_being_refused() -> None:
    issuer = Issuer()
    token = await issuer.tokens.current()
    assert not issuer.tokens.rejected(token)
    assert (await issuer.tokens.current(), issuer.asked) == ("token-1", 1)


@pytest.mark.parametrize("seconds", [59, 60])
async def test_one_that_was_never_taken_is_new_for_a_minute(seconds: float) -> None:
    issuer = Issuer()
    token = await issuer.tokens.current()
    issuer.now += seconds
    assert issuer.tokens.rejected(token) is (seconds >= 60)


async def test_that_one_token_was_taken_says_nothing_of_the_next() -> None:
    issuer = Issuer()
    issuer.tokens.accepted(await issuer.tokens.current())
    assert issuer.tokens.rejected("token-1")
    issuer.tokens.accepted("token-1")
    assert await issuer.tokens.current() == "token-2"
    issuer.tokens.accepted("token-1")
    assert not issuer.tokens.rejected("token-2")


async def test_a_refusal_for_good_is_not_asked_for_again() -> None:
    issuer = Issuer()
    issuer.error = AuthenticationError("revoked")
    asked = await asyncio.gather(*(issuer.tokens.current() for _ in range(5)), return_exceptions=True)
    assert [type(error) for error in asked] == [AuthenticationError] * 5
    issuer.error = None
    with pytest.raises(AuthenticationError, match="revoked"):
        await issuer.tokens.current()
    assert issuer.asked == 1


async def test_an_endpoint_that_is_down_is_asked_again_by_the_next_who_needs_it() -> None:
    issuer = Issuer()
    issuer.error = TokenUnavailableError("down")
    for _ in range(2):
        with pytest.raises(TokenUnavailableError, match="down"):
            await issuer.tokens.current()
    issuer.error = None
    assert (await issuer.tokens.current(), issuer.asked) == ("token-3", 3)


async def test_an_endpoint_that_is_down_stops_nobody_whose_token_is_still_good() -> None:
    issuer = Issuer()
    await issuer.tokens.current()
    issuer.now += 280
    issuer.error = TokenUnavailableError("down")
    for _ in range(6):
        assert await issuer.tokens.current() == "token-1"
        await asyncio.sleep(0)
    issuer.now += 20
    with pytest.raises(TokenUnavailableError):
        await issuer.tokens.current()
    assert issuer.most_at_once == 1


async def test_closing_ends_what_is_still_asked() -> None:
    issuer = Issuer()
    issuer.free.clear()
    waiting = asyncio.create_task(issuer.tokens.current())
    while not issuer.asked:
        await asyncio.sleep(0)
    await issuer.tokens.close()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    assert issuer.at_once == 0


STEPS = ["ask", "accept", "reject", "reject the first", "wait", "wait long", "fail", "mend"]


@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_whatever_happens_one_is_asked_for_at_a_time_and_none_is_sent_that_expired(steps: list[str]) -> None:
    async def run() -> None:
        issuer, sent = Issuer(), ["token-0"]
        for step in steps:
            if step == "ask":
                with contextlib.suppress(TokenUnavailableError):
                    sent.append(await issuer.tokens.current())
                    assert issuer.now < issuer.given[sent[-1]].expires_at
            elif step == "accept":
                issuer.tokens.accepted(sent[-1])
            elif step.startswith("reject"):
                issuer.tokens.rejected(sent[0 if step.endswith("first") else -1])
            elif step.startswith("wait"):
                issuer.now += 1000 if step.endswith("long") else 100
            else:
                issuer.error = TokenUnavailableError("down") if step == "fail" else None
            await asyncio.sleep(0)
        assert issuer.most_at_once <= 1
        assert issuer.asked <= sum(step in ("ask", "reject") for step in steps)
        await issuer.tokens.close()

    asyncio.run(run())
