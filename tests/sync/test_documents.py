"""Documents are stored as they came, byte by byte, or not at all."""

from dataclasses import replace

import pytest

from collectionsync.galaxy.versions import sort_key
from collectionsync.report import ExitCode, Result
from collectionsync.worker.budget import MEBIBYTE
from serving import Serve
from syncing import (
    Ended,
    manifest,
    names,
    published,
    rows,
    served_documents,
    stored_documents,
    sync,
    value,
    wrong_digests,
)
from testgalaxy import Catalog, Fault, TestGalaxy, kind, small_catalog, small_docs, small_version
from testgalaxy.contentfaults import BODIES, deep_nesting, with_artifact, with_members
from testgalaxy.faults import Action
from testgalaxy.wirefaults import body

pytestmark = pytest.mark.slow

BAD, GOOD = "acme.tools 1.1.0", ["acme.tools 1.0.0", "acme.tools 1.2.0"]
KEPT = [
    "nul escape",
    "escaped backslash before u0000",
    "lone high surrogate",
    "lone low surrogate",
    "huge number",
    "twice the key",
    "docs_blob empty",
    "docs_blob null",
    "docs_blob a string",
    "empty object",
    "only a list",
    "only null",
]
REFUSED = ["not json", "empty", "bad utf-8", "raw nul", "NaN", "byte order mark", "trailing garbage", "cut off"]


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0", "1.2.0"]})


async def sync_with(serve: Serve, database: str, address: str, action: Action) -> tuple[TestGalaxy, Ended]:
    """Sync three versions, of which one is not what it should be."""
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(lambda exchange: exchange.path.endswith(address), action))
    return galaxy, await sync(manifest(galaxy.url, "acme.tools"), database)


async def is_left_out(galaxy: TestGalaxy, database: str) -> bool:
    """Whether nothing at all is stored of BAD, and everything of the others is, and is published."""
    rest = [version for version in galaxy.catalog if f"{version.collection} {version.version}" != BAD]
    known = await rows(database, "SELECT version FROM collection_version UNION SELECT version FROM source_version")
    return (
        sorted(version for (version,) in known) == ["1.0.0", "1.2.0"]
        and await stored_documents(database) == served_documents(rest)
        and await published(database) == GOOD
    )


async def test_every_document_is_stored_byte_by_byte(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0"], "acme.more": ["0.1.0-rc.1"]}, docs=300_000))
    await sync(manifest(galaxy.url, "acme.tools", "acme.more"), database)
    assert await stored_documents(database) == served_documents(galaxy.catalog)
    assert await wrong_digests(database) == 0


async def test_docs_of_many_megabytes_are_stored_byte_by_byte(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0"]}, docs=20 * MEBIBYTE))
    await sync(manifest(galaxy.url, "acme.tools"), database)
    assert await wrong_digests(database) == 0
    assert await stored_documents(database) == served_documents(galaxy.catalog)


async def test_what_searches_need_is_in_columns_of_its_own(serve: Serve, database: str) -> None:
    version = small_version("acme.tools", "1.2.0-rc.1", dependencies={"acme.net": ">=1,<2"}, tags=["cloud", "né"])
    galaxy = await serve(Catalog([version]))
    await sync(manifest(galaxy.url, "acme.tools", dependencies=False), database)
    ((key, sha256, size, requires_ansible, net, tags),) = await rows(
        database,
        "SELECT sort_key, sha256, size, requires_ansible, dependencies ->> 'acme.net', tags FROM collection_version"
        " WHERE (namespace, name, version) = ('acme', 'tools', '1.2.0-rc.1')",
    )
    assert (key, sha256, size) == (sort_key("1.2.0-rc.1"), version.sha256, version.size)
    assert (requires_ansible, net, tags) == (">=2.15.0", ">=1,<2", ["cloud", "né"])


async def test_a_version_that_names_no_ansible_is_stored_without_one(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}, requires_ansible=None))
    await sync(manifest(galaxy.url, "acme.tools"), database)
    assert await value(database, "SELECT requires_ansible FROM collection_version") is None


@pytest.mark.parametrize("name", KEPT)
async def test_docs_that_are_odd_and_still_json_are_stored_byte_by_byte(serve: Serve, database: str, name: str) -> None:
    _, ended = await sync_with(serve, database, "versions/1.1.0/docs-blob/", body(BODIES[name]))
    assert ended.result is Result.SUCCEEDED
    assert (await stored_documents(database))[BAD, "docs_blob"] == BODIES[name]
    assert await wrong_digests(database) == 0


@pytest.mark.parametrize(
    ("name", "has_nul"), [("nul escape", True), ("escaped backslash before u0000", False), ("docs_blob empty", False)]
)
async def test_docs_that_no_text_can_hold_are_marked(serve: Serve, database: str, name: str, has_nul: bool) -> None:
    await sync_with(serve, database, "versions/1.1.0/docs-blob/", body(BODIES[name]))
    marked = await value(
        database,
        "SELECT d.has_nul FROM collection_document d JOIN collection_version v ON v.id = d.version_id"
        " WHERE v.version = '1.1.0' AND d.kind = 'docs_blob'",
    )
    assert marked is has_nul


