"""A repository changes all at once, and says by its revision what it has."""

import asyncio
import hashlib
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectionsync.store import plan
from collectionsync.store.content import Version
from collectionsync.store.database import Connection, Database
from collectionsync.store.repository import Content, Publication, publish
from collectionsync.store.repository import current as latest
from store.helpers import (
    OTHER_SOURCE,
    TERMS,
    Onlooker,
    Text,
    bring,
    content,
    current,
    item,
    listed,
    opened,
    synced,
    version,
)

pytestmark = pytest.mark.slow

ALPHA, BETA, GAMMA = version("alpha"), version("beta"), version("gamma")


def revision(versions: Iterable[Version]) -> str:
    """The revision, from its definition."""
    lines = sorted((f"{each.namespace}.{each.name}", each.version, each.sha256) for each in versions)
    return hashlib.sha256("".join(f"{' '.join(line)}\n" for line in lines).encode()).hexdigest()


def changes(publication: Publication) -> tuple[int, int, str]:
    return publication.added, publication.removed, publication.revision


async def numbers(connection: Connection) -> list[int]:
    return [row["number"] for row in await connection.fetch("SELECT number FROM repository_version ORDER BY number")]


async def test_the_first_publication_adds(store: Database, session: Connection) -> None:
    assert changes(await synced(store, [ALPHA, BETA])) == (2, 0, revision([ALPHA, BETA]))
    assert await current(session) == content(ALPHA, BETA)
    assert await numbers(session) == [1]


async def test_the_same_again_changes_nothing_and_has_no_number(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA])
    assert changes(await synced(store, [BETA, ALPHA])) == (0, 0, revision([ALPHA, BETA]))
    assert await numbers(session) == [1]


async def test_publishing_twice_in_a_run_changes_nothing(store: Database, session: Connection) -> None:
    run = await opened(session)
    await bring(store, run, ALPHA)
    await publish(session, run, mirror=False)
    assert changes(await publish(session, run, mirror=False)) == (0, 0, revision([ALPHA]))


async def test_nothing_at_all_has_a_revision_and_no_number(store: Database, session: Connection) -> None:
    assert changes(await synced(store, [])) == (0, 0, revision([]))
    assert await numbers(session) == []


async def test_what_the_run_did_not_bring_stays(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA])
    assert changes(await synced(store, [BETA])) == (1, 0, revision([ALPHA, BETA]))
    assert await current(session) == content(ALPHA, BETA)


async def test_a_version_with_another_digest_replaces_the_old_one_from_then_on(
    store: Database, session: Connection
) -> None:
    other = version("alpha", artifact="rebuilt")
    await synced(store, [ALPHA, BETA])
    publication = await synced(store, [other], source=OTHER_SOURCE)
    assert changes(publication) == (1, 1, revision([other, BETA]))
    rows = await session.fetch(
        "SELECT v.sha256, c.added, c.removed FROM repository_content c"
        " JOIN collection_version v ON v.id = c.version_id WHERE v.name = 'alpha' ORDER BY c.added"
    )
    assert [tuple(row) for row in rows] == [(ALPHA.sha256, 1, 2), (other.sha256, 2, None)]


async def test_a_digest_that_comes_back_has_a_range_of_its_own(store: Database, session: Connection) -> None:
    other = version("alpha", artifact="rebuilt")
    await synced(store, [ALPHA])
    await synced(store, [other], source=OTHER_SOURCE)
    assert changes(await synced(store, [ALPHA])) == (1, 1, revision([ALPHA]))
    assert await current(session) == content(ALPHA)
    assert await session.fetchval("SELECT count(*) FROM repository_content") == 3


async def test_an_item_that_failed_neither_adds_nor_removes(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA])
    run = await opened(session)
    for one in (ALPHA, BETA):
        await plan.settle(session, run, item(run, one), state="Failed", reason="NotFound")
    assert changes(await publish(session, run, mirror=False)) == (0, 0, revision([ALPHA]))


async def test_a_known_version_whose_docs_could_not_be_had_is_published_all_the_same(
    store: Database, session: Connection
) -> None:
    run = await opened(session, repository="other")
    await bring(store, run, ALPHA)
    run = await opened(session)
    await plan.add_items(session, run, "acme", "alpha", listed("1.0.0"), source_id=run.source_id)
    (known,) = (await plan.claim(session, run, 1, terms=TERMS)).items
    await plan.settle(session, run, known, state="Failed", version_id=known.version_id, reason="NotFound")
    assert changes(await publish(session, run, mirror=False)) == (1, 0, revision([ALPHA]))


async def test_what_is_left_out_is_not_published(store: Database, session: Connection) -> None:
    run = await opened(session)
    await bring(store, run, ALPHA, excluded=True)
    await bring(store, run, BETA)
    assert changes(await publish(session, run, mirror=False)) == (1, 0, revision([BETA]))


async def test_what_the_repository_holds_can_be_said_without_a_publication(
    store: Database, session: Connection
) -> None:
    published = await synced(store, [ALPHA, BETA])
    now = await latest(session, await opened(session))
    assert (changes(now), now.content) == ((0, 0, published.revision), published.content)


