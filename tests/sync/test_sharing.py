"""Several runs, repositories and sources over one store: content is shared, membership is not."""

import asyncio
from dataclasses import replace

import pytest

from collectionsync.report import Result
from commandline import Commands
from serving import Serve, fetched, hold_after
from syncing import (
    manifest,
    names,
    published,
    rows,
    running,
    served_documents,
    stored_documents,
    stored_versions,
    sync,
    until,
    value,
    wrong_digests,
)
from testgalaxy import Catalog, small_catalog, small_version

pytestmark = pytest.mark.slow

MANY = 160


def tools(count: int = 4) -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(count)]})


async def test_two_runs_of_the_same_content_at_once_both_succeed_and_share_the_work(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools(MANY))
    one = manifest(galaxy.url, "acme.tools", target={"repository": "one"})
    two = manifest(galaxy.url, "acme.tools", target={"repository": "two"})
    both = await asyncio.gather(*(commands.start_sync(each, database=database).ended() for each in (one, two)))
    assert [ended.code for ended in both] == [0, 0], [ended.err for ended in both]
    for repository in ("one", "two"):
        assert await published(database, repository=repository) == names(galaxy.catalog)
    # One run alone asks for a detail and for docs of each version, and for little else.
    assert len(galaxy.requests) < 1.5 * 2 * MANY


async def test_two_runs_of_the_same_repository_at_once_leave_no_duplicate_and_every_byte_right(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools(40))
    document = manifest(galaxy.url, "acme.tools")
    both = await asyncio.gather(*(commands.start_sync(document, database=database).ended() for _ in range(2)))
    assert [ended.code for ended in both] == [0, 0], [ended.err for ended in both]
    assert await stored_versions(database) == 40
    assert await published(database) == names(galaxy.catalog)
    assert await stored_documents(database) == served_documents(galaxy.catalog)
    assert await wrong_digests(database) == 0


async def test_four_runs_of_the_same_content_at_once_meet_no_deadlock(serve: Serve, database: str) -> None:
    galaxy = await serve(tools(30))
    documents = [manifest(galaxy.url, "acme.tools", target={"repository": name}) for name in ("a", "b", "c", "d")]
    ended = await asyncio.gather(*(sync(document, database) for document in documents))
    assert {each.result for each in ended} == {Result.SUCCEEDED}
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await value(database, deadlocks) == 0
    assert await stored_documents(database) == served_documents(galaxy.catalog)


async def test_two_resources_that_mirror_into_one_repository_at_once_keep_each_what_it_wants(
    serve: Serve, database: str
) -> None:
    galaxies = [
        await serve(small_catalog({name: ["1.0.0", "1.1.0", "1.2.0"], "acme.both": ["1.0.0"]}))
        for name in ("acme.one", "acme.two")
    ]
    documents = [manifest(galaxy.url, all=True, mirror=True) for galaxy in galaxies]
    for name, document in zip(("one", "two"), documents, strict=True):
        document["metadata"]["name"] = name

    async def together() -> list[Result]:
        held = [hold_after(galaxy, 1) for galaxy in galaxies]
        async with running(documents[0], database) as one, running(documents[1], database) as two:
            await until(lambda: one.done() or two.done() or all(each.fault.hits for each in held), "the midst of both")
            for each in held:
                each.release()
            return [ended.result for ended in await asyncio.gather(one, two)]

    assert await together() == [Result.SUCCEEDED, Result.SUCCEEDED]
    assert await published(database) == sorted({name for galaxy in galaxies for name in names(galaxy.catalog)})
    for galaxy, gone in zip(galaxies, ("one", "two"), strict=True):
        galaxy.catalog.remove("acme", gone, "1.0.0")
        for minor in range(3):
            galaxy.catalog.add(small_version(f"acme.{gone}", f"2.{minor}.0"))
    galaxies[0].catalog.remove("acme", "both")
    assert await together() == [Result.SUCCEEDED, Result.SUCCEEDED]
    assert await published(database) == sorted({name for galaxy in galaxies for name in names(galaxy.catalog)})


