"""What a repository calls its state moves with whatever a client could see change, and never goes back.

Another mirror reads nothing where it stays the same, so a change that does not move it is never seen.
"""

import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from catalog.content import (
    BASE,
    Stored,
    filled_database,
    published_by,
    repository,
    source_id,
    store_all,
    stored,
    version_id,
)
from collectionsync.store import artifacts, audit, plan
from collectionsync.store.artifacts import StoredArtifact
from collectionsync.store.catalog import lists
from collectionsync.store.catalog.repositories import published
from collectionsync.store.content import fill_version, note_change
from collectionsync.store.database import Connection, Database, connected
from collectionsync.store.namespaces import Avatar, store_namespace
from collectionsync.store.plan import Requirement
from collectionsync.store.repository import publish
from collectionsync.store.said import Said, Signature
from collectionsync.store.signatures import keep_signatures
from store.helpers import FINGERPRINT, OTHER_SOURCE, SOURCE, Text, digest, item, opened

pytestmark = pytest.mark.slow

SIGNED = Said(fingerprint=FINGERPRINT, signatures=[Signature(digest("one"), "one")])
PICTURE = Avatar(hashlib.sha256(b"PNG").hexdigest(), "image/png", b"PNG")
URLS = ("https://signatures.example/1",)
_NUMBERS = itertools.count(1)


class Watched:
    """A repository of a team of its own, with the collections `alpha` and `beta`, and what it said of its state."""

    def __init__(self, store: Database, session: Connection) -> None:
        self.store = store
        self.session = session
        self.team = f"team-{next(_NUMBERS)}"
        self.space = self.team.replace("-", "_")
        self.alpha, self.beta = stored(self.space, "alpha"), stored(self.space, "beta")
        self.said = [""]

    async def look(self) -> None:
        self.said.append(await published(self.session, await repository(self.session, self.team)))

    async def moved(self) -> bool:
        """Whether its state moved on since the last look; it never goes back."""
        await self.look()
        assert self.said[-1] >= self.said[-2]
        return self.said[-1] > self.said[-2]

    async def listed(self) -> Any:
        """The version of `alpha` as the list of its versions has it."""
        of = await repository(self.session, self.team)
        page = await lists.versions(self.session, of, base=BASE, namespace=self.space, name="alpha", limit=1, offset=0)
        assert page is not None
        return json.loads(page.items)[0]

    async def publish(self, *versions: Stored, **of: Any) -> None:
        """Have a run bring these versions and publish them; each run asks for something else."""
        await published_by(self.store, *versions, **{"namespace": self.team, "asked": str(next(_NUMBERS)), **of})

    async def reread(self, what: Stored, **of: str) -> None:
        """Have a run read a version again, as the source says it is now; it publishes nothing."""
        run = await self.run(**of)
        await store_all(self.store, run, what)
        await plan.finish(self.session, run, result="Succeeded", report=b"{}")

    async def run(self, **of: str) -> plan.Run:
        return await opened(self.session, **{"namespace": self.team, "asked": str(next(_NUMBERS)), **of})


async def nothing(_: Database) -> None:
    """The tests here fill the database that they share: each has a repository and collections of its own."""


@pytest.fixture(scope="module")
def filled(postgres_uri: str) -> Iterator[str]:
    with filled_database(postgres_uri, nothing) as uri:
        yield uri


@pytest.fixture
async def watched(filled: str) -> AsyncIterator[Watched]:
    async with connected(filled, sessions=4) as store, store.session() as session:
        watched = Watched(store, session)
        await watched.publish(watched.alpha, watched.beta)
        await watched.look()
        yield watched


async def test_it_stays_while_nothing_changes(watched: Watched) -> None:
    before = await watched.listed()
    await watched.publish(watched.alpha, watched.beta, mirror=True)
    await watched.reread(watched.alpha)
    assert not await watched.moved()
    assert await watched.listed() == before


async def test_it_moves_with_versions_that_come_and_go(watched: Watched) -> None:
    await watched.publish(watched.alpha, watched.beta, stored(watched.space, "gamma"), mirror=True)
    assert await watched.moved()
    await watched.publish(watched.alpha, watched.beta, mirror=True)
    assert await watched.moved()


async def test_it_moves_with_a_deprecation(watched: Watched) -> None:
    for flag in (True, False):
        await watched.publish(watched.alpha, watched.beta, deprecated={f"{watched.space}.beta": flag})
        assert await watched.moved()


@pytest.mark.parametrize("kind", ["docs_blob", "manifest", "files", "metadata"])
async def test_it_moves_with_a_document_that_is_filled_in_or_forgotten(watched: Watched, kind: str) -> None:
    alpha = await version_id(watched.session, watched.alpha)
    for change in ("filled", "forgotten"):
        before = await watched.listed()
        if change == "filled":
            await watched.reread(replace(watched.alpha, documents={kind: b"{}"}))
        else:
            async with watched.store.transaction() as connection:
                await audit.forget_document(connection, alpha, kind)
        assert await watched.moved()
        assert (await watched.listed())["updated_at"] > before["updated_at"]


async def test_it_moves_with_docs_alone(watched: Watched) -> None:
    run = await watched.run()
    known = replace(item(run, watched.alpha.version), version_id=await version_id(watched.session, watched.alpha))
    await fill_version(watched.store, run, known, known.version_id or 0, [Text(b"{}")])
    assert await watched.moved()
    await fill_version(watched.store, run, known, known.version_id or 0, [Text(b"{}")])
    assert not await watched.moved()


