"""A repository as it is published now: opened for a request, and its answers remembered for the next ones."""

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from collectionsync.server.answers import Answer, Body
from collectionsync.server.call import Call
from collectionsync.server.holdings import Holdings
from collectionsync.server.refusals import not_found
from collectionsync.server.sessions import EmptyStoreError
from collectionsync.store.catalog.details import Answer as Parts
from collectionsync.store.catalog.repositories import Repository, find_repository
from collectionsync.store.database import Connection


@dataclass(frozen=True, slots=True)
class Opened:
    """A repository, and the session to read it with. Documents of up to `inline_bytes` come along with others."""

    connection: Connection
    repository: Repository
    inline_bytes: int


Make = Callable[[Opened, Call], Awaitable[Body | Parts]]


def remembered(make: Make) -> Callable[[Holdings, Call], Awaitable[Answer]]:
    """Have an answer made where the last one to the same question does not hold any more."""

    @functools.wraps(make)
    async def answer(holdings: Holdings, call: Call) -> Answer:
        question = (call.origin, call.path, *(text for field in call.query.items() for text in field))
        async with opened(holdings, call) as found:
            snapshot = found.repository.state
            # The same snapshot of another database, as after a restore, is another state.
            state = None if snapshot is None else (holdings.sessions.generation, snapshot)
            known = holdings.remembered.find(question, state) if state else None
            if known is not None:
                return known
            made = await make(found, call)
        holdings.remembered.keep(question, state, made)
        return made

    return answer


@contextlib.asynccontextmanager
async def opened(holdings: Holdings, call: Call) -> AsyncIterator[Opened]:
    """Lend a session, and the repository as it is published now.

    Raises:
        Refusal: there is no such repository.
    """
    content = call.values.get("content", call.repository)
    if content != call.repository:
        raise not_found(f"the path names {content!r}, and this is the repository {call.repository!r}")
    try:
        async with holdings.sessions.reading() as connection:
            repository = await find_repository(connection, call.namespace, call.repository)
            if repository is None:
                raise _missing(call)
            yield Opened(connection, repository, holdings.plan.inline_bytes)
    except EmptyStoreError:
        raise _missing(call) from None


def _missing(call: Call) -> Exception:
    return not_found(f"there is no repository {call.namespace}/{call.repository}, or nothing is published in it yet")
