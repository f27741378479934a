"""What a source says beside the content: kept by source, made equal to what it says now, and shown by the outcome."""

import hashlib
from dataclasses import replace

import pytest

from collectionsync.store import plan
from collectionsync.store.content import Outcome
from collectionsync.store.database import Connection, Database, RejectedDocumentError
from collectionsync.store.said import SIGNATURE_BYTES, RejectedSignatureError, Said, Signature, digest
from store.helpers import FINGERPRINT, OTHER_SOURCE, Text, bring, opened, version

pytestmark = pytest.mark.slow

ARMOUR = "-----BEGIN PGP SIGNATURE-----\n\niQIzBAAB\u00e9\n-----END PGP SIGNATURE-----\n"


def signature(text: str = ARMOUR, fingerprint: str | None = "AB12", service: str | None = "signer") -> Signature:
    return Signature(digest(text), text, fingerprint, service)


def said(*signatures: Signature, marks: tuple[str, ...] = ()) -> Said:
    return Said(marks=marks, namespace_sha256="ab", fingerprint=FINGERPRINT, signatures=signatures)


@pytest.fixture
async def run(session: Connection) -> plan.Run:
    return await opened(session)


async def signatures(session: Connection) -> list[tuple[str, str | None, str | None]]:
    rows = await session.fetch(
        "SELECT signature, pubkey_fingerprint, signing_service FROM source_signature ORDER BY signature"
    )
    return [tuple(row) for row in rows]


def test_a_signature_is_known_by_the_digest_of_its_text() -> None:
    assert digest(ARMOUR) == hashlib.sha256(ARMOUR.encode()).hexdigest()


async def test_what_is_said_of_a_new_version_is_kept(store: Database, run: plan.Run, session: Connection) -> None:
    await bring(store, run, version(), said=said(signature(), marks=("testing", "a", "a")))
    row = await session.fetchrow(
        "SELECT fingerprints, marks, namespace_sha256, checked_at > now() - interval '1 minute' AS lately"
        " FROM source_version"
    )
    assert row is not None
    assert tuple(row) == ([FINGERPRINT], ["a", "testing"], "ab", True)
    assert await signatures(session) == [(ARMOUR, "AB12", "signer")]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (said(signature(), marks=("a",)), Outcome.UNCHANGED),
        (said(signature(), signature(), marks=("a", "a")), Outcome.UNCHANGED),
        (said(signature(), signature("second"), marks=("a",)), Outcome.FILLED),
        (said(marks=("a",)), Outcome.FILLED),
        (said(signature(service=None), marks=("a",)), Outcome.FILLED),
        (said(signature(), marks=("b",)), Outcome.FILLED),
        (said(signature()), Outcome.FILLED),
    ],
    ids=["the same", "the same twice", "one more", "one fewer", "another service", "another mark", "no mark"],
)
async def test_what_is_said_of_a_known_version_is_made_true(
    store: Database, run: plan.Run, session: Connection, later: Said, expected: Outcome
) -> None:
    await bring(store, run, version(), said=said(signature(), marks=("a",)))
    assert await bring(store, run, version(), said=later) == (expected, [])
    kept = {
        each.signature: (each.signature, each.pubkey_fingerprint, each.signing_service) for each in later.signatures
    }
    assert await signatures(session) == [kept[text] for text in sorted(kept)]
    assert await session.fetchval("SELECT marks FROM source_version") == sorted(set(later.marks))


async def test_that_another_source_has_it_too_changes_nothing(store: Database, run: plan.Run) -> None:
    await bring(store, run, version(), [Text(b"{}")], said=said())
    async with store.session() as connection:
        there = await opened(connection, source=OTHER_SOURCE)
    assert await bring(store, there, version(), said=said()) == (Outcome.UNCHANGED, [])


async def test_sources_sign_for_themselves(store: Database, run: plan.Run, session: Connection) -> None:
    there = await opened(session, source=OTHER_SOURCE)
    await bring(store, run, version(), said=said(signature("here")))
    await bring(store, there, version(), said=said(signature("there")))
    await bring(store, run, version(), said=said())
    assert [text for text, _, _ in await signatures(session)] == ["there"]


async def test_a_source_s_version_with_another_digest_is_remembered_as_that(
    store: Database, run: plan.Run, session: Connection
) -> None:
    await bring(store, run, version())
    await bring(store, run, version(artifact="rebuilt"))
    known = await session.fetchval(
        "SELECT sha256 FROM source_version s JOIN collection_version v ON v.id = s.version_id"
    )
    assert known == version(artifact="rebuilt").sha256


async def test_names_that_no_text_can_hold_are_made_harmless(
    store: Database, run: plan.Run, session: Connection
) -> None:
    hostile = Said(
        marks=["a\0b", "\ud800", "x" * 9000],
        namespace_sha256="\0",
        signatures=[signature("text", fingerprint="\0\ud800", service="\x1b[2J" + "é" * 9000)],
    )
    await bring(store, run, version(), said=hostile)
    ((_, fingerprint, service),) = await signatures(session)
    assert (fingerprint, len(service or "")) == ("\ufffd\ufffd", 500)
    assert await session.fetchval("SELECT namespace_sha256 FROM source_version") == "\ufffd"
    assert await session.fetchval("SELECT cardinality(marks) FROM source_version") == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\0b", "the character NUL"),
        ("a\ud800b", "half of a surrogate pair"),
        ("é" * (SIGNATURE_BYTES // 2 + 1), f"of {SIGNATURE_BYTES + 2} bytes is longer than {SIGNATURE_BYTES}"),
    ],
    ids=["NUL", "surrogate", "length"],
)
async def test_a_signature_that_no_text_can_hold_is_refused_and_leaves_nothing(
    store: Database, run: plan.Run, session: Connection, text: str, message: str
) -> None:
    hostile = Signature("0" * 64, text)
    with pytest.raises(RejectedSignatureError, match=message) as caught:
        await bring(store, run, version(), [Text(b"{}")], said=said(hostile))
    assert isinstance(caught.value, RejectedDocumentError), "a worker skips the item"
    assert caught.value.reason == "InvalidSignature"
    assert await session.fetchval("SELECT count(*) FROM collection_version") == 0


async def test_a_signature_of_the_greatest_length_is_kept(store: Database, run: plan.Run, session: Connection) -> None:
    long = "".join(hashlib.sha256(bytes([number % 256, number // 256])).hexdigest() for number in range(1024))
    assert len(long) == SIGNATURE_BYTES
    await bring(store, run, version(), said=said(signature(long)))
    assert [text for text, _, _ in await signatures(session)] == [long]


async def test_what_lists_of_two_kinds_say_is_known_of_both_as_long_as_nothing_changes(
    store: Database, run: plan.Run, session: Connection
) -> None:
    for fingerprint in ("paged", "whole"):
        await bring(store, run, version(), said=replace(said(signature()), fingerprint=fingerprint))
    assert await session.fetchval("SELECT fingerprints FROM source_version") == ["whole", "paged"]


async def test_what_other_lists_said_is_forgotten_when_something_changes(
    store: Database, run: plan.Run, session: Connection
) -> None:
    await bring(store, run, version(), said=replace(said(), fingerprint="paged"))
    await bring(store, run, version(), said=replace(said(signature()), fingerprint="whole"))
    assert await session.fetchval("SELECT fingerprints FROM source_version") == ["whole"]
