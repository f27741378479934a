"""A memory limit is spent on what fits into it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.server.memory_plan import ANSWER_BYTES, CONNECTION_BYTES, MEBIBYTE, plan_memory

BASE_BYTES = 44 * MEBIBYTE
MANY_FILES = 1_000_000


def test_the_default_limit_has_room_for_hundreds_of_slow_readers() -> None:
    plan = plan_memory(limit_bytes=128 * MEBIBYTE, base_bytes=BASE_BYTES, open_files=MANY_FILES)
    assert plan.connections > 256
    assert plan.in_flight_bytes == 8 * MEBIBYTE


@given(limit=st.integers(96, 8192))
def test_what_is_planned_fits(limit: int) -> None:
    plan = plan_memory(limit_bytes=limit * MEBIBYTE, base_bytes=BASE_BYTES, open_files=MANY_FILES)
    taken = (
        BASE_BYTES
        + plan.in_flight_bytes
        + plan.remembered_bytes
        + plan.connections * CONNECTION_BYTES
        + plan.sessions * MEBIBYTE
    )
    assert taken <= limit * MEBIBYTE


@pytest.mark.parametrize("limit", [0, 1, 16 * MEBIBYTE, 48 * MEBIBYTE])
def test_a_limit_that_is_too_tight_leaves_a_server_that_works(limit: int) -> None:
    plan = plan_memory(limit_bytes=limit, base_bytes=BASE_BYTES, open_files=MANY_FILES)
    assert plan.connections > 0
    assert plan.in_flight_bytes >= plan.sessions * ANSWER_BYTES


def test_no_more_clients_than_there_can_be_open_files() -> None:
    plan = plan_memory(limit_bytes=64 * 1024 * MEBIBYTE, base_bytes=BASE_BYTES, open_files=1024)
    assert 2 * plan.connections < 1024
