"""An artifact that is stored brings its own manifest and files, and is there for every tenant of its store."""

import pytest

from collectionsync.store import plan
from collectionsync.store.artifacts import StoredArtifact, store_id
from collectionsync.store.content import Lacks, Outcome, lacking
from collectionsync.store.database import Connection, Database, DatabaseConfigurationError
from store.helpers import OTHER_SOURCE, Text, bring, digest, opened, version

pytestmark = pytest.mark.slow


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    return await opened(session)


@pytest.fixture
async def place(session: Connection) -> int:
    return await store_id(session, "s3://mirror/collections")


async def bodies(session: Connection) -> dict[str, str]:
    return {row["kind"]: row["body"] for row in await session.fetch("SELECT kind, body::text FROM collection_document")}


async def test_a_store_has_one_number(session: Connection, place: int) -> None:
    assert await store_id(session, "s3://mirror/collections") == place
    assert await store_id(session, "s3://mirror/other") != place


async def test_a_store_s_url_that_no_index_can_hold_is_refused(session: Connection) -> None:
    with pytest.raises(DatabaseConfigurationError, match="at most 2600 bytes"):
        await store_id(session, "file:///" + "x" * 2600)


async def test_a_new_version_comes_with_its_artifact(
    store: Database, run: plan.Run, session: Connection, place: int
) -> None:
    artifact = StoredArtifact(place, 1234, "Chain")
    assert await bring(store, run, version(), artifact=artifact) == (Outcome.CREATED, [])
    rows = await session.fetch("SELECT store_id, bytes, verified FROM artifact")
    assert [tuple(row) for row in rows] == [(place, 1234, "Chain")]


@pytest.mark.parametrize(
    ("before", "after", "outcome", "verified"),
    [
        (None, "Chain", Outcome.FILLED, "Chain"),
        ("Chain", "Chain", Outcome.UNCHANGED, "Chain"),
        ("Chain", "Members", Outcome.FILLED, "Members"),
        ("Members", "Chain", Outcome.UNCHANGED, "Members"),
    ],
)
async def test_an_artifact_of_a_known_version_is_noted_where_it_is_news(
    *,
    store: Database,
    run: plan.Run,
    session: Connection,
    place: int,
    before: str | None,
    after: str,
    outcome: Outcome,
    verified: str,
) -> None:
    await bring(store, run, version(), artifact=StoredArtifact(place, 1234, before) if before else None)
    assert await bring(store, run, version(), artifact=StoredArtifact(place, 1234, after)) == (outcome, [])
    assert await session.fetchval("SELECT verified FROM artifact") == verified


async def test_the_artifact_s_manifest_and_files_take_the_place_of_a_detail_s(
    store: Database, run: plan.Run, session: Connection, place: int
) -> None:
    detail = [Text(b'{"a":1}', "manifest"), Text(b'{"b":1}', "files"), Text(b'{"c":1}', "metadata")]
    await bring(store, run, version(), detail)
    true = [Text(b'{ "a": 1 }', "manifest"), Text(b'{"b":1}', "files"), Text(b'{"c":2}', "metadata"), Text(b"{}")]
    outcome, new = await bring(store, run, version(), true, artifact=StoredArtifact(place, 1234, "Chain"))
    assert (outcome, [each.kind for each in new]) == (Outcome.FILLED, ["docs_blob", "manifest"])
    assert await bodies(session) == {
        "manifest": '{ "a": 1 }',
        "files": '{"b":1}',
        "metadata": '{"c":1}',
        "docs_blob": "{}",
    }


async def test_a_detail_s_manifest_never_takes_the_place_of_the_artifact_s(
    store: Database, run: plan.Run, session: Connection, place: int
) -> None:
    await bring(store, run, version(), [Text(b"[1]", "manifest")], artifact=StoredArtifact(place, 1234, "Chain"))
    there = await opened(session, source=OTHER_SOURCE)
    assert await bring(store, there, version(), [Text(b"[2]", "manifest")]) == (Outcome.UNCHANGED, [])
    assert await bodies(session) == {"manifest": "[1]"}


async def test_of_an_unknown_version_everything_is_lacking(session: Connection, place: int) -> None:
    assert await lacking(session, digest("unknown"), store_id=place) == Lacks(None, frozenset(), has_artifact=False)


async def test_what_is_there_of_a_known_version_is_told(
    store: Database, run: plan.Run, session: Connection, place: int
) -> None:
    documents = [Text(b"{}", "manifest"), Text(b"{}")]
    await bring(store, run, version(), documents, artifact=StoredArtifact(place, 1234, "Chain"))
    version_id = await session.fetchval("SELECT id FROM collection_version")
    kinds = frozenset({"manifest", "docs_blob"})
    elsewhere = await store_id(session, "s3://elsewhere")
    sha256 = version().sha256
    assert await lacking(session, sha256, store_id=place) == Lacks(version_id, kinds, has_artifact=True)
    assert await lacking(session, sha256, store_id=place, members=True) == Lacks(version_id, kinds, has_artifact=False)
    assert await lacking(session, sha256, store_id=elsewhere) == Lacks(version_id, kinds, has_artifact=False)
    assert await lacking(session, sha256) == Lacks(version_id, kinds, has_artifact=False)


async def test_an_artifact_that_is_verified_further_is_not_lacking(
    store: Database, run: plan.Run, session: Connection, place: int
) -> None:
    await bring(store, run, version(), artifact=StoredArtifact(place, 1234, "Members"))
    assert (await lacking(session, version().sha256, store_id=place, members=True)).has_artifact
