"""Second thoughts: what is counted, judged and deprecated goes by what was asked for, and by whom."""

from pathlib import Path

import pytest

from collectionsync.artifacts.store import ArtifactStore
from commandline import Commands
from serving import Serve
from syncing import manifest, rows, source, sync
from testgalaxy import Fault, small_catalog
from testgalaxy.contentfaults import wrong_count

pytestmark = pytest.mark.slow


async def test_what_another_resource_mirrors_without_artifacts_is_not_damaged(
    commands: Commands, serve: Serve, database: str, tmp_path: Path
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"], "acme.more": ["1.0.0"]}))
    store = ArtifactStore.open((tmp_path / "artifacts").as_uri(), {})
    full = manifest(galaxy.url, "acme.tools", contentPolicy="Full")
    other = manifest(galaxy.url, "acme.more")
    other["metadata"]["name"] = "other"
    await sync(full, database, artifacts=store)
    await sync(other, database)
    options = ("--database", database, "--artifacts", store.url)
    ended = await commands.start("verify", commands.write(full), *options).ended()
    assert ended.code == 0


async def test_only_what_was_asked_for_is_counted_as_left_out(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0", "2.0.0"]}))
    document = manifest(galaxy.url, "acme.tools:>=2", exclude=[{"name": "acme.tools", "version": "<2"}])
    assert (await sync(document, database)).report.versions.excluded == 0


async def test_what_is_left_out_is_counted_once(serve: Serve, database: str) -> None:
    galaxy = await serve(
        small_catalog(
            {"acme.app": ["1.0.0"], "acme.lib": ["1.0.0", "2.0.0"]}, dependencies={"acme.app": {"acme.lib": ">=1"}}
        )
    )
    document = manifest(galaxy.url, "acme.app", "acme.lib", exclude=[{"name": "acme.lib", "version": ">=2"}])
    assert (await sync(document, database)).report.versions.excluded == 1


async def test_a_source_that_has_no_version_of_the_range_does_not_deprecate(serve: Serve, database: str) -> None:

    public = await serve(
        small_catalog({"acme.app": ["1.0.0"], "acme.lib": ["1.0.0"]}, dependencies={"acme.app": {"acme.lib": ">=2"}})
    )
    public.catalog.deprecate("acme", "lib")
    hub = await serve(small_catalog({"acme.lib": ["2.0.0"]}))
    await sync(manifest(public.url, "acme.app", sources=[source(hub.url, name="hub")]), database)
    assert await rows(database, "SELECT name FROM repository_deprecation") == []


async def test_a_list_that_was_not_whole_is_told_where_nothing_in_it_matches(serve: Serve, database: str) -> None:
    public = await serve(
        small_catalog({"acme.app": ["1.0.0"], "acme.lib": ["1.0.0"]}, dependencies={"acme.app": {"acme.lib": ">=2"}})
    )
    public.faults.add(Fault("acme/lib/versions/?", wrong_count(3)))
    hub = await serve(small_catalog({"acme.other": ["2.0.0"]}))
    ended = await sync(manifest(public.url, "acme.app", mirror=True, sources=[source(hub.url, name="hub")]), database)
    assert ended.skipped == {"acme.lib >=2": "IncompleteListing"}
