"""A reader sees one publication, whichever comes meanwhile; and clients' caches hear of every change of a list."""

import json
from typing import Any

import pytest

from catalog.content import BASE, WHERE, published_by, repository, stored
from collectionsync.store.catalog import details, everything, lists, namespaces
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection, Database

pytestmark = pytest.mark.slow

ONE, TWO, THREE = (stored("acme", "alpha", number) for number in ("1.0.0", "2.0.0", "3.0.0"))
ONE_AGAIN = stored("acme", "alpha", "1.0.0", artifact="built again")
BETA, OTHER = stored("acme", "beta"), stored("other", "gamma")


# What workers of an earlier release send.
_ADD_ALL = """
    INSERT INTO repository_content (repository_id, version_id, added) SELECT $1, id, 2 FROM collection_version
    ON CONFLICT (repository_id, version_id) WHERE removed IS NULL DO NOTHING
"""
_REMOVE_ALL_BUT_ONE = """
    UPDATE repository_content c SET removed = 3 FROM collection_version v
    WHERE c.repository_id = $1 AND v.id = c.version_id AND v.version <> '2.0.0'
"""


async def seen(session: Connection, of: Repository) -> dict[str, Any]:
    """All that a reader sees of a repository, by every way to it."""
    page = await lists.collections(session, of, base=BASE, limit=100, offset=0)
    listed = {f"{each['namespace']}.{each['name']}": each for each in json.loads(page.items)}
    versions = {}
    for each in listed.values():
        where = {"namespace": each["namespace"], "name": each["name"]}
        found = await lists.versions(session, of, base=BASE, **where, limit=100, offset=0)
        assert found is not None
        versions[f"{each['namespace']}.{each['name']}"] = [item["version"] for item in json.loads(found.items)]
    all_versions, _ = await everything.versions_after(session, of, **WHERE, after=None, limit=100)
    spaces = await namespaces.namespaces(session, of, **WHERE, limit=100, offset=0)
    return {
        "collections": listed,
        "versions": versions,
        "all": sorted(json.loads(each)["artifact"]["sha256"] for each in all_versions),
        "namespaces": [each["name"] for each in json.loads(spaces.items)],
    }


async def test_a_reader_of_a_publication_sees_nothing_of_the_next(store: Database, session: Connection) -> None:
    await published_by(store, ONE, BETA, OTHER)
    before = await repository(session)
    saw = await seen(session, before)
    await published_by(store, ONE_AGAIN, TWO, mirror=True, asked="other versions")
    assert await seen(session, before) == saw
    after = await seen(session, await repository(session))
    assert (after["versions"], after["namespaces"]) == ({"acme.alpha": ["2.0.0", "1.0.0"]}, ["acme"])
    found = await details.artifact(session, before, "acme", "alpha", "1.0.0")
    replaced = await details.artifact(session, await repository(session), "acme", "alpha", "1.0.0")
    assert found is not None
    assert replaced is not None
    assert (found.sha256, replaced.sha256) == (ONE.version.sha256, ONE_AGAIN.version.sha256)


async def test_a_repository_from_which_all_is_gone_is_an_empty_one(store: Database, session: Connection) -> None:
    await published_by(store, ONE)
    await published_by(store, mirror=True, asked="nothing")
    now = await repository(session)
    assert now.number == 2
    assert await seen(session, now) == {"collections": {}, "versions": {}, "all": [], "namespaces": []}


async def test_a_collection_is_updated_whenever_its_list_of_versions_changes(
    store: Database, session: Connection
) -> None:
    times, created = [], set()
    changes: list[tuple[list[Any], str]] = [
        ([TWO, BETA], "two"),
        ([ONE, TWO, BETA], "an older one comes"),
        ([ONE, BETA], "one goes"),
        ([ONE_AGAIN, BETA], "one is replaced"),
    ]
    for versions, asked in changes:
        await published_by(store, *versions, mirror=True, asked=asked)
        alpha = (await seen(session, await repository(session)))["collections"]["acme.alpha"]
        times.append(alpha["updated_at"])
        created.add(alpha["created_at"])
    assert times == sorted(set(times))
    assert len(created) == 1
    beta = (await seen(session, await repository(session)))["collections"]["acme.beta"]
    assert beta["updated_at"] == beta["created_at"] == created.pop()


async def test_a_collection_that_comes_back_is_there_again(store: Database, session: Connection) -> None:
    for versions, asked in (([ONE, BETA], "both"), ([BETA], "beta"), ([ONE, BETA], "both again")):
        await published_by(store, *versions, mirror=True, asked=asked)
    now = await seen(session, await repository(session))
    assert list(now["collections"]) == ["acme.alpha", "acme.beta"]
    rows = await session.fetch("SELECT name, added, removed FROM repository_collection ORDER BY name, added")
    assert [tuple(row) for row in rows] == [("alpha", 1, 2), ("alpha", 3, None), ("beta", 1, None)]


async def test_a_publication_is_later_than_the_one_before_whatever_the_clock_says(
    store: Database, session: Connection
) -> None:
    await published_by(store, ONE)
    await session.execute("UPDATE repository_version SET created_at = '2099-01-01Z'")
    await published_by(store, ONE, TWO, asked="more")
    alpha = (await seen(session, await repository(session)))["collections"]["acme.alpha"]
    assert alpha["updated_at"] == "2099-01-01T00:00:00.000001Z"


async def test_collections_follow_what_an_earlier_release_publishes(store: Database, session: Connection) -> None:
    await published_by(store, ONE)
    await published_by(store, BETA, TWO, repository="another")
    main = await repository(session)
    for number, statement in enumerate((_ADD_ALL, _REMOVE_ALL_BUT_ONE), start=2):
        async with session.transaction():
            await session.execute("INSERT INTO repository_version VALUES ($1, $2, 'revision')", main.id, number)
            await session.execute(statement, main.id)
    assert list((await seen(session, await repository(session)))["collections"]) == ["acme.alpha"]
    second = Repository(main.id, main.namespace, main.name, 2)
    assert list((await seen(session, second))["collections"]) == ["acme.alpha", "acme.beta"]
