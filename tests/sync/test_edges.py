"""Edges that went wrong once: of whole servers, of several sources, of what is said beside the content."""

import json
from pathlib import Path
from typing import Any

import pytest

from collectionsync.report import Result
from commandline import Commands
from serving import Serve, fetched
from syncing import manifest, published, rows, source, sync
from testgalaxy import PNG, Catalog, Fault, kind, small_catalog
from testgalaxy.contentfaults import afterwards, edit_json
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("what", ["excluded", "excluded by the source", "without versions", "gone meanwhile"])
async def test_everything_by_pages_misses_nothing_that_is_not_wanted(serve: Serve, database: str, what: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"], "acme.more": ["1.0.0"]}))
    spec: dict[str, Any] = {"all": True, "latest": 5, "onError": "Fail"}
    if what == "excluded":
        spec["exclude"] = [{"name": "acme.more"}]
    elif what == "excluded by the source":
        galaxy.catalog.exclude("acme.more")
    elif what == "without versions":
        galaxy.catalog.remove("acme", "more", "1.0.0")
    else:
        gone = afterwards(lambda: galaxy.catalog.remove("acme", "more"))
        galaxy.faults.add(Fault(kind("collections"), gone, times=1))
    ended = await sync(manifest(galaxy.url, **spec), database)
    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    assert await published(database) == ["acme.tools 1.0.0"]


async def test_a_plan_under_on_error_fail_tells_what_cannot_be_had(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    file = commands.write(manifest(galaxy.url, "acme.tools", "acme.missing", onError="Fail"))
    ended = await commands.start("plan", file, "--database", database).ended()
    assert "a bug in collectionsync" not in ended.err
    assert "acme.missing" in ended.out + ended.err
    assert ended.code in (0, 65)


async def test_a_further_source_that_is_down_costs_its_dependencies_only(serve: Serve, database: str) -> None:
    dependencies = {f"acme.lib{number}": "*" for number in range(8)}
    public = await serve(small_catalog({"acme.app": ["1.0.0"]}, dependencies={"acme.app": dependencies}))
    hub = await serve(small_catalog({name: ["1.0.0"] for name in dependencies}))
    hub.faults.add(Fault("", status(503)))
    ended = await sync(manifest(public.url, "acme.app", sources=[source(hub.url, name="hub")]), database)
    assert (ended.result, len(ended.skipped)) == (Result.PARTIAL, 8)
    assert await published(database) == ["acme.app 1.0.0"]


async def test_a_source_that_is_mirrored_whole_and_in_part_is_not_read_again_for_each(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0"], "acme.other": ["1.0.0"]}))
    whole, part = manifest(galaxy.url, all=True), manifest(galaxy.url, "acme.tools")
    part["metadata"]["name"] = "part"
    await sync(whole, database)
    await sync(part, database)
    galaxy.catalog.deprecate("acme", "other")
    galaxy.requests.clear()
    await sync(whole, database)
    await sync(part, database)
    assert not fetched(galaxy)


async def test_what_the_source_excludes_by_now_goes_although_it_is_otherwise_unchanged(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "2.0.0"]}))
    document = manifest(galaxy.url, all=True, mirror=True)
    await sync(document, database)
    galaxy.catalog.exclude("acme.tools", ">=2.0.0")
    await sync(document, database)
    assert await published(database) == ["acme.tools 1.0.0"]


