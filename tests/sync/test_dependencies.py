"""What collections depend on is mirrored with them, as far as it goes."""

import pytest

from collectionsync.report import Result
from serving import Serve, fetched
from syncing import manifest, names, published, rows, sync
from testgalaxy import Catalog, small_catalog

pytestmark = pytest.mark.slow


def chain() -> Catalog:
    """acme.app needs acme.web, which needs acme.net; acme.other is nobody's."""
    return small_catalog(
        {name: ["1.0.0", "1.1.0"] for name in ("acme.app", "acme.web", "acme.net", "acme.other")},
        dependencies={"acme.app": {"acme.web": "*"}, "acme.web": {"acme.net": ">=1.1.0"}},
    )


async def test_dependencies_come_with_what_needs_them(serve: Serve, database: str) -> None:
    galaxy = await serve(chain())
    ended = await sync(manifest(galaxy.url, "acme.web"), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.net 1.1.0", "acme.web 1.0.0", "acme.web 1.1.0"]


async def test_dependencies_of_dependencies_come_as_well(serve: Serve, database: str) -> None:
    galaxy = await serve(chain())
    await sync(manifest(galaxy.url, "acme.app:1.0.0"), database)
    assert await published(database) == ["acme.app 1.0.0", "acme.net 1.1.0", "acme.web 1.0.0", "acme.web 1.1.0"]


async def test_dependencies_that_go_in_a_circle_end(serve: Serve, database: str) -> None:
    circle = {"acme.a": {"acme.b": "*"}, "acme.b": {"acme.c": "*"}, "acme.c": {"acme.a": "*"}}
    galaxy = await serve(small_catalog({name: ["1.0.0", "2.0.0"] for name in circle}, dependencies=circle))
    ended = await sync(manifest(galaxy.url, "acme.a:1.0.0"), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == names(galaxy.catalog)


async def test_a_later_dependency_adds_versions_of_a_collection_that_came_before(serve: Serve, database: str) -> None:
    galaxy = await serve(
        small_catalog(
            {"acme.app": ["1.0.0"], "acme.web": ["1.0.0"], "acme.net": ["1.0.0", "2.0.0", "3.0.0"]},
            dependencies={"acme.app": {"acme.web": "*"}, "acme.web": {"acme.net": "<2"}},
        )
    )
    await sync(manifest(galaxy.url, "acme.app", "acme.net:>=3"), database)
    assert await published(database) == ["acme.app 1.0.0", "acme.net 1.0.0", "acme.net 3.0.0", "acme.web 1.0.0"]


async def test_a_dependency_on_what_came_before_fetches_nothing_twice(serve: Serve, database: str) -> None:
    galaxy = await serve(chain())
    await sync(manifest(galaxy.url, "acme.app", "acme.web", "acme.net"), database)
    details = [request.path for request in galaxy.requests.of("detail")]
    assert len(details) == len(set(details)) == 6


async def test_many_versions_with_the_same_dependency_have_it_looked_up_once(serve: Serve, database: str) -> None:
    versions = [f"1.{minor}.0" for minor in range(20)]
    galaxy = await serve(
        small_catalog({"acme.app": versions, "acme.net": ["1.0.0"]}, dependencies={"acme.app": {"acme.net": "*"}})
    )
    await sync(manifest(galaxy.url, "acme.app"), database)
    assert len([path for path in galaxy.requests.per_path if "/acme/net/versions/?" in path]) == 1


async def test_without_dependencies_only_what_is_named_comes(serve: Serve, database: str) -> None:
    galaxy = await serve(chain())
    ended = await sync(manifest(galaxy.url, "acme.app", dependencies=False), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.app 1.0.0", "acme.app 1.1.0"]
    assert {name.split()[0] for name in fetched(galaxy)} == {"acme.app"}


async def test_a_dependency_that_the_source_lacks_is_skipped_and_the_rest_is_published(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(small_catalog({"acme.app": ["1.0.0"]}, dependencies={"acme.app": {"acme.gone": ">=2"}}))
    ended = await sync(manifest(galaxy.url, "acme.app"), database)
    assert ended.result is Result.PARTIAL
    assert ended.skipped == {"acme.gone >=2": "NotFound"}
    assert await published(database) == ["acme.app 1.0.0"]


@pytest.mark.parametrize(
    ("dependency", "reason"),
    [
        ({"acme.gone": "*"}, "NotFound"),
        ({"acme.net": ">=9"}, "NoMatchingVersion"),
        ({"acme.net": "new"}, "InvalidRange"),
    ],
    ids=["no such collection", "no such version", "no range"],
)
async def test_a_dependency_that_cannot_be_had_is_told_with_who_requires_it(
    serve: Serve, database: str, dependency: dict[str, str], reason: str
) -> None:
    catalog = small_catalog({"acme.app": ["1.0.0"], "acme.net": ["1.0.0"]}, dependencies={"acme.app": dependency})
    galaxy = await serve(catalog)
    ended = await sync(manifest(galaxy.url, "acme.app"), database)
    assert list(ended.skipped.values()) == [reason]
    ((message,),) = await rows(database, "SELECT message FROM sync_requirement WHERE state = 'Failed'")
    assert "acme.app 1.0.0" in message


@pytest.mark.parametrize("name", ["../../etc", "acme.net.more", "acme/net", "", "acme.né", "a" * 200 + ".b", "a.b?x=1"])
async def test_a_dependency_with_a_name_that_is_none_never_reaches_a_url(
    serve: Serve, database: str, name: str
) -> None:
    galaxy = await serve(small_catalog({"acme.app": ["1.0.0"]}, dependencies={"acme.app": {name: "*"}}))
    ended = await sync(manifest(galaxy.url, "acme.app"), database)
    assert list(ended.skipped.values()) == ["InvalidName"]
    asked = {request.path for request in galaxy.requests if "acme/app" not in request.path}
    assert asked == {f"{galaxy.layout.api}/", f"{galaxy.layout.api}/v3/excludes/"}
    assert await published(database) == ["acme.app 1.0.0"]
