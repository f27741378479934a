"""Tasks that live and die together, and whose failure is one error and not a group of them."""

import asyncio
from collections.abc import Coroutine


async def together(*coroutines: Coroutine[object, object, None]) -> None:
    """Run all of them; when one fails the others are cancelled.

    Raises:
        Exception: the first that failed; those that its end brought about hang on it as its cause.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                group.create_task(coroutine)
    except ExceptionGroup as failed:
        first: Exception = failed
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from failed