async def test_an_element_of_everything_that_is_odd_costs_itself_only(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0"], "acme.more": ["1.0.0"]}))

    def edit(items: Any, _: object) -> None:
        items[0]["version"] = 5

    galaxy.faults.add(Fault(kind("all-versions"), edit_json(edit)))
    ended = await sync(manifest(galaxy.url, all=True), database)
    assert ended.result is not Result.FAILED


async def test_a_picture_that_never_comes_is_no_change(serve: Serve, database: str) -> None:
    catalog: Catalog = small_catalog({"acme.tools": ["1.0.0"]})
    catalog.describe("acme", company="ACME", avatar=PNG)
    galaxy = await serve(catalog)
    galaxy.faults.add(Fault(kind("avatar"), status(404)))
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    assert (await sync(document, database)).result is Result.NO_CHANGE


@pytest.mark.parametrize("second", [{"version": "==1.0.0"}, {"version": "1.0.0", "source": "hub"}])
async def test_signatures_of_two_requirements_on_one_version_are_all_kept(
    serve: Serve, database: str, tmp_path: Path, second: dict[str, str]
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}), tls=True)
    hub = await serve(galaxy.catalog, tls=True)
    (tmp_path / "ca").mkdir()
    (tmp_path / "ca" / "ca.crt").write_bytes(galaxy.ca_pem + hub.ca_pem)
    text = "-----BEGIN PGP SIGNATURE-----\n\n{}=\n-----END PGP SIGNATURE-----\n"
    urls = [galaxy.put_file(f"{name}.asc", text.format(name).encode()) for name in ("one", "two")]
    entries = [
        {"name": "acme.tools", "version": "1.0.0", "signatures": urls[:1]},
        {"name": "acme.tools", **second, "signatures": urls[1:]},
    ]
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "requirements.yml").write_text(json.dumps({"collections": entries}))
    trusted = {"certSecretRef": {"name": "ca"}}
    document = manifest(
        galaxy.url,
        source=trusted,
        sources=[{"url": hub.url, "name": "hub", **trusted}],
        requirementsFrom={"configMapKeyRef": {"name": "wanted"}},
    )
    await sync(document, database, secrets=tmp_path, config_maps=tmp_path)
    assert len(await rows(database, "SELECT FROM repository_signature")) == 2
    assert (await sync(document, database, secrets=tmp_path, config_maps=tmp_path)).result is Result.NO_CHANGE


async def test_an_artifact_that_never_came_is_missing(
    commands: Commands, serve: Serve, database: str, tmp_path: Path
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    await sync(manifest(galaxy.url, "acme.tools"), database)
    file = commands.write(manifest(galaxy.url, "acme.tools", contentPolicy="Full"))
    options = ("--database", database, "--artifacts", (tmp_path / "artifacts").as_uri())
    ended = await commands.start("verify", file, *options).ended()
    assert "acme.tools 1.0.0 artifact" in ended.out
    assert ended.code == 65


async def test_a_server_that_only_a_requirement_names_and_wants_credentials_is_told_of_with_what_to_do(
    commands: Commands, serve: Serve, database: str
) -> None:
    public = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    private = await serve(small_catalog({"acme.more": ["1.0.0"]}), tls=True, token="secret")
    authority = commands.folder / "authority.pem"
    authority.write_bytes(private.ca_pem)
    asked = [{"name": "acme.tools"}, {"name": "acme.more", "source": private.url}]
    document = manifest(public.url, collections=asked)
    ended = await commands.sync(document, database=database, environment={"SSL_CERT_FILE": authority})
    assert "spec.collections (acme.more).secretRef" not in ended.err
    assert "spec.sources" in ended.err


async def test_what_is_excluded_is_counted_as_left_out(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "2.0.0"]}))
    document = manifest(galaxy.url, "acme.tools", exclude=[{"name": "acme.tools", "version": ">=2"}])
    assert (await sync(document, database)).report.versions.excluded == 1


async def test_a_dependency_is_met_by_whichever_source_has_a_version_of_its_range(serve: Serve, database: str) -> None:
    public = await serve(
        small_catalog({"acme.app": ["1.0.0"], "acme.lib": ["1.0.0"]}, dependencies={"acme.app": {"acme.lib": ">=2"}})
    )
    hub = await serve(small_catalog({"acme.lib": ["2.0.0"]}))
    ended = await sync(manifest(public.url, "acme.app", sources=[source(hub.url, name="hub")]), database)
    assert ended.skipped == {}
    assert "acme.lib 2.0.0" in await published(database)
