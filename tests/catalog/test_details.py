"""Details of versions: what clients read, around documents that are served as they came."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from catalog.content import (
    BASE,
    INLINE,
    URL,
    WHERE,
    Stored,
    filled_database,
    published_by,
    read_detail,
    repository,
    store_all,
    stored,
    version_id,
    whole,
)
from collectionsync.store import artifacts, plan
from collectionsync.store.artifacts import StoredArtifact
from collectionsync.store.catalog import details
from collectionsync.store.catalog.details import Answer, StoredDocument
from collectionsync.store.catalog.repositories import Repository
from collectionsync.store.database import Connection, Database
from collectionsync.store.plan import Requirement
from collectionsync.store.repository import publish
from collectionsync.store.said import Said, Signature
from collectionsync.store.signatures import keep_signatures
from store.helpers import FINGERPRINT, OTHER_SOURCE, Text, digest, opened

pytestmark = pytest.mark.slow

METADATA = rb' {"tags":["a"] , "dependencies":{}, "authors":["\u00e9", "\u0000", "\ud800"],  "n":1.0e2}'
MANIFEST = rb'{"collection_info": {"license":["\u0000"]}, "same": 1, "same": 2}'
FILES = b'{"files":[' + b",".join(b'{"name":"%d"}' % n for n in range(2000)) + b"]}"
DOCS = b'{ "docs_blob": {"contents":[]}}'
KEY, OTHER_KEY = "AB" * 20, "CD" * 20
SAID = Said(
    fingerprint=FINGERPRINT,
    marks=["certified", "tested"],
    signatures=[Signature(digest("one"), "one", KEY, "service"), Signature(digest("two"), "two")],
)
SAID_ELSEWHERE = Said(
    fingerprint=FINGERPRINT,
    marks=["tested", "theirs"],
    signatures=[Signature(digest("one"), "one", OTHER_KEY), Signature(digest("three"), "three")],
)
FULL = stored(
    "acme", "full", "1.0.0+build.5", said=SAID, metadata=METADATA, manifest=MANIFEST, files=FILES, docs_blob=DOCS
)
FULL_ELSEWHERE = replace(FULL, said=SAID_ELSEWHERE)
BARE = stored("acme", "bare", requires_ansible=None)
NULLS = stored("acme", "nulls", metadata=b"null", manifest=b"null", files=b"null", docs_blob=b"null")
KEPT = stored("acme", "kept")
DOCS_AS_THEY_CAME = {
    "raw": DOCS,
    "null": b'{"docs_blob":null}',
    "nul": rb'{"docs_blob":{"a":"\u0000\ud800"}}',
    "large": b'{"other": "' + b"x" * 1000 + b'"}',
}
DOCS_OF_NO_USE = {"empty": b"{}", "other": b'{"collection_version":{}}', "list": b'["docs_blob"]', "none": b"null"}


async def fill(store: Database) -> None:
    async with store.session() as session:
        store_id = await artifacts.store_id(session, "file:///artifacts")
    await published_by(store, FULL, BARE, NULLS, replace(KEPT, artifact=StoredArtifact(store_id, 2345, "Chain")))
    docs = {**DOCS_AS_THEY_CAME, **DOCS_OF_NO_USE}
    await published_by(store, *(stored("docs", name, docs_blob=body) for name, body in docs.items()), asked="docs")
    await published_by(store, FULL_ELSEWHERE, repository="another", source=OTHER_SOURCE)
    await published_by(store, FULL, repository="both")
    await published_by(store, FULL_ELSEWHERE, repository="both", source=OTHER_SOURCE, owner="second")
    async with store.session() as session:
        run = await opened(session, repository="by URL")
        await plan.require(session, run, [Requirement("acme.full", "*", signatures=("https://example.com/1",))])
        await store_all(store, run, FULL)
        await keep_signatures(session, run, await version_id(session, FULL), ["one", "by URL"])
        await publish(session, run, mirror=False)


@pytest.fixture(scope="module")
def filled(postgres_uri: str) -> Iterator[str]:
    with filled_database(postgres_uri, fill) as uri:
        yield uri


@pytest.fixture
async def main(reader: Connection) -> Repository:
    return await repository(reader)


async def asked(
    reader: Connection, of: Repository, what: Stored, *, inline_bytes: int = INLINE, url: str = URL
) -> Answer | None:
    version = what.version
    where = {"namespace": version.namespace, "name": version.name, "version": version.version}
    return await details.detail(reader, of, base=BASE, url=url, **where, inline_bytes=inline_bytes)


async def docs(
    reader: Connection, of: Repository, name: str, namespace: str = "docs", *, inline_bytes: int = INLINE
) -> Answer | None:
    where = {"namespace": namespace, "name": name, "version": "1.0.0"}
    return await details.docs_blob(reader, of, **where, inline_bytes=inline_bytes)


async def test_a_detail_has_the_members_that_clients_read(reader: Connection, main: Repository) -> None:
    read = await read_detail(reader, main, FULL)
    here = f"{BASE}/v3/collections/acme/full/"
    moment = await reader.fetchval("SELECT utc_text(min(created_at)) FROM repository_version")
    file = "acme-full-1.0.0+build.5.tar.gz"
    assert [key for key in read if key not in ("signatures", "metadata", "manifest", "files")] == [
        *("version", "href", "created_at", "updated_at", "requires_ansible", "marks", "artifact", "collection"),
        *("download_url", "name", "namespace", "git_url", "git_commit_sha"),
    ]
    assert list(read)[-6:] == ["signatures", "metadata", "git_url", "git_commit_sha", "manifest", "files"]
    assert read["version"] == "1.0.0+build.5"
    assert read["href"] == f"{here}versions/1.0.0+build.5/"
    assert read["created_at"] == moment
    assert read["requires_ansible"] == ">=2.15"
    assert read["artifact"] == {"filename": file, "sha256": FULL.version.sha256, "size": 1000}
    assert read["collection"] == {"name": "full", "href": here}
    assert read["download_url"] == f"{URL}{BASE}/v3/plugin/ansible/content/main/collections/artifacts/{file}"
    assert read["name"] == "full"
    assert read["namespace"] == {"name": "acme", "metadata_sha256": None}
    assert read["git_url"] is read["git_commit_sha"] is None


async def test_documents_are_served_as_they_came(reader: Connection, main: Repository) -> None:
    body = whole(await asked(reader, main, FULL))
    _, metadata = body.split(b', "metadata": ')
    metadata, manifest = metadata.split(b', "git_url": null, "git_commit_sha": null, "manifest": ')
    manifest, files = manifest.split(b', "files": ')
    assert (metadata, manifest, files) == (METADATA, MANIFEST, FILES + b"}")


async def test_documents_that_are_too_large_are_named_in_their_place(reader: Connection, main: Repository) -> None:
    answer = await asked(reader, main, FULL, inline_bytes=len(METADATA))
    assert answer is not None
    number = await version_id(reader, FULL)
    text = Text(FILES, "files")
    assert answer.parts[1] == METADATA
    assert answer.parts[3] == MANIFEST
    assert answer.parts[5] == StoredDocument(number, "files", len(FILES), text.sha256)
    assert answer.size == len(whole(await asked(reader, main, FULL)))


async def test_the_digest_is_of_all_that_an_answer_is_made_of(reader: Connection, main: Repository) -> None:
    etags = []
    for inline_bytes in (0, len(METADATA), INLINE):
        answer = await asked(reader, main, FULL, inline_bytes=inline_bytes)
        assert answer is not None
        etags.append(answer.etag)
    assert len(set(etags)) == 1
    for other in (
        await asked(reader, main, FULL, url="https://elsewhere.example.com"),
        await asked(reader, main, BARE),
        await asked(reader, await repository(reader, name="another"), FULL),
    ):
        assert other is not None
        etags.append(other.etag)
    assert len(set(etags)) == 4


@pytest.mark.parametrize("what", [BARE, NULLS], ids=["not there", "null"])
async def test_what_the_source_did_not_have_is_empty(reader: Connection, main: Repository, what: Stored) -> None:
    read = await read_detail(reader, main, what)
    assert read["manifest"] == read["files"] == {}
    assert read["metadata"] == {
        "authors": [],
        "contents": [],
        "dependencies": {"acme.needed": ">=1.0.0"},
        "description": None,
        "documentation": None,
        "homepage": None,
        "issues": None,
        "license": [],
        "repository": None,
        "tags": ["linux", 'odd "tag"'],
    }
    assert read["signatures"] == read["marks"] == []


TAGS, DEPENDENCIES = '"tags": ["a","b"]', '"dependencies": {"a.b": "*"}'


@pytest.mark.parametrize(
    ("body", "served"),
    [
        (METADATA.decode(), METADATA.decode()),
        ('{"authors":[ ]}', f'{{{TAGS}, {DEPENDENCIES}, "authors":[ ]}}'),
        ('{"dependencies":{ }}', f'{{{TAGS}, "dependencies":{{ }}}}'),
        ('\n{ "tags":[]}', f'{{{DEPENDENCIES},  "tags":[]}}'),
        (" { } ", f"{{{TAGS}, {DEPENDENCIES} }} "),
        ("{}", f"{{{TAGS}, {DEPENDENCIES}}}"),
        ('{"x":{"tags":[],"dependencies":{}}}', f'{{{TAGS}, {DEPENDENCIES}, "x":{{"tags":[],"dependencies":{{}}}}}}'),
        (r'{"a":"\u0000","b":"\ud800"}', rf'{{{TAGS}, {DEPENDENCIES}, "a":"\u0000","b":"\ud800"}}'),
        ('{"tags":null,"n":1e2,"dependencies":{}}', f'{{{TAGS},  "n" : 1e2, "dependencies" : {{}} }}'),
        ('{"tags":null,"dependencies":null}', f"{{{TAGS}, {DEPENDENCIES}}}"),
    ],
)
async def test_metadata_has_tags_and_dependencies_whatever_came(reader: Connection, body: str, served: str) -> None:
    statement = """SELECT complete_metadata($1::json, '{a,b}', '{"a.b": "*"}')"""
    assert await reader.fetchval(statement, body) == served
    json.loads(served)


@pytest.mark.parametrize("body", [None, "null", "[]", '"tags"', "1"])
async def test_metadata_that_is_none_is_made_of_the_version(reader: Connection, body: str | None) -> None:
    statement = """SELECT complete_metadata($1::json, '{a,b}', '{"a.b": "*"}')"""
    made = json.loads(await reader.fetchval(statement, body))
    assert (made["tags"], made["dependencies"]) == (["a", "b"], {"a.b": "*"})


async def test_an_artifact_has_the_size_that_it_has_in_a_store(reader: Connection, main: Repository) -> None:
    assert (await read_detail(reader, main, KEPT))["artifact"]["size"] == 2345


async def test_signatures_have_all_that_clients_read(reader: Connection, main: Repository) -> None:
    signatures = (await read_detail(reader, main, FULL))["signatures"]
    moment = signatures[0].pop("pulp_created")
    assert (
        signatures[1].pop("pulp_created")
        == moment
        == await reader.fetchval("SELECT utc_text(min(stored_at)) FROM source_signature")
    )
    assert sorted(signatures, key=lambda each: str(each["signature"])) == [
        {"signature": "one", "pubkey_fingerprint": KEY, "signing_service": "service"},
        {"signature": "two", "pubkey_fingerprint": "", "signing_service": None},
    ]


@pytest.mark.parametrize(
    ("name", "signatures", "marks"),
    [
        ("main", {"one": KEY, "two": ""}, ["certified", "tested"]),
        ("another", {"one": OTHER_KEY, "three": ""}, ["tested", "theirs"]),
        ("both", {"one": KEY, "two": "", "three": ""}, ["certified", "tested", "theirs"]),
        ("by URL", {"one": KEY, "two": "", "by URL": ""}, ["certified", "tested"]),
    ],
)
async def test_a_repository_hears_the_sources_of_its_claims_and_itself(
    reader: Connection, name: str, signatures: dict[str, str], marks: list[str]
) -> None:
    read = await read_detail(reader, await repository(reader, name=name), FULL)
    assert {each["signature"]: each["pubkey_fingerprint"] for each in read["signatures"]} == signatures
    assert len(read["signatures"]) == len(signatures)
    assert read["marks"] == marks


async def test_the_name_of_the_repository_is_escaped_where_artifacts_lie(reader: Connection) -> None:
    read = await read_detail(reader, await repository(reader, name="by URL"), FULL)
    assert "/content/by%20URL/collections/" in read["download_url"]


@pytest.mark.parametrize(
    ("namespace", "name", "version"),
    [
        ("acme", "full", "9.9.9"),
        ("acme", "none", "1.0.0"),
        ("acme", "full", "1.0.0\0"),
        ("acme", "\udc00", "1.0.0"),
        ("acme" * 10_000, "full", "1.0.0"),
    ],
)
async def test_a_version_that_is_not_there_is_nowhere(
    reader: Connection, main: Repository, namespace: str, name: str, version: str
) -> None:
    where: Any = {"namespace": namespace, "name": name, "version": version}
    assert await details.detail(reader, main, **WHERE, **where, inline_bytes=INLINE) is None
    assert await details.docs_blob(reader, main, **where, inline_bytes=INLINE) is None
    assert await details.artifact(reader, main, **where) is None


async def test_a_version_of_another_repository_is_not_there(reader: Connection) -> None:
    another = await repository(reader, name="another")
    assert await asked(reader, another, BARE) is None
    assert await docs(reader, another, "raw") is None


@pytest.mark.parametrize("name", DOCS_AS_THEY_CAME)
async def test_docs_are_served_as_they_came(reader: Connection, main: Repository, name: str) -> None:
    assert whole(await docs(reader, main, name)) == DOCS_AS_THEY_CAME[name]


@pytest.mark.parametrize("name", DOCS_OF_NO_USE)
async def test_docs_of_which_a_mirror_would_choke_are_empty_ones(
    reader: Connection, main: Repository, name: str
) -> None:
    assert whole(await docs(reader, main, name, inline_bytes=0)) == b'{"docs_blob":{}}'


async def test_docs_that_no_source_had_are_empty_ones(reader: Connection, main: Repository) -> None:
    assert whole(await docs(reader, main, "bare", "acme", inline_bytes=0)) == b'{"docs_blob":{}}'


async def test_docs_that_are_too_large_are_named(reader: Connection, main: Repository) -> None:
    answer = await docs(reader, main, "raw", inline_bytes=len(DOCS) - 1)
    assert answer is not None
    text = Text(DOCS)
    number = await version_id(reader, stored("docs", "raw"))
    assert answer.parts == (StoredDocument(number, "docs_blob", len(DOCS), text.sha256),)
    assert answer.size == len(DOCS)
    inline = await docs(reader, main, "raw")
    assert inline is not None
    assert answer.etag == inline.etag


async def test_an_artifact_is_named_by_its_digest(reader: Connection, main: Repository) -> None:
    moment = await reader.fetchval("SELECT min(created_at) FROM repository_version")
    expected = details.Artifact(FULL.version.sha256, "acme-full-1.0.0+build.5.tar.gz", moment)
    assert await details.artifact(reader, main, "acme", "full", "1.0.0+build.5") == expected
