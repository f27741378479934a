"""A requirements.yml in a ConfigMap says what is mirrored."""

from pathlib import Path
from typing import Any

import pytest

from collectionsync.report import ExitCode, Result
from serving import Serve
from syncing import manifest, published, rows, source, sync
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

FROM: dict[str, Any] = {"configMapKeyRef": {"name": "wanted"}}


def config_map(folder: Path, text: str, *, key: str = "requirements.yml") -> Path:
    (folder / "wanted").mkdir()
    (folder / "wanted" / key).write_text(text)
    return folder


async def test_a_requirements_file_is_mirrored_as_ansible_galaxy_reads_it(
    serve: Serve, database: str, tmp_path: Path
) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "2.0.0"], "acme.more": ["1.0.0"]}))
    folder = config_map(tmp_path, "collections:\n  - acme.more\n  - name: acme.tools\n    version: '<2'\n")
    ended = await sync(manifest(galaxy.url, requirementsFrom=FROM), database, config_maps=folder)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.more 1.0.0", "acme.tools 1.0.0"]


async def test_its_sources_are_those_of_the_resource(serve: Serve, database: str, tmp_path: Path) -> None:
    public = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    hub = await serve(small_catalog({"acme.more": ["1.0.0"]}))
    folder = config_map(tmp_path, f"collections: [acme.tools, {{name: acme.more, source: '{hub.url}'}}]")
    document = manifest(public.url, requirementsFrom=FROM, sources=[source(hub.url, name="hub")])
    await sync(document, database, config_maps=folder)
    assert await published(database) == ["acme.more 1.0.0", "acme.tools 1.0.0"]


async def test_roles_in_it_are_told_of(serve: Serve, database: str, tmp_path: Path) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    folder = config_map(tmp_path, "roles: [acme.role]\ncollections: [acme.tools]\n")
    ended = await sync(manifest(galaxy.url, requirementsFrom=FROM), database, config_maps=folder)
    assert ended.result is Result.SUCCEEDED
    (warning,) = ended.report.warnings
    assert "roles" in warning


async def test_a_config_map_that_is_missing_is_named(serve: Serve, database: str, tmp_path: Path) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    ended = await sync(manifest(galaxy.url, requirementsFrom=FROM), database, config_maps=tmp_path)
    assert (ended.code, ended.outcome.reason) == (ExitCode.CONFIGURATION, "ConfigMapNotFound")
    assert "ConfigMap 'wanted' is missing, or has no key 'requirements.yml'" in ended.outcome.message


async def test_what_cannot_be_mirrored_is_refused_with_its_place(serve: Serve, database: str, tmp_path: Path) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    folder = config_map(tmp_path, "collections: [acme.tools, {name: 'https://example.com/acme/more.git', type: git}]\n")
    ended = await sync(manifest(galaxy.url, requirementsFrom=FROM), database, config_maps=folder)
    assert ended.code is ExitCode.CONFIGURATION
    assert "collections[1]" in ended.outcome.message
    assert "git" in ended.outcome.message


async def test_each_range_of_a_collection_has_its_latest(serve: Serve, database: str, tmp_path: Path) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0", "2.0.0", "3.0.0", "3.1.0"]}))
    entries = [f"{{name: acme.tools, version: '{versions}'}}" for versions in ("<2", ">=3", "3.0.0")]
    folder = config_map(tmp_path, f"collections: [{', '.join(entries)}]")
    ended = await sync(manifest(galaxy.url, requirementsFrom=FROM, latest=1), database, config_maps=folder)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.tools 1.1.0", "acme.tools 3.0.0", "acme.tools 3.1.0"]


async def test_a_version_that_two_sources_have_comes_from_the_first(
    serve: Serve, database: str, tmp_path: Path
) -> None:
    public = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0"]}))
    hub = await serve(small_catalog({"acme.tools": ["1.0.0", "2.0.0"]}, requires_ansible=">=2.16.0"))
    folder = config_map(tmp_path, "collections: [{name: acme.tools, source: hub}, acme.tools]")
    document = manifest(public.url, requirementsFrom=FROM, sources=[source(hub.url, name="hub")])
    await sync(document, database, config_maps=folder)
    found = await rows(database, "SELECT version, sha256 FROM repository_current")
    expected = {version.version: version.sha256 for catalog in (hub.catalog, public.catalog) for version in catalog}
    assert dict(found) == expected
    assert (await sync(document, database, config_maps=folder)).result is Result.NO_CHANGE
