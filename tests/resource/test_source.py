"""What a resource says of a source is what the worker can do."""

import pytest

from collectionsync.galaxy import headers
from collectionsync.source import RESERVED_HEADERS, SECRET_HEADERS, Source, Timeouts


@pytest.mark.parametrize("name", sorted(RESERVED_HEADERS))
def test_a_header_that_is_not_for_a_resource_to_set_is_not_for_its_secret_either(name: str) -> None:
    assert headers.problem_of(name.title(), "a") is not None


@pytest.mark.parametrize("name", ["User-Agent", "X-Forwarded-For", "Accept-Language", "Via"])
def test_a_header_that_changes_no_answer_is_the_users(name: str) -> None:
    assert name.lower() not in RESERVED_HEADERS | SECRET_HEADERS
    assert headers.problem_of(name, "a") is None


def test_a_source_is_waited_for_by_default() -> None:
    assert Source(url="https://galaxy.example.com/").timeouts == Timeouts(connect="10s", read="30s", total="15m")
