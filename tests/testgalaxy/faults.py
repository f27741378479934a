"""Faults that a test switches on: which requests they meet, how often, and what they do to the answer.

    galaxy.faults.add(Fault("docs-blob", status(503, retry_after="1"), times=2))
    galaxy.faults.add(Fault(kind("versions"), wrong_count(7)))

A fault is a match and an `Action`. An action takes the answer that would be sent and gives back another. Those that
change what is *said* (content) work before an answer is compressed; those that change how it *travels* (wire), after.
Several faults may meet one request: they apply in the order in which they were added. Redirects are left alone unless
a fault asks for them, so that `times=1` means the document and not the 302 before it.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from testgalaxy.catalog import Catalog
from testgalaxy.layout import Layout
from testgalaxy.replies import Reply


@dataclass(frozen=True)
class Exchange:
    """A request, as faults see it. `path` is raw and has its query."""

    path: str
    kind: str
    headers: dict[str, str]
    catalog: Catalog
    layout: Layout


Effect = Callable[[Exchange, Reply], Reply]
Match = str | re.Pattern[str] | Callable[[Exchange], bool]


class DropConnectionError(Exception):
    """Raised by an action: the connection closes before any header was sent."""


@dataclass(frozen=True)
class Action:
    """What a fault does. `wire` actions see the answer as it will travel, compressed or not."""

    apply: Callable[[Exchange, Reply], Awaitable[Reply]]
    wire: bool = True

    def then(self, following: "Action") -> "Action":
        """Both, one after the other, at the stage of this one."""

        async def both(exchange: Exchange, reply: Reply) -> Reply:
            return await following.apply(exchange, await self.apply(exchange, reply))

        return Action(both, wire=self.wire)


def on_wire(effect: Effect) -> Action:
    """An action out of a function from answer to answer, applied after compression."""
    return _action(effect, wire=True)


def on_content(effect: Effect) -> Action:
    """An action out of a function from answer to answer, applied before compression."""
    return _action(effect, wire=False)


def _action(effect: Effect, *, wire: bool) -> Action:
    async def apply(exchange: Exchange, reply: Reply) -> Reply:
        return effect(exchange, reply)

    return Action(apply, wire=wire)


def kind(*kinds: str) -> Callable[[Exchange], bool]:
    """Match by kind: root, published, excludes, all-collections, all-versions, collections, collection, versions,
    detail, docs, artifact, namespace, avatar, file.
    """
    return lambda exchange: exchange.kind in kinds


@dataclass
class Fault:
    """An action for the requests that match: a part of the raw path, a pattern found in it, or a function.

    `times` is how many requests it meets (None: all); `after` is how many matching requests it lets by before.
    """

    match: Match
    action: Action
    times: int | None = None
    after: int = 0
    on_redirects: bool = False
    hits: int = field(default=0, init=False)

    def claims(self, exchange: Exchange, reply: Reply) -> bool:
        """Whether this request is to suffer; counts it if so."""
        if (reply.is_redirect and not self.on_redirects) or not self._matches(exchange):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True

    def _matches(self, exchange: Exchange) -> bool:
        if isinstance(self.match, str):
            return self.match in exchange.path
        if isinstance(self.match, re.Pattern):
            return self.match.search(exchange.path) is not None
        return self.match(exchange)


class Faults:
    """The faults of one server."""

    def __init__(self) -> None:
        self.active: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on; gives it back, to look at its `hits`."""
        self.active.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Switch a fault off."""
        self.active.remove(fault)

    def clear(self) -> None:
        """Switch all faults off."""
        self.active.clear()

    def claim(self, exchange: Exchange, reply: Reply) -> list[Action]:
        """The actions for one request, in order."""
        return [fault.action for fault in self.active if fault.claims(exchange, reply)]


async def suffer(actions: list[Action], exchange: Exchange, reply: Reply, *, wire: bool) -> Reply:
    """Apply the actions of one stage."""
    for action in actions:
        if action.wire is wire:
            reply = await action.apply(exchange, reply)
    return reply