async def test_it_moves_with_marks_and_signatures_of_the_source(watched: Watched) -> None:
    other_key = replace(SIGNED, signatures=[replace(SIGNED.signatures[0], pubkey_fingerprint="AB")])
    for said in (Said(marks=["certified"], fingerprint=FINGERPRINT), SIGNED, other_key, Said(fingerprint=FINGERPRINT)):
        before = await watched.listed()
        await watched.reread(replace(watched.alpha, said=said))
        assert await watched.moved()
        assert (await watched.listed())["updated_at"] > before["updated_at"]


async def test_it_moves_when_the_source_s_marks_go_over_to_another_artifact(watched: Watched) -> None:
    await watched.reread(replace(watched.alpha, said=Said(marks=["certified"], fingerprint=FINGERPRINT)))
    await watched.look()
    assert (await watched.listed())["marks"] == ["certified"]
    await watched.reread(
        stored(watched.space, "alpha", artifact="built again", marks=["certified"]), namespace="team-b"
    )
    assert await watched.moved()
    assert (await watched.listed())["marks"] == []


async def test_it_moves_with_an_artifact_that_comes_or_is_forgotten(watched: Watched) -> None:
    store_id = await artifacts.store_id(watched.session, "file:///artifacts")
    await watched.reread(replace(watched.alpha, artifact=StoredArtifact(store_id, 2000, "Chain")))
    assert await watched.moved()
    async with watched.store.transaction() as connection:
        await audit.forget_artifact(connection, store_id, await version_id(connection, watched.alpha))
    assert await watched.moved()


async def test_it_moves_with_a_namespace_and_its_avatar(watched: Watched) -> None:
    source = await source_id(watched.session, SOURCE)
    for body, avatar in ((b'{"company": "A"}', None), (b'{"company": "B"}', None), (b'{"company": "B"}', PICTURE)):
        said = {"announced_sha256": None, "body": body, "avatar": avatar}
        await store_namespace(watched.store, source, watched.space, **said)  # type: ignore[arg-type]
        assert await watched.moved()
        await store_namespace(watched.store, source, watched.space, **said)  # type: ignore[arg-type]
        assert not await watched.moved()


async def test_it_moves_with_signatures_by_url(watched: Watched) -> None:
    run = await watched.run()
    await plan.require(watched.session, run, [Requirement(f"{watched.space}.alpha", "*", signatures=URLS)])
    alpha = await version_id(watched.session, watched.alpha)
    for signatures in (["one"], ["one", "two"], ["two"]):
        before = await watched.listed()
        assert await keep_signatures(watched.session, run, alpha, signatures)
        assert await watched.moved()
        assert (await watched.listed())["updated_at"] > before["updated_at"]
        await keep_signatures(watched.session, run, alpha, signatures)
        assert not await watched.moved()
    await store_all(watched.store, run, watched.alpha, watched.beta)
    await publish(watched.session, run, mirror=False)
    assert not await watched.moved()
    later = await watched.run()
    await store_all(watched.store, later, watched.alpha, watched.beta)
    await publish(watched.session, later, mirror=False)
    assert await watched.moved()


async def test_it_moves_with_the_sources_that_are_heard(watched: Watched) -> None:
    await watched.publish(watched.alpha, owner="second", source=OTHER_SOURCE)
    assert await watched.moved()
    await watched.publish(watched.alpha, owner="third", source=OTHER_SOURCE)
    assert not await watched.moved()
    await watched.publish(watched.alpha, owner="second", source=SOURCE)
    assert await watched.moved()
    await watched.publish(owner="third", source=OTHER_SOURCE, mirror=True)
    assert await watched.moved()


async def test_it_stays_with_what_another_repository_has(watched: Watched) -> None:
    await watched.publish(stored(watched.space, "delta"), repository="another")
    await watched.reread(replace(stored(watched.space, "delta"), documents={"docs_blob": b"{}"}), repository="another")
    source = await source_id(watched.session, SOURCE)
    await store_namespace(watched.store, source, "other", announced_sha256=None, body=b"{}", avatar=None)
    assert not await watched.moved()


async def test_it_moves_with_each_of_two_changes_that_are_committed_in_another_order_than_they_were_made(
    watched: Watched,
) -> None:
    alpha, beta = [await version_id(watched.session, each) for each in (watched.alpha, watched.beta)]
    async with watched.store.transaction() as early:
        await note_change(early, alpha)
        async with watched.store.transaction() as late:
            await note_change(late, beta)
        assert await watched.moved()
    assert await watched.moved()


async def test_it_never_goes_back_when_what_changed_last_is_removed(watched: Watched) -> None:
    for _ in range(3):
        async with watched.store.transaction() as connection:
            await note_change(connection, await version_id(connection, watched.alpha))
    await watched.session.execute(
        "UPDATE version_change SET changed_at = changed_at + interval '1 hour' WHERE version_id = $1",
        await version_id(watched.session, watched.alpha),
    )
    await watched.look()
    await watched.publish(watched.beta, mirror=True)
    assert await watched.moved()
    await watched.publish(mirror=True)
    assert await watched.moved()
