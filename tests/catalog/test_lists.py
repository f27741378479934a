"""Lists of collections and of their versions, as clients are sent them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from catalog.content import BASE, filled_database, published_by, repository, stored
from collectionsync.store.catalog import lists
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection, Database

pytestmark = pytest.mark.slow

MANY = [stored("many", f"c{n:02}") for n in range(25)]
CONTENT = [
    stored("acme", "alpha", "1.2.0", marks=["certified", 'odd "mark"']),
    stored("acme", "alpha", "1.10.0", requires_ansible=None),
    stored("acme", "alpha", "2.0.0-rc.10"),
    stored("acme", "alpha", "2.0.0-rc.9", requires_ansible='>=2.9,"\\\n<3'),
    stored("acme", "built", "1.0.0+build.5"),
    stored("acme", "early", "0.1.0-rc.2"),
    stored("acme", "early", "0.1.0-rc.10"),
    stored("index", "versions"),
    stored("all", "v3"),
    *MANY,
]
GONE, LATER = stored("acme", "gone"), stored("acme", "alpha", "3.0.0")


async def fill(store: Database) -> None:
    await published_by(store, *CONTENT, deprecated={"acme.early": True, "acme.alpha": False})
    await published_by(store, GONE, mirror=True, owner="brief")
    await published_by(store, mirror=True, owner="brief", asked="nothing")
    await published_by(store, LATER, repository="another")


@pytest.fixture(scope="module")
def filled(postgres_uri: str) -> Iterator[str]:
    with filled_database(postgres_uri, fill) as uri:
        yield uri


@pytest.fixture
async def main(reader: Connection) -> Repository:
    return await repository(reader)


async def collections(
    reader: Connection, of: Repository, *, limit: int = 100, offset: int = 0, **filters: Any
) -> tuple[int, list[dict[str, Any]]]:
    page = await lists.collections(reader, of, base=BASE, limit=limit, offset=offset, **filters)
    return page.count, json.loads(page.items)


async def versions(
    reader: Connection, of: Repository, name: str = "alpha", *, limit: int = 100, offset: int = 0
) -> tuple[int, list[dict[str, Any]]]:
    page = await lists.versions(reader, of, base=BASE, namespace="acme", name=name, limit=limit, offset=offset)
    assert page is not None
    return page.count, json.loads(page.items)


def names(items: list[dict[str, Any]]) -> list[str]:
    return [f"{item['namespace']}.{item['name']}" for item in items]


async def created_at(reader: Connection, number: int) -> str:
    return str(
        await reader.fetchval(
            "SELECT utc_text(created_at) FROM repository_version JOIN repository r ON r.id = repository_id"
            " WHERE r.name = 'main' AND number = $1",
            number,
        )
    )


async def test_a_collection_has_the_members_that_clients_read(reader: Connection, main: Repository) -> None:
    body = await lists.collection(reader, main, base=BASE, namespace="acme", name="alpha")
    assert body is not None
    here = f"{BASE}/v3/collections/acme/alpha/"
    assert json.loads(body) == {
        "href": here,
        "namespace": "acme",
        "name": "alpha",
        "deprecated": False,
        "versions_url": f"{here}versions/",
        "highest_version": {"href": f"{here}versions/1.10.0/", "version": "1.10.0"},
        "created_at": await created_at(reader, 1),
        "updated_at": await created_at(reader, 1),
        "download_count": 0,
    }


async def test_times_are_utc_whatever_the_session_s_time_zone_is(reader: Connection, main: Repository) -> None:
    body = await lists.collection(reader, main, base=BASE, namespace="acme", name="alpha")
    await reader.execute("SET TimeZone = 'Asia/Kathmandu'")
    assert await lists.collection(reader, main, base=BASE, namespace="acme", name="alpha") == body


async def test_only_prereleases_have_a_highest_version_too(reader: Connection, main: Repository) -> None:
    body = await lists.collection(reader, main, base=BASE, namespace="acme", name="early")
    assert json.loads(body or b"")["highest_version"]["version"] == "0.1.0-rc.10"


async def test_a_plus_stays_as_it_is_in_a_path(reader: Connection, main: Repository) -> None:
    body = await lists.collection(reader, main, base=BASE, namespace="acme", name="built")
    href = json.loads(body or b"")["highest_version"]["href"]
    assert href == f"{BASE}/v3/collections/acme/built/versions/1.0.0+build.5/"


async def test_collections_come_in_order_of_their_names_each_as_it_is_alone(
    reader: Connection, main: Repository
) -> None:
    count, items = await collections(reader, main)
    assert (count, names(items)) == (
        30,
        ["acme.alpha", "acme.built", "acme.early", "all.v3", "index.versions", *(f"many.c{n:02}" for n in range(25))],
    )
    for item in items:
        alone = await lists.collection(reader, main, base=BASE, namespace=item["namespace"], name=item["name"])
        assert json.loads(alone or b"") == item


async def test_pages_of_collections_are_all_of_them(reader: Connection, main: Repository) -> None:
    paged = []
    for offset in range(0, 40, 7):
        count, items = await collections(reader, main, limit=7, offset=offset)
        assert count == 30
        paged += items
    assert paged == (await collections(reader, main))[1]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"namespace": "acme"}, ["acme.alpha", "acme.built", "acme.early"]),
        ({"name": "v3"}, ["all.v3"]),
        ({"namespace": "acme", "name": "early"}, ["acme.early"]),
        ({"deprecated": True}, ["acme.early"]),
        ({"namespace": "acme", "deprecated": False}, ["acme.alpha", "acme.built"]),
        ({"namespace": "nobody"}, []),
        ({"namespace": "acme\0"}, []),
        ({"name": "\ud800"}, []),
        ({"name": "x" * 100_000}, []),
    ],
)
async def test_collections_are_filtered_and_counted(
    reader: Connection, main: Repository, filters: dict[str, Any], expected: list[str]
) -> None:
    count, items = await collections(reader, main, **filters)
    assert (count, names(items)) == (len(expected), expected)


@pytest.mark.parametrize(
    ("limit", "offset", "length"), [(0, 0, 0), (10**30, 0, 30), (5, 10**30, 0), (5, 30, 0), (-1, -5, 0), (5, -5, 5)]
)
async def test_a_page_that_nobody_has_is_empty_and_has_the_count(
    reader: Connection, main: Repository, limit: int, offset: int, length: int
) -> None:
    count, items = await collections(reader, main, limit=limit, offset=offset)
    assert (count, len(items)) == (30, length)
    count, items = await versions(reader, main, limit=limit, offset=offset)
    assert (count, len(items)) == (4, min(length, 4))


async def test_versions_come_newest_first(reader: Connection, main: Repository) -> None:
    count, items = await versions(reader, main)
    assert count == 4
    assert [item["version"] for item in items] == ["2.0.0-rc.10", "2.0.0-rc.9", "1.10.0", "1.2.0"]
    assert [(await versions(reader, main, limit=1, offset=at))[1] for at in range(4)] == [[item] for item in items]


async def test_a_version_has_the_members_that_clients_read(reader: Connection, main: Repository) -> None:
    newest, *_, oldest = (await versions(reader, main))[1]
    assert oldest == {
        "version": "1.2.0",
        "href": f"{BASE}/v3/collections/acme/alpha/versions/1.2.0/",
        "created_at": await created_at(reader, 1),
        "updated_at": await created_at(reader, 1),
        "requires_ansible": ">=2.15",
        "marks": ["certified", 'odd "mark"'],
    }
    assert newest["marks"] == []


async def test_what_a_version_requires_is_told_whatever_it_is(reader: Connection, main: Repository) -> None:
    items = (await versions(reader, main))[1]
    assert [item["requires_ansible"] for item in items] == [">=2.15", '>=2.9,"\\\n<3', None, ">=2.15"]


@pytest.mark.parametrize(
    ("namespace", "name"), [("acme", "gone"), ("acme", "nothing"), ("acme", "a\0"), ("\udfff", "alpha"), ("", "")]
)
async def test_a_collection_that_is_not_there_has_no_versions(
    reader: Connection, main: Repository, namespace: str, name: str
) -> None:
    assert await lists.collection(reader, main, base=BASE, namespace=namespace, name=name) is None
    of = {"namespace": namespace, "name": name}
    assert await lists.versions(reader, main, base=BASE, **of, limit=10, offset=0) is None


async def test_collections_of_any_name_are_there(reader: Connection, main: Repository) -> None:
    for namespace, name in (("index", "versions"), ("all", "v3")):
        assert await lists.collection(reader, main, base=BASE, namespace=namespace, name=name)


async def test_another_repository_has_its_own(reader: Connection) -> None:
    another = await repository(reader, name="another")
    assert names((await collections(reader, another))[1]) == ["acme.alpha"]
    assert [item["version"] for item in (await versions(reader, another))[1]] == ["3.0.0"]


async def test_the_database_makes_paths_of_any_name(reader: Connection) -> None:
    given = "a b/c?d#é😀%+~.-_"
    assert await reader.fetchval("SELECT url_segment($1)", given) == "a%20b%2Fc%3Fd%23%C3%A9%F0%9F%98%80%25+~.-_"