async def test_tenants_share_content_and_never_membership(store: Database, session: Connection) -> None:
    await synced(store, [ALPHA, BETA], namespace="team-a")
    await synced(store, [BETA, GAMMA], namespace="team-b")
    await synced(store, [GAMMA], namespace="team-a", repository="other")
    assert await current(session, "team-a") == content(ALPHA, BETA)
    assert await current(session, "team-b") == content(BETA, GAMMA)
    assert await current(session, "team-a", "other") == content(GAMMA)
    assert await session.fetchval("SELECT count(*) FROM collection_version") == 3


async def test_a_publication_says_what_the_repository_holds_whoever_brought_it(store: Database) -> None:
    await synced(store, [ALPHA, version("alpha", "2.0.0")])
    assert (await synced(store, [BETA])).content == Content(versions=3, collections=2, bytes=3 * len(b"{}"))


async def test_a_repository_holds_neither_what_was_replaced_nor_what_others_have(store: Database) -> None:
    await synced(store, [ALPHA, BETA, GAMMA], repository="other")
    await synced(store, [ALPHA])
    replaced = await synced(store, [version("alpha", artifact="rebuilt")], source=OTHER_SOURCE)
    assert replaced.content == Content(versions=1, collections=1, bytes=len(b"{}"))


async def test_an_empty_repository_holds_nothing(store: Database) -> None:
    assert (await synced(store, [])).content == Content(versions=0, collections=0, bytes=0)


async def test_versions_without_documents_are_held_and_have_no_bytes(store: Database, session: Connection) -> None:
    run = await opened(session)
    await bring(store, run, ALPHA)
    assert (await publish(session, run, mirror=False)).content == Content(versions=1, collections=1, bytes=0)


async def test_all_documents_of_a_version_are_counted(store: Database, session: Connection) -> None:
    run = await opened(session)
    documents = [Text(b'{"a": 1}', "docs_blob"), Text(b"{}", "manifest"), Text(b"[]", "files")]
    await bring(store, run, ALPHA, documents)
    assert (await publish(session, run, mirror=False)).content.bytes == sum(each.size for each in documents)


_NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,4}", fullmatch=True)
_VERSIONS = st.from_regex(r"[0-9]\.[0-9]{1,2}\.0(-[a-zA-Z.-]{1,3})?", fullmatch=True)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.tuples(_NAMES, _VERSIONS), min_size=1, max_size=8, unique=True))
async def test_the_revision_is_that_of_the_sorted_content(store: Database, names: list[tuple[str, str]]) -> None:
    versions = [version(name, number) for name, number in names]
    publication = await synced(store, versions, repository=revision(versions))
    assert publication.revision == revision(versions)


async def test_a_reader_sees_the_old_repository_until_the_new_one_is_whole(
    store: Database, session: Connection, onlooker: Onlooker
) -> None:
    old = [version(f"c{number}") for number in range(20)]
    new = [version(f"c{number}", artifact="rebuilt") for number in range(20)]
    await synced(store, old)
    run = await opened(session, source=OTHER_SOURCE)
    for one in new:
        await bring(store, run, one)
    publishing = session.transaction()
    await publishing.start()
    await publish(session, run, mirror=False)
    assert await current(onlooker) == content(*old)
    await publishing.commit()
    assert await current(onlooker) == content(*new)


async def test_readers_see_one_or_the_other_and_never_a_mixture(store: Database, onlooker: Onlooker) -> None:
    here = [version(f"c{number}") for number in range(20)]
    there = [version(f"c{number}", artifact="there") for number in range(20)]
    await synced(store, here)
    done = asyncio.Event()

    async def alternate() -> None:
        for number in range(10):
            turn = there if number % 2 == 0 else here
            await synced(store, turn, source=f"https://{'there' if turn is there else 'here'}.example.com/")
        done.set()

    seen = []
    publishing = asyncio.create_task(alternate())
    while not done.is_set():
        seen.append(await current(onlooker))
    await publishing
    assert all(each in (content(*here), content(*there)) for each in seen)
    assert content(*there) in seen


async def test_of_two_that_publish_at_once_each_has_a_number_and_both_contents_are_there(
    store: Database, session: Connection
) -> None:
    publications = await asyncio.gather(
        *(synced(store, [version(f"c{number}") for number in range(each, 40, 4)], asked=str(each)) for each in range(4))
    )
    assert [publication.added for publication in publications] == [10] * 4
    assert await numbers(session) == [1, 2, 3, 4]
    last = await session.fetchval("SELECT revision FROM repository_version ORDER BY number DESC LIMIT 1")
    assert last == revision(version(f"c{number}") for number in range(40))


async def test_of_two_that_publish_the_same_at_once_only_one_changes_anything(
    store: Database, session: Connection
) -> None:
    publications = await asyncio.gather(*(synced(store, [ALPHA, BETA], asked=str(each)) for each in range(3)))
    assert sorted(publication.added for publication in publications) == [0, 0, 2]
    assert {publication.revision for publication in publications} == {revision([ALPHA, BETA])}
    assert await numbers(session) == [1]