@pytest.mark.parametrize("name", ["nul escape", "lone high surrogate", "lone low surrogate"])
async def test_docs_that_no_text_can_hold_are_readable_through_the_view(serve: Serve, database: str, name: str) -> None:
    await sync_with(serve, database, "versions/1.1.0/docs-blob/", body(BODIES[name]))
    text = await value(database, "SELECT docs ->> 'x' FROM collection_docs WHERE version = '1.1.0'")
    assert "\N{REPLACEMENT CHARACTER}" in text


@pytest.mark.parametrize("name", REFUSED)
async def test_docs_that_are_no_json_leave_their_version_out_and_nothing_else(
    serve: Serve, database: str, name: str
) -> None:
    galaxy, ended = await sync_with(serve, database, "versions/1.1.0/docs-blob/", body(BODIES[name]))
    assert (ended.code, ended.result) == (ExitCode.OK, Result.PARTIAL)
    assert ended.skipped == {BAD: "InvalidJSON"}
    assert await is_left_out(galaxy, database)


async def test_docs_that_are_nested_too_deeply_leave_their_version_out_and_nothing_else(
    serve: Serve, database: str
) -> None:
    galaxy, ended = await sync_with(serve, database, "versions/1.1.0/docs-blob/", deep_nesting())
    assert ended.skipped == {BAD: "InvalidJSON"}
    assert await is_left_out(galaxy, database)


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (body(b"<html>"), "InvalidJSON"),
        (body(b""), "InvalidJSON"),
        (body(b"[]"), "InvalidJSON"),
        (body(b'{"version":"1.1.0"'), "InvalidJSON"),
        (body(b'{"version":"\xff"}'), "InvalidJSON"),
        (body(b'{"metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "InvalidJSON"),
        (with_members(metadata="a text"), "InvalidJSON"),
        (with_members(metadata={"dependencies": ["acme.net"]}), "InvalidJSON"),
        (with_members(version="1.2.0"), "WrongVersion"),
        (with_members(namespace={"name": "other"}), "WrongVersion"),
        (with_members(collection={"name": "other"}), "WrongVersion"),
        (with_members(artifact=None), "NoArtifact"),
        (with_artifact(sha256="A" * 64), "InvalidDigest"),
        (with_artifact(sha256=""), "InvalidDigest"),
        (with_artifact(size=-1), "InvalidJSON"),
    ],
    ids=[
        *("html", "empty", "a list", "cut off", "bad utf-8", "deep"),
        *("metadata no object", "dependencies no object"),
        *("another version", "another namespace", "another name"),
        *("artifact null", "sha256 upper case", "sha256 empty", "size negative"),
    ],
)
async def test_a_detail_that_is_unusable_leaves_its_version_out_and_nothing_else(
    serve: Serve, database: str, action: Action, reason: str
) -> None:
    galaxy, ended = await sync_with(serve, database, "versions/1.1.0/", action)
    assert ended.skipped == {BAD: reason}
    assert await is_left_out(galaxy, database)


async def test_a_digest_that_is_another_versions_leaves_one_of_the_two_out(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    first = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert first is not None
    galaxy.faults.add(Fault(lambda exchange: exchange.path.endswith("/1.1.0/"), with_artifact(sha256=first.sha256)))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert list(ended.skipped.values()) == ["DigestConflict"]
    assert set(ended.skipped) < {"acme.tools 1.0.0", "acme.tools 1.1.0"}
    assert await published(database) == sorted(set(names(galaxy.catalog)) - set(ended.skipped))


async def test_docs_that_the_source_does_not_have_are_no_error(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0"]}, docs=False))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.code, ended.result, ended.skipped) == (ExitCode.OK, Result.SUCCEEDED, {})
    assert await stored_documents(database) == served_documents(galaxy.catalog)
    assert {kind for _, kind in await stored_documents(database)} == {"metadata", "manifest", "files"}


async def test_docs_that_come_later_are_filled_in(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0"]}, docs=False))
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    version = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert version is not None
    galaxy.catalog.add(replace(version, docs=small_docs("acme", "tools", "1.0.0")))
    ended = await sync(document, database)
    assert (ended.result, ended.report.documents.created) == (Result.SUCCEEDED, 1)
    assert (ended.report.versions.created, ended.report.versions.unchanged) == (0, 2)
    assert await stored_documents(database) == served_documents(galaxy.catalog)


async def test_docs_that_are_filled_in_cost_no_detail(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0", "1.1.0"]}, docs=False))
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    galaxy.requests.clear()
    await sync(document, database)
    assert (galaxy.requests.count("detail"), galaxy.requests.count("docs")) == (0, 2)


async def test_docs_that_are_still_missing_change_nothing(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}, docs=False))
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    assert (await sync(document, database)).result is Result.NO_CHANGE


async def test_docs_that_cannot_be_filled_in_keep_their_version_published(serve: Serve, database: str) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}, docs=False))
    document = manifest(galaxy.url, "acme.tools")
    await sync(document, database)
    version = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert version is not None
    galaxy.catalog.add(replace(version, docs=small_docs("acme", "tools", "1.0.0")))
    galaxy.faults.add(Fault(kind("docs"), body(BODIES["not json"])))
    ended = await sync(document, database)
    assert ended.skipped == {"acme.tools 1.0.0": "InvalidJSON"}
    assert await published(database) == ["acme.tools 1.0.0"]
