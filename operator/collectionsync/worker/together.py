"""Tasks that live and die together, and whose failure is one error and not a group of them."""

import asyncio
from collections.abc import Coroutine, Iterator


async def together(*coroutines: Coroutine[object, object, None]) -> None:
    """Run all of them; when one fails the others are cancelled.

    Raises:
        Exception: the first that failed, as it was raised; those that its end brought about are notes on it.
        asyncio.CancelledError: the caller was cancelled, whatever failed on the way out.
    """
    caller = asyncio.current_task()
    assert caller is not None, "runs as a task"
    cancelled_before = caller.cancelling()
    try:
        # In a task of its own: Python 3.11 leaves whoever waits for a failing group marked as cancelled, and
        # asyncio.timeout() then no longer knows its own cancellation.
        await asyncio.create_task(_group(coroutines))
        return
    except ExceptionGroup as failed:
        first, *others = _leaves(failed)
    finally:
        for coroutine in coroutines:
            coroutine.close()  # those that a cancellation was too early for; harmless for the others
    if caller.cancelling() > cancelled_before:
        raise asyncio.CancelledError from first
    for other in others:
        first.add_note(f"then also {type(other).__name__}: {other}")
    try:
        raise first
    finally:
        del first, others  # an error that leads to itself through this frame would stay until the next collection


async def _group(coroutines: tuple[Coroutine[object, object, None], ...]) -> None:
    async with asyncio.TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    """Yield the errors in the order in which they came."""
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
