"""Statements that touch everything do so once, though PostgreSQL has no statistics yet and takes much for little."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from collectionsync.store import changes, claim, items, namespaces, plan, requirements
from collectionsync.store.database import Connection
from store.helpers import FINGERPRINT, digest, opened

pytestmark = pytest.mark.slow

MANY = 20_000


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    """A run of a source that is known to have many versions, each with docs."""
    run = await opened(session)
    await session.execute(
        "WITH made AS (INSERT INTO collection_version"
        " (namespace, name, version, sort_key, sha256, size, dependencies, tags)"
        " SELECT 'acme', 'c' || n % 500, n || '.0.0', n::text, encode(sha256(n::text::bytea), 'hex'), 1,"
        "        jsonb_build_object('acme.c' || n % 500, '*'), '{}'"
        " FROM generate_series(1, $2::integer) n RETURNING *),"
        " docs AS (INSERT INTO collection_document SELECT id, 'docs_blob', '{}', 2, sha256, false FROM made)"
        " INSERT INTO source_version (source_id, namespace, name, version, version_id, fingerprints, namespace_sha256,"
        "                             checked_at)"
        " SELECT $1, namespace, name, version, id, ARRAY[$3::text], 'ab', now() FROM made",
        run.source_id,
        MANY,
        FINGERPRINT,
    )
    return run


async def plan_all(
    session: Connection, run: plan.Run, *, state: str = "Unchanged", fingerprint: str = FINGERPRINT
) -> None:
    """Have all of it in the run's plan."""
    await session.execute(
        "INSERT INTO sync_item (run_id, source_id, namespace, name, version, fingerprint, state, version_id)"
        " SELECT $1, $2, namespace, name, version, $3, $4, CASE WHEN $4 <> 'Pending' THEN id END"
        " FROM collection_version",
        run.id,
        run.source_id,
        fingerprint,
        state,
    )


async def publish_all(session: Connection, run: plan.Run) -> None:
    """Have all of it published, and claimed by the run's resource."""
    await session.execute(
        "WITH member AS (INSERT INTO repository_content SELECT $1, id, 1 FROM collection_version RETURNING version_id)"
        " INSERT INTO repository_claim SELECT $1, $2, version_id, $3 FROM member",
        run.repository_id,
        run.owner,
        run.source_id,
    )


async def explained(session: Connection, statement: str, *values: object) -> dict[str, Any]:
    """Carry a statement out, and return how."""
    transaction = session.transaction()
    await transaction.start()
    told = await session.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *values)
    await transaction.rollback()
    plan_: dict[str, Any] = json.loads(told)[0]["Plan"]
    return plan_


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from nodes(below)


def handled(top: dict[str, Any]) -> int:
    """Count the rows that the nodes of a plan handled; to compare all with all would make it the square of them."""
    removed = ("Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")
    rows = (
        (each["Actual Rows"] + sum(each.get(key, 0) for key in removed)) * each["Actual Loops"] for each in nodes(top)
    )
    return int(sum(rows))


def blocks(top: dict[str, Any]) -> int:
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


@pytest.mark.parametrize(
    "fingerprint", [digest("of another list"), FINGERPRINT], ids=["read again", "lacks an artifact"]
)
async def test_a_claim_that_recognises_nothing_of_many_looks_at_a_window(
    session: Connection, run: plan.Run, fingerprint: str
) -> None:
    await plan_all(session, run, state="Pending", fingerprint=fingerprint)
    top = await explained(session, claim._RECOGNISE, run.id, 1000, 3600.0, False, 1, False)
    # The items alone fill hundreds of blocks. Each of the 1,000 takes an item, what is known of it, and the artifact.
    assert blocks(top) < 12_000
    assert handled(top) < 10_000


async def test_a_claim_that_recognises_many_looks_at_a_window(session: Connection, run: plan.Run) -> None:
    await plan_all(session, run, state="Pending")
    top = await explained(session, claim._RECOGNISE, run.id, 1000, 3600.0, False, None, False)
    assert handled(top) < 20_000


async def test_a_claim_out_of_many_looks_at_what_it_takes(session: Connection, run: plan.Run) -> None:
    await plan_all(session, run, state="Pending")
    top = await explained(session, claim._CLAIM, run.id, 8)
    assert handled(top) < 100


@pytest.mark.parametrize("planned", [True, False], ids=["all planned", "nothing planned"])
async def test_a_publication_of_many_handles_each_a_few_times(
    session: Connection, run: plan.Run, planned: bool
) -> None:
    await publish_all(session, run)
    if planned:
        await plan_all(session, run)
    where = (run.repository_id, run.id)
    for statement, values in (
        (changes._REPLACE, (*where, 2)),
        (changes._MOVE_CLAIMS, (*where, run.owner)),
        (changes._CLAIM, (*where, run.owner)),
        (changes._ADD, (*where, 2)),
        (changes._REMOVE, (*where, run.owner, 2)),
        (changes._DEPRECATE, (run.repository_id, run.owner, run.id)),
    ):
        assert handled(await explained(session, statement, *values)) < 15 * MANY, statement


async def test_dependencies_of_many_are_looked_at_once(session: Connection, run: plan.Run) -> None:
    await publish_all(session, run)
    await plan_all(session, run)
    statement = requirements._REQUIRE_DEPENDENCIES
    top = await explained(session, statement, run.id, 300, run.repository_id, run.owner)
    assert handled(top) < 15 * MANY


async def test_what_failed_of_many_is_looked_up_by_collection(session: Connection, run: plan.Run) -> None:
    await publish_all(session, run)
    await plan_all(session, run)
    await session.execute("UPDATE sync_item SET state = 'Failed', version_id = NULL WHERE name = 'c1'")
    statement = requirements._REQUIRE_DEPENDENCIES
    top = await explained(session, statement, run.id, 300, run.repository_id, run.owner)
    assert handled(top) < 20 * MANY


async def test_namespaces_of_many_are_looked_at_once(session: Connection, run: plan.Run) -> None:
    await plan_all(session, run)
    assert handled(await explained(session, namespaces._STALE, run.id)) < 10 * MANY


@pytest.mark.parametrize("there", [True, False], ids=["in the plan already", "new"])
async def test_a_page_of_versions_is_added_to_many(session: Connection, run: plan.Run, there: bool) -> None:
    await plan_all(session, run)
    await session.execute("UPDATE sync_item SET listed = false")
    page = range(1, 501) if there else range(MANY + 1, MANY + 501)
    columns = (
        ["acme"] * 500,
        [f"c{number % 500}" for number in page],
        [f"{number}.0.0" for number in page],
        [FINGERPRINT] * 500,
        [""] * 500,
    )
    assert handled(await explained(session, items._ADD, run.id, run.source_id, *columns)) < 10_000
