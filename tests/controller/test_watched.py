"""The events of a watch are read off its body, however that comes in pieces."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.controller.watched import Event, Identity, Object, events


def line(kind: str = "MODIFIED", **metadata: Any) -> bytes:
    """Return an event as an API server writes it."""
    found = {"kind": "PartialObjectMetadata", "metadata": metadata}
    return json.dumps({"type": kind, "object": found}).encode() + b"\n"


BODY = line("ADDED", name="a", namespace="n", uid="1", resourceVersion="7") + line("BOOKMARK", resourceVersion="9")
READ = [
    Event("ADDED", Object(Identity(name="a", namespace="n", uid="1", resource_version="7"))),
    Event("BOOKMARK", Object(Identity(resource_version="9"))),
]


@given(st.lists(st.integers(0, len(BODY)), max_size=8))
def test_events_are_read_wherever_the_body_is_cut(cuts: list[int]) -> None:
    ends = [*sorted(cuts), len(BODY)]
    assert list(events(BODY[start:end] for start, end in zip([0, *ends], ends, strict=False))) == READ


def test_a_last_event_that_is_cut_off_is_passed_over() -> None:
    assert list(events([BODY[:-1]])) == READ[:1]


def test_all_else_that_metadata_hold_is_passed_over() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "x" * 100_000}
    (found,) = events([line(name="a", annotations=annotations, managedFields=[{"manager": "kubectl"}])])
    assert found.object.metadata == Identity(name="a")


def test_an_error_is_a_status_with_the_code_of_http() -> None:
    status = {"kind": "Status", "metadata": {}, "code": 410, "message": "too old resource version"}
    (found,) = events([json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"])
    assert (found.type, found.object.code, found.object.message) == ("ERROR", 410, "too old resource version")


def test_what_is_no_event_is_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        list(events([b"<html>\n"]))


@pytest.mark.parametrize(("version", "number"), [("12", 12), ("", 0), ("opaque", 0)])
def test_versions_are_compared_as_numbers(version: str, number: int) -> None:
    assert Identity(resource_version=version).number == number


def test_another_object_of_the_same_name_has_another_version() -> None:
    assert Identity(uid="1", resource_version="7").version != Identity(uid="2", resource_version="7").version
