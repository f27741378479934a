"""More sources than one: who names one gets from it, and what the first lacks is looked for in the others."""

from pathlib import Path

import pytest

from collectionsync.report import Result
from commandline import Commands
from serving import Serve, fetched
from syncing import manifest, published, rows, source, sync
from testgalaxy import Fault, small_catalog
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow


def asked(*collections: dict[str, str]) -> list[dict[str, str]]:
    return list(collections)


async def test_a_collection_comes_from_the_source_that_it_names(serve: Serve, database: str) -> None:
    public = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    hub = await serve(small_catalog({"acme.tools": ["2.0.0"], "acme.more": ["1.0.0"]}))
    document = manifest(
        public.url,
        sources=[source(hub.url, name="hub")],
        collections=asked({"name": "acme.tools"}, {"name": "acme.more", "source": "hub"}),
    )
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.more 1.0.0", "acme.tools 1.0.0"]
    assert fetched(hub) == {"acme.more 1.0.0"}


async def test_a_source_is_named_by_its_url_as_well(serve: Serve, database: str) -> None:
    public = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    hub = await serve(small_catalog({"acme.more": ["1.0.0"]}))
    document = manifest(
        public.url,
        sources=[source(hub.url, name="hub")],
        collections=asked({"name": "acme.more", "source": hub.url}),
    )
    assert (await sync(document, database)).result is Result.SUCCEEDED
    assert await published(database) == ["acme.more 1.0.0"]


async def test_a_dependency_that_the_first_source_lacks_comes_from_the_next(serve: Serve, database: str) -> None:
    public = await serve(small_catalog({"acme.app": ["1.0.0"]}, dependencies={"acme.app": {"acme.lib": "*"}}))
    hub = await serve(small_catalog({"acme.lib": ["1.0.0"]}))
    ended = await sync(manifest(public.url, "acme.app", sources=[source(hub.url, name="hub")]), database)
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.app 1.0.0", "acme.lib 1.0.0"]


async def test_a_dependency_that_both_sources_have_comes_from_the_first(serve: Serve, database: str) -> None:
    public = await serve(small_catalog({"acme.lib": ["1.0.0"]}))
    hub = await serve(
        small_catalog({"acme.app": ["1.0.0"], "acme.lib": ["2.0.0"]}, dependencies={"acme.app": {"acme.lib": "*"}})
    )
    document = manifest(
        public.url, sources=[source(hub.url, name="hub")], collections=asked({"name": "acme.app", "source": "hub"})
    )
    await sync(document, database)
    assert await published(database) == ["acme.app 1.0.0", "acme.lib 1.0.0"]


async def test_a_dependency_comes_from_where_the_user_looks_for_it(serve: Serve, database: str) -> None:
    public = await serve(
        small_catalog({"acme.app": ["1.0.0"], "acme.lib": ["1.0.0"]}, dependencies={"acme.app": {"acme.lib": ">=1"}})
    )
    hub = await serve(small_catalog({"acme.lib": ["1.1.0", "3.0.0"]}))
    document = manifest(
        public.url,
        sources=[source(hub.url, name="hub")],
        collections=asked({"name": "acme.app"}, {"name": "acme.lib", "source": "hub", "version": "3.0.0"}),
    )
    await sync(document, database)
    assert await published(database) == ["acme.app 1.0.0", "acme.lib 1.1.0", "acme.lib 3.0.0"]


async def test_a_further_source_that_is_down_costs_only_what_is_asked_of_it(serve: Serve, database: str) -> None:
    public = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    hub = await serve(small_catalog({"acme.more": ["1.0.0"]}))
    hub.faults.add(Fault("", status(503)))
    document = manifest(
        public.url,
        sources=[source(hub.url, name="hub")],
        collections=asked({"name": "acme.tools"}, {"name": "acme.more", "source": "hub"}),
    )
    ended = await sync(document, database)
    assert (ended.result, ended.skipped) == (Result.PARTIAL, {"acme.more *": "SourceUnavailable"})
    assert await published(database) == ["acme.tools 1.0.0"]


async def test_a_further_source_that_nobody_needs_is_not_asked(serve: Serve, database: str) -> None:
    public = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    hub = await serve(small_catalog({"acme.more": ["1.0.0"]}))
    await sync(manifest(public.url, "acme.tools", sources=[source(hub.url, name="hub")]), database)
    assert len(hub.requests) == 0


async def test_each_source_gets_its_own_credentials(serve: Serve, database: str, tmp_path: Path) -> None:
    public = await serve(small_catalog({"acme.tools": ["1.0.0"]}), token="for-public")
    hub = await serve(small_catalog({"acme.more": ["1.0.0"]}), token="for-hub")
    for name in ("public", "hub"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"for-{name}")
    document = manifest(
        public.url,
        source={"secretRef": {"name": "public"}},
        sources=[source(hub.url, name="hub", secretRef={"name": "hub"})],
        collections=asked({"name": "acme.tools"}, {"name": "acme.more", "source": "hub"}),
    )
    ended = await sync(document, database, secrets=tmp_path)
    assert ended.result is Result.SUCCEEDED
    for galaxy, token in ((public, "for-public"), (hub, "for-hub")):
        assert {request.headers.get("Authorization") for request in galaxy.requests} == {f"Token {token}"}


async def test_what_two_sources_say_of_one_version_is_both_kept_and_told(serve: Serve, database: str) -> None:
    one = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    other = await serve(small_catalog({"acme.tools": ["1.0.0"]}, requires_ansible=">=2.16.0"))
    first = manifest(one.url, "acme.tools")
    second = manifest(other.url, "acme.tools")
    second["metadata"]["name"] = "second"
    await sync(first, database)
    ended = await sync(second, database)
    assert len(await rows(database, "SELECT FROM collection_version")) == 2
    assert await published(database) == ["acme.tools 1.0.0"]
    (warning,) = ended.report.warnings
    assert "acme.tools 1.0.0" in warning


async def test_a_server_that_only_a_requirement_names_is_asked_without_credentials(
    commands: Commands, serve: Serve, database: str
) -> None:
    public = await serve(small_catalog({"acme.tools": ["1.0.0"]}), token="secret")
    elsewhere = await serve(small_catalog({"acme.more": ["1.0.0"]}), tls=True)
    authority = commands.folder / "authority.pem"
    authority.write_bytes(elsewhere.ca_pem)
    document = manifest(
        public.url,
        source={"secretRef": {"name": "public"}},
        collections=asked({"name": "acme.tools"}, {"name": "acme.more", "source": elsewhere.url}),
    )
    secrets = commands.secret("public", token="secret")
    environment = {"SSL_CERT_FILE": authority}
    ended = await commands.sync(document, "--secrets", secrets, database=database, environment=environment)
    assert ended.code == 0, ended.err
    assert await published(database) == ["acme.more 1.0.0", "acme.tools 1.0.0"]
    assert {request.headers.get("Authorization") for request in elsewhere.requests} == {None}