async def test_a_second_repository_of_the_same_content_fetches_none_of_it(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools", target={"repository": "one"}), database)
    galaxy.requests.clear()
    ended = await sync(manifest(galaxy.url, "acme.tools", target={"repository": "two"}), database)
    assert ended.result is Result.SUCCEEDED
    assert not fetched(galaxy)
    assert await published(database, repository="two") == names(galaxy.catalog)


async def test_repositories_of_one_namespace_have_members_of_their_own(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools:1.0.0", target={"repository": "one"}), database)
    await sync(manifest(galaxy.url, "acme.tools:>=1.2.0", target={"repository": "two"}), database)
    assert await published(database, repository="one") == ["acme.tools 1.0.0"]
    assert await published(database, repository="two") == ["acme.tools 1.2.0", "acme.tools 1.3.0"]


async def test_repositories_of_the_same_name_in_two_namespaces_are_two(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    await sync(manifest(galaxy.url, "acme.tools:1.0.0", namespace="team-a"), database)
    await sync(manifest(galaxy.url, "acme.tools:1.1.0", namespace="team-b"), database)
    assert await published(database, namespace="team-a") == ["acme.tools 1.0.0"]
    assert await published(database, namespace="team-b") == ["acme.tools 1.1.0"]


async def test_content_that_two_namespaces_have_is_stored_once(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    for namespace in ("team-a", "team-b"):
        await sync(manifest(galaxy.url, "acme.tools", namespace=namespace), database)
    assert await stored_versions(database) == 4
    assert await value(database, "SELECT count(*) FROM collection_document") == 16


async def test_content_that_two_sources_have_is_stored_once(serve: Serve, database: str) -> None:
    catalog = tools()
    one, two = await serve(catalog), await serve(catalog)
    await sync(manifest(one.url, "acme.tools", target={"repository": "one"}), database)
    ended = await sync(manifest(two.url, "acme.tools", target={"repository": "two"}), database)
    assert ended.result is Result.SUCCEEDED
    assert await stored_versions(database) == 4
    assert await published(database, repository="two") == names(catalog)


def disagreeing() -> tuple[Catalog, Catalog]:
    """Two catalogs with the same version and two artifacts of it."""
    return tuple(Catalog([small_version("acme.tools", "1.0.0", tags=[tag])]) for tag in ("one", "two"))  # type: ignore[return-value]


async def digests(database: str, repository: str = "default") -> list[str]:
    found = await rows(database, "SELECT sha256 FROM repository_current WHERE repository = $1", repository)
    return [sha256 for (sha256,) in found]


async def test_sources_that_disagree_on_a_version_are_both_kept(serve: Serve, database: str) -> None:
    catalogs = disagreeing()
    for catalog, repository in zip(catalogs, ("one", "two"), strict=True):
        galaxy = await serve(catalog)
        await sync(manifest(galaxy.url, "acme.tools", target={"repository": repository}), database)
    (first,), (second,) = catalogs
    assert first.sha256 != second.sha256
    assert await digests(database, "one") == [first.sha256]
    assert await digests(database, "two") == [second.sha256]


async def test_a_version_with_another_digest_from_another_source_takes_the_place_of_the_first(
    serve: Serve, database: str
) -> None:
    catalogs = disagreeing()
    for catalog in catalogs:
        galaxy = await serve(catalog)
        ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    (_,), (second,) = catalogs
    assert ended.result is Result.SUCCEEDED
    assert ended.report.versions.removed == 1
    assert await digests(database) == [second.sha256]


async def test_docs_that_one_source_lacks_come_from_another(serve: Serve, database: str) -> None:
    whole = tools(1)
    (version,) = whole
    poor, rich = await serve(Catalog([replace(version, docs=None)])), await serve(whole)
    await sync(manifest(poor.url, "acme.tools"), database)
    ended = await sync(manifest(rich.url, "acme.tools"), database)
    assert (ended.result, ended.report.documents.created) == (Result.SUCCEEDED, 1)
    assert await stored_documents(database) == served_documents(whole)
