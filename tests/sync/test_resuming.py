"""A run that was cut off ends as one that was not, whatever it was asked for and whatever has changed meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from collectionsync.artifacts.store import ArtifactStore
from collectionsync.report import Result
from serving import Serve, fetched, hold_after
from syncing import Manifest, manifest, names, published, rows, running, source, stored_names, sync, until, value
from testgalaxy import Catalog, TestGalaxy, small_catalog, small_version

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore.open((tmp_path / "artifacts").as_uri(), {})


def signed(catalog: Catalog) -> Catalog:
    """Sign what is not signed yet."""
    for version in list(catalog):
        if not version.signatures:
            catalog.sign(version.namespace, version.name, version.version)
    return catalog


async def cut_off(galaxy: TestGalaxy, count: int, document: Manifest, database: str, **found: Any) -> None:
    """Begin a run, and end it as a killed pod does when `count` more versions of this galaxy are stored."""

    async def stored() -> int:
        # Those that are left out for want of a signature are stored, too, and have no docs.
        return int(await value(database, "SELECT count(*) FROM collection_document WHERE kind = 'docs_blob'"))

    async def reached() -> bool:
        assert not run.done(), run.result()
        return held.fault.hits > 0 and await stored() >= before + count

    async def nobody_works() -> bool:
        return not await value(database, _WORKERS)

    migrated = not await value(database, "SELECT to_regclass('collection_document') IS NULL")
    before = await stored() if migrated else 0
    held = hold_after(galaxy, count)
    async with running(document, database, **found) as run:
        await until(reached, f"the storing of {count} versions")
    held.release()
    await until(nobody_works, "the end of the sessions of the run")


_WORKERS = """
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_a_mirror_of_everything_removes_and_leaves_out_exactly_what_it_should(
    serve: Serve, database: str, store: ArtifactStore
) -> None:
    catalog = signed(small_catalog({"acme.app": ["1.0.0", "1.1.0"], "acme.old": ["1.0.0"], "acme.lib": ["1.0.0"]}))
    galaxy = await serve(catalog)
    document = manifest(
        galaxy.url, all=True, mirror=True, signedOnly=True, contentPolicy="Full", verify="Members", maxSkipped=0
    )
    await sync(document, database, artifacts=store)
    for minor in range(6):
        catalog.add(small_version("acme.app", f"2.{minor}.0"))
    signed(catalog)
    catalog.add(small_version("acme.app", "2.9.0"))
    catalog.remove("acme", "old")

    await cut_off(galaxy, 3, document, database, artifacts=store)
    stored = await stored_names(database)
    late = next(each for each in names(catalog) if each.startswith("acme.app 2.") and each in stored)
    for name in (late, "acme.app 1.0.0"):
        catalog.remove("acme", "app", name.split()[1])
    galaxy.requests.clear()
    ended = await sync(document, database, artifacts=store)

    assert (ended.result, ended.report.versions.removed, ended.report.versions.excluded) == (Result.SUCCEEDED, 2, 1)
    assert await value(database, "SELECT count(*) FROM sync_run") == 2, "it was not the same run"
    assert fetched(galaxy) == set(names(catalog)) - stored
    assert await published(database) == [name for name in names(catalog) if name != "acme.app 2.9.0"]


async def test_several_sources_and_their_dependencies_come_together_as_in_one_go(
    serve: Serve, database: str, store: ArtifactStore
) -> None:
    public = await serve(
        small_catalog(
            {"acme.app": ["1.0.0", "1.1.0", "1.2.0"], "acme.both": ["1.0.0"]},
            dependencies={"acme.app": {"acme.lib": ">=2", "acme.both": "*"}},
        )
    )
    hub = await serve(
        small_catalog({"acme.more": [f"1.{minor}.0" for minor in range(6)], "acme.lib": ["1.0.0", "2.0.0"]})
    )
    asked = [{"name": "acme.app", "latest": 2}, {"name": "acme.more", "source": "hub"}]

    def into(repository: str) -> Manifest:
        return manifest(
            public.url,
            sources=[source(hub.url, name="hub")],
            collections=asked,
            exclude=[{"name": "acme.more", "version": "1.5.0"}],
            contentPolicy="Full",
            target={"repository": repository},
        )

    await cut_off(hub, 2, into("cut_off"), database, artifacts=store)
    ended = await sync(into("cut_off"), database, artifacts=store)
    in_one_go = await sync(into("in_one_go"), database, artifacts=store)

    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    assert ended.report.revision == in_one_go.report.revision
    assert await published(database, repository="cut_off") == [
        *("acme.app 1.1.0", "acme.app 1.2.0", "acme.both 1.0.0", "acme.lib 2.0.0"),
        *(f"acme.more 1.{minor}.0" for minor in range(5)),
    ]


async def test_what_the_source_replaced_meanwhile_is_published_in_its_new_form(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(6)]}))
    document = manifest(galaxy.url, "acme.tools")
    await cut_off(galaxy, 3, document, database)
    stored = min(await stored_names(database)).split()[1]
    replaced = galaxy.catalog.add(small_version("acme.tools", stored, tags=["another"]))
    await sync(document, database)
    assert await published(database) == names(galaxy.catalog)
    current = await rows(database, "SELECT sha256 FROM repository_current WHERE version = $1", stored)
    assert current == [(replaced.sha256,)]
