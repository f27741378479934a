"""Namespaces as a source has them; a digest of the metadata is told only where all that it covers is served."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from catalog.content import (
    BASE,
    URL,
    WHERE,
    filled_database,
    published_by,
    read_detail,
    repository,
    source_id,
    stored,
)
from collectionsync.store.catalog import everything, namespaces
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection, Database
from collectionsync.store.namespaces import Avatar, store_namespace
from store.helpers import OTHER_SOURCE, SOURCE, digest

pytestmark = pytest.mark.slow

PICTURE = Avatar(hashlib.sha256(b"\x89PNG\0").hexdigest(), "image/png", b"\x89PNG\0")
LINKS = [{"name": "home", "url": "https://acme.example.com/"}]


def metadata(name: str, **members: Any) -> dict[str, Any]:
    """The metadata of a namespace as a worker keeps it."""
    return {
        "name": name,
        "company": 'ACME "é"',
        "email": "",
        "description": None,
        "resources": "# Ours",
        "links": LINKS,
        "avatar_sha256": None,
        "avatar_url": None,
        "metadata_sha256": digest(name),
        **members,
    }


PICTURED = metadata("pictured", avatar_sha256=PICTURE.sha256, avatar_url="https://galaxy.example.com/avatar.png")
UNPICTURED = metadata("unpictured", avatar_sha256=PICTURE.sha256, avatar_url="https://galaxy.example.com/avatar.png")
UNSAFE = metadata("unsafe", company="a\0b")
LINKLESS = metadata("linkless", links=None, metadata_sha256=None)


async def fill(store: Database) -> None:
    names = ("acme", "pictured", "unpictured", "unsafe", "linkless", "silent")
    await published_by(store, *(stored(name, "one") for name in names), stored("acme", "two"))
    await published_by(store, stored("acme", "one"), repository="another", source=OTHER_SOURCE)
    await published_by(store, stored("acme", "two"), repository="both")
    await published_by(store, stored("acme", "one"), repository="both", source=OTHER_SOURCE, owner="second")
    await published_by(store, stored("elsewhere", "one"), repository="both", source=OTHER_SOURCE, owner="third")
    async with store.session() as session:
        source, other = [await source_id(session, url) for url in (SOURCE, OTHER_SOURCE)]
    for body, avatar in ((metadata("acme"), None), (PICTURED, PICTURE), (UNPICTURED, None), (UNSAFE, None)):
        await keep(store, source, body, avatar)
    await keep(store, source, LINKLESS)
    await keep(store, source, metadata("elsewhere"))
    # Read later than the first source's, which another repository alone hears.
    await keep(store, other, metadata("acme", company="Other", metadata_sha256=digest("other")))


async def keep(store: Database, source: int, body: dict[str, Any], avatar: Avatar | None = None) -> None:
    raw = json.dumps(body).encode()
    await store_namespace(store, source, body["name"], announced_sha256=None, body=raw, avatar=avatar)


@pytest.fixture(scope="module")
def filled(postgres_uri: str) -> Iterator[str]:
    with filled_database(postgres_uri, fill) as uri:
        yield uri


@pytest.fixture
async def main(reader: Connection) -> Repository:
    return await repository(reader)


async def read(reader: Connection, of: Repository, name: str) -> dict[str, Any]:
    body = await namespaces.namespace(reader, of, **WHERE, name=name)
    assert body is not None
    found: dict[str, Any] = json.loads(body)
    return found


async def test_a_namespace_has_the_members_that_clients_read(reader: Connection, main: Repository) -> None:
    assert await read(reader, main, "pictured") == {
        "pulp_href": f"{BASE}/v3/namespaces/pictured/",
        "name": "pictured",
        "company": 'ACME "é"',
        "email": "",
        "description": None,
        "resources": "# Ours",
        "links": LINKS,
        "avatar_sha256": PICTURE.sha256,
        "avatar_url": f"{URL}{BASE}/v3/namespaces/pictured/avatar/",
        "metadata_sha256": digest("pictured"),
    }


async def test_a_namespace_that_no_source_told_of_has_its_name(reader: Connection, main: Repository) -> None:
    assert await read(reader, main, "silent") == {
        "pulp_href": f"{BASE}/v3/namespaces/silent/",
        "name": "silent",
        **dict.fromkeys(("company", "email", "description", "resources"), ""),
        "links": [],
        **dict.fromkeys(("avatar_sha256", "avatar_url", "metadata_sha256")),
    }


async def test_an_avatar_that_is_not_stored_is_not_told_of_and_neither_is_the_digest(
    reader: Connection, main: Repository
) -> None:
    found = await read(reader, main, "unpictured")
    assert [found[key] for key in ("avatar_sha256", "avatar_url", "metadata_sha256")] == [None] * 3
    assert found["company"] == 'ACME "é"'


async def test_a_digest_of_what_no_text_can_hold_is_not_told(reader: Connection, main: Repository) -> None:
    found = await read(reader, main, "unsafe")
    assert (found["company"], found["metadata_sha256"]) == ("a\ufffdb", None)


async def test_links_that_are_null_are_none(reader: Connection, main: Repository) -> None:
    assert (await read(reader, main, "linkless"))["links"] == []


@pytest.mark.parametrize("name", ["acme", "pictured", "unpictured", "unsafe", "linkless", "silent"])
async def test_details_tell_the_digest_that_the_namespace_has(reader: Connection, main: Repository, name: str) -> None:
    expected = {"name": name, "metadata_sha256": (await read(reader, main, name))["metadata_sha256"]}
    assert (await read_detail(reader, main, stored(name, "one")))["namespace"] == expected
    elements, _ = await everything.versions_after(reader, main, **WHERE, after=None, limit=100)
    assert expected in [json.loads(element)["namespace"] for element in elements]


async def test_a_repository_hears_the_sources_of_its_claims_and_of_several_the_one_that_was_read_last(
    reader: Connection, main: Repository
) -> None:
    assert (await read(reader, main, "acme"))["company"] == 'ACME "é"'
    assert (await read(reader, await repository(reader, name="another"), "acme"))["company"] == "Other"
    both = await repository(reader, name="both")
    assert (await read(reader, both, "acme"))["company"] == "Other"
    assert (await read_detail(reader, both, stored("acme", "two")))["namespace"]["metadata_sha256"] == digest("other")


async def test_a_source_is_not_heard_on_a_namespace_that_the_repository_has_from_another(reader: Connection) -> None:
    assert (await read(reader, await repository(reader, name="both"), "elsewhere"))["company"] == ""


@pytest.mark.parametrize("name", ["elsewhere", "nobody", "acme\0", "\ud800", "", "x" * 100_000])
async def test_a_namespace_without_a_collection_is_not_there(reader: Connection, main: Repository, name: str) -> None:
    assert await namespaces.namespace(reader, main, **WHERE, name=name) is None
    assert await namespaces.avatar(reader, main, name) is None


async def test_an_avatar_is_served_as_it_came(reader: Connection, main: Repository) -> None:
    found = await namespaces.avatar(reader, main, "pictured")
    assert found == namespaces.Avatar(PICTURE.sha256, "image/png", PICTURE.body)
    assert await namespaces.avatar(reader, main, "unpictured") is None
    assert await namespaces.avatar(reader, main, "silent") is None


async def test_namespaces_come_in_order_of_their_names_each_as_it_is_alone(
    reader: Connection, main: Repository
) -> None:
    page = await namespaces.namespaces(reader, main, **WHERE, limit=100, offset=0)
    items = json.loads(page.items)
    assert [item["name"] for item in items] == ["acme", "linkless", "pictured", "silent", "unpictured", "unsafe"]
    assert items == [await read(reader, main, item["name"]) for item in items]
    assert page.count == 6


@pytest.mark.parametrize(("limit", "offset", "length"), [(4, 0, 4), (4, 4, 2), (4, 6, 0), (0, 0, 0), (-1, -1, 0)])
async def test_a_page_of_namespaces_has_the_count_of_all(
    reader: Connection, main: Repository, limit: int, offset: int, length: int
) -> None:
    page = await namespaces.namespaces(reader, main, **WHERE, limit=limit, offset=offset)
    assert (page.count, len(json.loads(page.items))) == (6, length)
