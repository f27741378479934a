"""Signatures and marks: what the source says of a version beside its content, and may say later."""

from pathlib import Path

import pytest

from collectionsync.report import Result
from serving import Serve, fetched
from syncing import manifest, published, rows, sync
from testgalaxy import Catalog, TestGalaxy, small_catalog

pytestmark = pytest.mark.slow


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0"]})


async def signatures(database: str) -> list[tuple[str, str, str]]:
    """What is stored: version, text and fingerprint."""
    return await rows(
        database,
        "SELECT v.version, s.signature, s.pubkey_fingerprint FROM source_signature s"
        " JOIN collection_version v ON v.id = s.version_id ORDER BY 1, 2",
    )


async def marks(database: str) -> dict[str, list[str]]:
    found = await rows(database, "SELECT version, marks FROM source_version")
    return {version: list(each) for version, each in found}


async def test_signatures_come_with_their_versions(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    signed = galaxy.catalog.sign("acme", "tools", "1.0.0")
    await sync(manifest(galaxy.url, "acme.tools"), database)
    (signature,) = signed.signatures
    assert await signatures(database) == [("1.0.0", signature["signature"], signature["pubkey_fingerprint"])]


async def test_a_signature_that_comes_later_is_noticed_when_the_version_is_looked_at_again(
    serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools", recheckInterval="24h")
    await sync(document, database)
    galaxy.catalog.sign("acme", "tools", "1.0.0")
    assert (await sync(document, database)).result is Result.NO_CHANGE
    await rows(database, "UPDATE source_version SET checked_at = now() - interval '25 hours'")
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert [version for version, *_ in await signatures(database)] == ["1.0.0"]


async def test_to_look_again_costs_a_detail_and_no_docs(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    await rows(database, "UPDATE source_version SET checked_at = '-infinity'")
    galaxy.requests.clear()
    assert (await sync(document, database)).result is Result.NO_CHANGE
    assert len(galaxy.requests.of("detail")) == 2
    assert len(galaxy.requests.of("docs")) == 0


async def test_the_list_of_everything_tells_of_new_signatures_at_once(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, all=True)
    await sync(document, database)
    galaxy.catalog.sign("acme", "tools", "1.1.0")
    galaxy.requests.clear()
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert fetched(galaxy) == {"acme.tools 1.1.0"}
    assert [version for version, *_ in await signatures(database)] == ["1.1.0"]


async def test_a_signature_that_the_source_takes_back_goes(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.catalog.sign("acme", "tools", "1.0.0")
    document = manifest(galaxy.url, all=True)
    await sync(document, database)
    galaxy.catalog.unsign("acme", "tools", "1.0.0")
    await sync(document, database)
    assert await signatures(database) == []


async def test_marks_are_those_of_the_list(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.catalog.mark("acme", "tools", "1.0.0", "certified")
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    assert await marks(database) == {"1.0.0": ["certified"], "1.1.0": []}
    galaxy.catalog.unmark("acme", "tools", "1.0.0", "certified")
    galaxy.catalog.mark("acme", "tools", "1.1.0", "certified")
    assert (await sync(document, database)).result is Result.SUCCEEDED
    assert await marks(database) == {"1.0.0": [], "1.1.0": ["certified"]}


async def test_only_what_is_signed_is_published_where_that_is_asked(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.catalog.sign("acme", "tools", "1.0.0")
    document = manifest(galaxy.url, "acme.tools", signedOnly=True)
    ended = await sync(document, database)
    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    assert ended.report.versions.excluded == 1
    assert await published(database) == ["acme.tools 1.0.0"]


async def test_what_is_not_signed_is_remembered_and_costs_nothing(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.catalog.sign("acme", "tools", "1.0.0")
    document = manifest(galaxy.url, "acme.tools", signedOnly=True)
    await sync(document, database)
    galaxy.requests.clear()
    ended = await sync(document, database)
    assert (ended.result, ended.report.versions.excluded) == (Result.NO_CHANGE, 1)
    assert not fetched(galaxy)


async def test_what_is_signed_later_is_published_then(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, all=True, signedOnly=True)
    await sync(document, database)
    assert await published(database) == []
    galaxy.catalog.sign("acme", "tools", "1.1.0")
    await sync(document, database)
    assert await published(database) == ["acme.tools 1.1.0"]
    assert len(await rows(database, "SELECT FROM collection_document WHERE kind = 'docs_blob'")) == 1


async def test_the_dependencies_of_what_is_not_signed_are_not_followed(serve: Serve, database: str) -> None:
    galaxy = await serve(
        small_catalog({"acme.app": ["1.0.0"], "acme.lib": ["1.0.0"]}, dependencies={"acme.app": {"acme.lib": "*"}})
    )
    galaxy.catalog.sign("acme", "lib", "1.0.0")
    await sync(manifest(galaxy.url, "acme.app", signedOnly=True), database)
    assert await published(database) == []
    assert len(galaxy.requests.of("versions")) == 1


def trusting(galaxy: TestGalaxy, folder: Path) -> dict[str, object]:
    """What a source says of the CA of a galaxy, whose Secret is put into the folder."""
    (folder / "ca").mkdir()
    (folder / "ca" / "ca.crt").write_bytes(galaxy.ca_pem)
    return {"certSecretRef": {"name": "ca"}}


async def test_signatures_that_a_requirement_names_are_brought_by_their_urls(
    serve: Serve, database: str, tmp_path: Path
) -> None:
    galaxy = await serve(tools(), tls=True)
    text = "-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n"
    collection = {"name": "acme.tools", "version": "1.0.0", "signatures": [galaxy.put_file("tools.asc", text.encode())]}
    document = manifest(galaxy.url, collections=[collection], source=trusting(galaxy, tmp_path))
    ended = await sync(document, database, secrets=tmp_path)
    assert ended.result is Result.SUCCEEDED
    assert await rows(database, "SELECT signature FROM repository_signature") == [(text,)]
    assert (await sync(document, database, secrets=tmp_path)).result is Result.NO_CHANGE


async def test_a_signature_by_url_that_is_missing_is_told_and_costs_nothing_else(
    serve: Serve, database: str, tmp_path: Path
) -> None:
    galaxy = await serve(tools(), tls=True)
    collection = {"name": "acme.tools", "version": "1.0.0", "signatures": [f"{galaxy.origin}/files/missing.asc"]}
    document = manifest(galaxy.url, collections=[collection], source=trusting(galaxy, tmp_path))
    ended = await sync(document, database, secrets=tmp_path)
    assert ended.result is Result.SUCCEEDED
    (warning,) = ended.report.warnings
    assert "a signature of acme.tools 1.0.0 could not be had" in warning
