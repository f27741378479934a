"""Which failures are an item's, and which are the source's."""

import pytest

from collectionsync.galaxy.errors import (
    AuthenticationError,
    ContentError,
    GalaxyError,
    NotFoundError,
    RateLimitedError,
    TransientError,
    UntrustedError,
)
from collectionsync.worker.failures import Failures

PASSING = TransientError("broke off")


@pytest.mark.parametrize("error", [AuthenticationError("401"), UntrustedError("expired")])
def test_what_no_other_item_can_escape_ends_the_run_at_once(error: GalaxyError) -> None:
    with pytest.raises(type(error)) as caught:
        Failures().failed(error)

    assert caught.value is error


@pytest.mark.parametrize("error", [NotFoundError("404"), ContentError("InvalidJSON", "odd")])
def test_an_items_own_failure_never_ends_the_run(error: GalaxyError) -> None:
    failures = Failures()
    for _ in range(100):
        failures.failed(error)

    failures.conclude()


@pytest.mark.parametrize("error", [PASSING, RateLimitedError("429")])
def test_eight_passing_failures_in_a_row_end_the_run(error: GalaxyError) -> None:
    failures = Failures()
    for _ in range(7):
        failures.failed(error)

    with pytest.raises(type(error)) as caught:
        failures.failed(error)
    assert caught.value is error


@pytest.mark.parametrize("answer", ["success", "not found"])
def test_any_answer_of_the_source_breaks_the_row(answer: str) -> None:
    failures = Failures()
    for _ in range(10):
        for _ in range(7):
            failures.failed(PASSING)
        if answer == "success":
            failures.succeeded()
        else:
            failures.failed(NotFoundError("404"))


def test_a_source_that_brought_nothing_was_not_there() -> None:
    failures = Failures()
    failures.failed(PASSING)
    failures.failed(NotFoundError("404"))

    with pytest.raises(TransientError) as caught:
        failures.conclude()
    assert caught.value is PASSING


def test_a_source_that_brought_something_was_there() -> None:
    failures = Failures()
    failures.succeeded()
    failures.failed(PASSING)

    failures.conclude()


def test_nothing_asked_is_nothing_wrong() -> None:
    Failures().conclude()


def test_a_further_source_may_fail_as_often_as_it_likes() -> None:
    failures = Failures(first=1)
    for _ in range(20):
        failures.failed(TransientError("503"), 2)
    failures.conclude()


def test_a_further_source_does_not_make_up_for_the_first() -> None:
    failures = Failures(first=1)
    failures.failed(TransientError("503"), 1)
    failures.succeeded(2)
    with pytest.raises(TransientError):
        failures.conclude()
