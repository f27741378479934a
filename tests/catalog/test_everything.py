"""All collections and all versions, batch by batch, each batch in a transaction of its own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from catalog.content import BASE, WHERE, Stored, filled_database, published_by, repository, stored, whole
from collectionsync.store.catalog import details, everything, lists
from collectionsync.store.catalog.everything import BATCH_BYTES
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection, Database

pytestmark = pytest.mark.slow

LARGE = b'{"tags":[],"dependencies":{},"authors":["%s"]}' % (b"x" * (BATCH_BYTES // 2))
HUGE = b'{"authors":["%s"]}' % (b"x" * BATCH_BYTES)
METADATA = rb'{"tags":["a"] , "dependencies":{}, "authors":["\u0000"]}'
CONTENT: list[Stored] = [
    *(stored("acme", f"c{n}", f"1.{m}.0", metadata=METADATA) for n in range(5) for m in range(3)),
    stored("bare", "one"),
    stored("huge", "one", "1.0.0", metadata=HUGE),
    *(stored("large", "one", f"1.{m}.0", metadata=LARGE, files=b"[]") for m in range(3)),
]


async def fill(store: Database) -> None:
    await published_by(store, *CONTENT, stored("gone", "one"))
    await published_by(store, *CONTENT, mirror=True, asked="without it")
    await published_by(store, stored("acme", "c1", "9.0.0"), repository="another")


@pytest.fixture(scope="module")
def filled(postgres_uri: str) -> Iterator[str]:
    with filled_database(postgres_uri, fill) as uri:
        yield uri


@pytest.fixture
async def main(reader: Connection) -> Repository:
    return await repository(reader)


async def batches_of_versions(reader: Connection, of: Repository, limit: int) -> list[list[bytes]]:
    batches: list[list[bytes]] = []
    after = None
    while True:
        elements, after = await everything.versions_after(reader, of, **WHERE, after=after, limit=limit)
        if after is None:
            assert not elements
            return batches
        batches.append(elements)


async def batches_of_collections(reader: Connection, of: Repository, limit: int) -> list[list[bytes]]:
    batches: list[list[bytes]] = []
    after = None
    while True:
        elements, after = await everything.collections_after(reader, of, base=BASE, after=after, limit=limit)
        if after is None:
            assert not elements
            return batches
        batches.append(elements)


def key(element: dict[str, Any]) -> tuple[str, ...]:
    return element["namespace"]["name"], element["name"], element["version"]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_collections_are_those_of_the_list(reader: Connection, main: Repository, limit: int) -> None:
    batches = await batches_of_collections(reader, main, limit)
    listed = await lists.collections(reader, main, base=BASE, limit=100, offset=0)
    assert [json.loads(element) for batch in batches for element in batch] == json.loads(listed.items)
    assert all(len(batch) == limit for batch in batches[:-1])


@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_versions_are_all_that_the_repository_has_once_each(
    reader: Connection, main: Repository, limit: int
) -> None:
    found = [key(json.loads(each)) for batch in await batches_of_versions(reader, main, limit) for each in batch]
    assert sorted(found) == sorted((it.namespace, it.name, it.version) for it in (each.version for each in CONTENT))


@pytest.mark.parametrize("what", CONTENT[13:17], ids=["one", "another", "without metadata", "of a batch of its own"])
async def test_a_version_is_as_its_detail_has_it_without_the_manifest_and_the_files(
    reader: Connection, main: Repository, what: Stored
) -> None:
    version = what.version
    where = {"namespace": version.namespace, "name": version.name, "version": version.version}
    detail = whole(await details.detail(reader, main, **WHERE, **where, inline_bytes=10 * BATCH_BYTES))
    [element] = [
        element
        for batch in await batches_of_versions(reader, main, 100)
        for element in batch
        if key(json.loads(element)) == tuple(where.values())
    ]
    assert detail == element[:-1] + b', "manifest": {}, "files": {}}'


async def test_a_batch_is_bounded_in_bytes_and_has_at_least_one_version(reader: Connection, main: Repository) -> None:
    batches = await batches_of_versions(reader, main, 100)
    assert [len(batch) for batch in batches] == [16, 1, 1, 1, 1]
    assert max(len(element) for batch in batches for element in batch) > BATCH_BYTES


async def test_another_repository_has_its_own(reader: Connection) -> None:
    another = await repository(reader, name="another")
    assert [[key(json.loads(each)) for each in batch] for batch in await batches_of_versions(reader, another, 9)] == [
        [("acme", "c1", "9.0.0")]
    ]
    assert [len(batch) for batch in await batches_of_collections(reader, another, 9)] == [1]
