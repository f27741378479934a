"""Namespaces are read when what details announce of them changes, and kept as they came."""

import hashlib
import json
from dataclasses import replace

import pytest

from collectionsync.store import plan
from collectionsync.store.database import Connection, Database, RejectedDocumentError
from collectionsync.store.namespaces import Avatar, StaleNamespace, stale_namespaces, store_namespace
from collectionsync.store.said import Said
from store.helpers import OTHER_SOURCE, SAID, bring, digest, opened, version

pytestmark = pytest.mark.slow

OLD, NEW = digest("old"), digest("new")
BODY = rb'{"name": "acme",  "company": "\u0000 \ud800 \u00e9", "links": []}'
PICTURE = Avatar(hashlib.sha256(b"\x89PNG\0").hexdigest(), "image/png", b"\x89PNG\0")


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    return await opened(session)


def announcing(sha256: str | None) -> Said:
    return replace(SAID, namespace_sha256=sha256)


async def test_a_namespace_that_was_never_read_is_to_be_read(
    store: Database, session: Connection, run: plan.Run
) -> None:
    for number in ("1.0.0", "2.0.0"):
        await bring(store, run, version(number=number), said=announcing(NEW))
    assert await stale_namespaces(session, run) == [StaleNamespace(run.source_id, "acme", NEW)]


async def test_a_namespace_that_no_detail_announces_is_not_asked_for(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, version(), said=announcing(None))
    assert await stale_namespaces(session, run) == []


async def test_a_namespace_is_read_once(store: Database, session: Connection, run: plan.Run) -> None:
    await bring(store, run, version(), said=announcing(NEW))
    await store_namespace(store, run.source_id, "acme", announced_sha256=NEW, body=BODY, avatar=None)
    assert await stale_namespaces(session, run) == []


async def test_a_namespace_that_is_announced_otherwise_is_read_again(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await store_namespace(store, run.source_id, "acme", announced_sha256=OLD, body=BODY, avatar=None)
    await bring(store, run, version(number="2.0.0"), said=announcing(OLD))
    await bring(store, run, version(number="1.0.0"), said=announcing(NEW))
    assert await stale_namespaces(session, run) == [StaleNamespace(run.source_id, "acme", NEW)]
    await bring(store, run, version(number="2.0.0"), said=announcing(OLD))
    assert await stale_namespaces(session, run) == []


async def test_a_namespace_whose_avatar_could_not_be_had_is_read_again(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, version(), said=announcing(NEW))
    await store_namespace(store, run.source_id, "acme", announced_sha256=None, body=BODY, avatar=None)
    assert len(await stale_namespaces(session, run)) == 1


async def test_a_namespace_is_read_at_each_source(store: Database, session: Connection, run: plan.Run) -> None:
    there = await opened(session, source=OTHER_SOURCE)
    await bring(store, run, version(), said=announcing(NEW))
    await bring(store, there, version(), said=announcing(NEW))
    await store_namespace(store, run.source_id, "acme", announced_sha256=NEW, body=BODY, avatar=None)
    assert await stale_namespaces(session, run) == []
    assert await stale_namespaces(session, there) == [StaleNamespace(there.source_id, "acme", NEW)]


async def test_what_another_run_found_is_not_this_one_s_business(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await bring(store, run, version(), said=announcing(NEW), excluded=True)
    await bring(store, await opened(session, asked="other"), version("beta"), said=announcing(NEW))
    assert await stale_namespaces(session, run) == []


async def test_a_namespace_is_kept_byte_by_byte_with_its_avatar(
    store: Database, session: Connection, run: plan.Run
) -> None:
    await store_namespace(store, run.source_id, "acme", announced_sha256=NEW, body=BODY, avatar=PICTURE)
    row = await session.fetchrow(
        "SELECT convert_to(n.body::text, 'UTF8') AS body, a.content_type, a.body AS picture"
        " FROM source_namespace n JOIN avatar a ON a.sha256 = n.avatar_sha256"
    )
    assert row is not None
    assert tuple(row) == (BODY, "image/png", PICTURE.body)
    assert json.loads(row["body"])["name"] == "acme"


async def test_a_namespace_that_is_read_again_is_replaced(store: Database, session: Connection, run: plan.Run) -> None:
    await store_namespace(store, run.source_id, "acme", announced_sha256=OLD, body=BODY, avatar=PICTURE)
    await store_namespace(store, run.source_id, "acme", announced_sha256=NEW, body=b"{}", avatar=None)
    rows = await session.fetch("SELECT announced_sha256, body::text, avatar_sha256 FROM source_namespace")
    assert [tuple(row) for row in rows] == [(NEW, "{}", None)]


async def test_two_namespaces_may_have_the_same_avatar(store: Database, session: Connection, run: plan.Run) -> None:
    for name in ("acme", "zeta"):
        await store_namespace(store, run.source_id, name, announced_sha256=NEW, body=BODY, avatar=PICTURE)
    assert await session.fetchval("SELECT count(*) FROM avatar") == 1


async def test_an_avatar_of_a_type_that_no_text_can_hold_is_kept(
    store: Database, session: Connection, run: plan.Run
) -> None:
    odd = replace(PICTURE, content_type="image/\0png" + "x" * 5000)
    await store_namespace(store, run.source_id, "acme", announced_sha256=NEW, body=BODY, avatar=odd)
    assert str(await session.fetchval("SELECT content_type FROM avatar")).startswith("image/\ufffdpngxx")


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"a": "\0"}', b'{"a": "\xff"}', b'{"a": "\\u12"}'])
async def test_a_namespace_that_is_no_json_is_refused_and_leaves_nothing(
    store: Database, session: Connection, run: plan.Run, body: bytes
) -> None:
    with pytest.raises(RejectedDocumentError):
        await store_namespace(store, run.source_id, "acme", announced_sha256=NEW, body=body, avatar=PICTURE)
    assert await session.fetchval("SELECT count(*) FROM avatar") == 0
