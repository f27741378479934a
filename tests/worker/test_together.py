"""Tasks that live and die together: one error comes out, and a cancellation is a cancellation."""

import asyncio
import contextlib

import pytest

from collectionsync.worker.together import together


class FirstError(Exception):
    pass


class LaterError(Exception):
    pass


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fail_at_the_end() -> None:
    try:
        await for_ever()
    finally:
        raise LaterError("while it was cleaned up")


async def test_all_of_them_run_to_their_end() -> None:
    done = []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    await together(*(work(number) for number in range(3)))

    assert sorted(done) == [0, 1, 2]


async def test_none_at_all_is_fine() -> None:
    await together()


async def test_the_first_error_comes_out_as_it_was_raised() -> None:
    error, cause = FirstError("first"), ValueError("cause")
    error.__cause__ = cause

    with pytest.raises(FirstError) as caught:
        await together(for_ever(), fail(error), fail_at_the_end())

    assert caught.value is error
    assert caught.value.__cause__ is cause
    assert caught.value.__notes__ == ["then also LaterError: while it was cleaned up"]


async def test_an_error_comes_out_of_groups_in_groups() -> None:
    with pytest.raises(FirstError):
        await together(together(for_ever(), together(fail(FirstError()))), for_ever())


async def test_the_others_are_cancelled() -> None:
    cancelled = asyncio.Event()

    async def watch() -> None:
        try:
            await for_ever()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(FirstError):
        await together(watch(), fail(FirstError()))

    assert cancelled.is_set()


async def test_a_failure_does_not_leave_its_caller_marked_as_cancelled() -> None:
    with contextlib.suppress(FirstError):
        await together(fail(FirstError()), for_ever())

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_deadline_holds_after_a_failure() -> None:
    async def fail_and_go_on() -> None:
        async with asyncio.timeout(0.01):
            with contextlib.suppress(FirstError):
                await together(fail(FirstError()), for_ever())
            await for_ever()

    with pytest.raises(TimeoutError):
        await fail_and_go_on()


@pytest.mark.parametrize("turns", [1, 2, 3, 4])
async def test_a_cancellation_passes_through_at_any_moment(turns: int) -> None:
    async def within() -> None:
        await together(for_ever())

    task = asyncio.create_task(together(for_ever(), within()))
    for _ in range(turns):
        await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_stays_one_when_something_fails_on_the_way_out() -> None:
    task = asyncio.create_task(together(for_ever(), fail_at_the_end()))
    for _ in range(5):
        await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__cause__, LaterError)


async def test_a_second_cancellation_does_not_cut_the_cleaning_up_short() -> None:
    cleaned = asyncio.Event()

    async def clean_up() -> None:
        try:
            await for_ever()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            cleaned.set()

    task = asyncio.create_task(together(clean_up()))
    for _ in range(3):
        await asyncio.sleep(0)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned.is_set()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_passes_through(error: type[BaseException]) -> None:
    async def main() -> None:
        await together(for_ever(), fail(error()))

    with pytest.raises(error):
        asyncio.run(main())
