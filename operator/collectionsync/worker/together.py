"""Tasks that live and die together, and whose failure is one error and not a group of them.

Not an asyncio.TaskGroup: that of Python 3.11 leaves whoever waits for a failing group marked as cancelled, after which
asyncio.timeout() no longer knows its own cancellation; and it lets an error on the way out hide a cancellation.
"""

import asyncio
from collections.abc import Coroutine


async def together(*coroutines: Coroutine[object, object, None]) -> None:
    """Run all of them; when one fails the others are cancelled, and all have ended when this returns or raises.

    Raises:
        Exception: the first that failed, as it was raised; those that its end brought about are notes on it.
        asyncio.CancelledError: the caller was cancelled, whatever failed on the way out.
    """
    failed: list[BaseException] = []

    def note(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            failed.append(error)

    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    for task in tasks:
        task.add_done_callback(note)
    cancelled = await _ended(tasks, failed)
    try:
        if cancelled is not None:
            raise cancelled from (failed[0] if failed else None)
        if failed:
            raise _first(failed)
    finally:
        failed.clear()  # an error that leads to itself through this frame would stay until the next collection


async def _ended(tasks: list[asyncio.Task[None]], failed: list[BaseException]) -> asyncio.CancelledError | None:
    """Wait for the end of all, which the first failure and a cancellation of the caller hasten; return the latter."""
    cancelled = None
    hastened = False
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
        except asyncio.CancelledError as error:
            cancelled = error
        if (failed or cancelled) and not hastened:  # a second time would cancel their cleaning up
            hastened = True
            for task in pending:
                task.cancel()
    return cancelled


def _first(failed: list[BaseException]) -> BaseException:
    first, *others = failed
    for other in others:
        first.add_note(f"then also {type(other).__name__}: {other}")
    return first
