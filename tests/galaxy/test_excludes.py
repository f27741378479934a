"""What a server wants nobody to mirror: applied where it can be read, and no obstacle where it cannot."""

import logging

import pytest

from collectionsync.galaxy.errors import AuthenticationError, TransientError
from galaxy.wire import connected
from testgalaxy import Fault, TestGalaxy, kind, wirefaults
from testgalaxy.faults import Action


async def excludes_of(galaxy: TestGalaxy) -> list[tuple[str, str]]:
    async with connected(galaxy.url) as client:
        return await client.excludes()


async def test_a_collection_is_excluded_with_a_range_or_whole(galaxy: TestGalaxy) -> None:
    galaxy.catalog.exclude("acme.tools", ">=1.5.0")
    galaxy.catalog.exclude("acme.other")
    assert await excludes_of(galaxy) == [("acme.tools", ">=1.5.0"), ("acme.other", "*")]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([], []),
        ({}, []),
        ({"collections": []}, []),
        ({"collections": ["acme.tools"]}, [("acme.tools", "*")]),
        ([{"name": "acme.tools", "version": "1.0.0"}], [("acme.tools", "1.0.0")]),
        ({"collections": [{"name": "acme.tools", "version": None, "source": "x"}]}, [("acme.tools", "*")]),
        ({"collections": [{"name": "acme.tools", "version": 1.0}]}, [("acme.tools", "1.0")]),
    ],
)
async def test_it_is_read_as_a_requirements_file_is(
    galaxy: TestGalaxy, answer: object, found: list[tuple[str, str]]
) -> None:
    galaxy.catalog.excludes = answer
    assert await excludes_of(galaxy) == found


async def test_entries_that_name_no_collection_are_told_of_and_keep_no_other_from_working(
    galaxy: TestGalaxy, caplog: pytest.LogCaptureFixture
) -> None:
    odd = [{"name": 5}, {"version": "1.0.0"}, 7, None, "tools", "a.b.c", {"name": "../x.y"}]
    galaxy.catalog.excludes = {"collections": [*odd, "acme.tools"]}
    assert await excludes_of(galaxy) == [("acme.tools", "*")]
    assert f"{len(odd)} entries of the source's list of excludes name no collection" in caplog.text


async def test_a_server_without_such_a_list_excludes_nothing_and_that_is_worth_no_word(
    galaxy: TestGalaxy, caplog: pytest.LogCaptureFixture
) -> None:
    assert await excludes_of(galaxy) == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    "action",
    [
        wirefaults.status(400),
        wirefaults.status(403),
        wirefaults.body(b"<html></html>"),
        wirefaults.body(b'"acme.tools"'),
        wirefaults.body(b'{"collections": {"name": "acme.tools"}}'),
        wirefaults.body(b""),
    ],
    ids=["400", "403", "HTML", "a string", "an object", "nothing"],
)
async def test_a_list_that_cannot_be_used_excludes_nothing_and_is_told_of(
    galaxy: TestGalaxy, caplog: pytest.LogCaptureFixture, action: Action
) -> None:
    galaxy.catalog.exclude("acme.tools")
    galaxy.faults.add(Fault(kind("excludes"), action))
    assert await excludes_of(galaxy) == []
    assert "the source's list of excludes is not applied: " in caplog.text


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_list_that_may_be_had_later_is_not_gone_without(galaxy: TestGalaxy, status: int) -> None:
    galaxy.faults.add(Fault(kind("excludes"), wirefaults.status(status)))
    with pytest.raises(TransientError):
        await excludes_of(galaxy)


async def test_wrong_credentials_are_an_error_here_as_well(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("excludes"), wirefaults.status(401)))
    with pytest.raises(AuthenticationError):
        await excludes_of(galaxy)
