"""Answers that are kept hold exactly as long as the state that they were made in."""

import asyncpg
import pytest

from collectionsync.server.answers import Body, digest
from collectionsync.server.remembered import LARGEST_BYTES, Remembered
from collectionsync.store.catalog.details import Answer as Parts
from postgres import execute
from servingmirror import filled, mirror
from testgalaxy import small_catalog

API = "/default/default/api"
COLLECTION = f"{API}/v3/collections/acme/alpha/"
DETAIL = f"{COLLECTION}versions/1.0.0/"
QUESTION = ("http://server", "/path")


def kept(capacity: int = 1_000_000) -> Remembered:
    found = Remembered(capacity)
    assert found.find(QUESTION, "first") is None
    return found


def test_an_answer_is_found_in_its_state_by_its_question_alone() -> None:
    answers = kept()
    answers.keep(QUESTION, "first", Body(b"answer"))
    assert answers.find(QUESTION, "first") == Body(b"answer", etag=digest(b"answer"))
    assert answers.find(("http://server", "/other"), "first") is None
    assert answers.find(("https://server", "/path"), "first") is None


def test_in_another_state_nothing_is_known_any_more() -> None:
    answers = kept()
    answers.keep(QUESTION, "first", Body(b"answer"))
    assert answers.find(QUESTION, "second") is None
    assert answers.bytes == 0
    assert answers.find(QUESTION, "first") is None


def test_an_answer_of_an_earlier_state_is_not_kept() -> None:
    answers = kept()
    assert answers.find(QUESTION, "second") is None
    answers.keep(QUESTION, "first", Body(b"old"))
    assert answers.find(QUESTION, "second") is None


def test_where_the_state_is_not_known_nothing_is_kept() -> None:
    answers = Remembered(1_000_000)
    answers.keep(QUESTION, None, Body(b"answer"))
    assert answers.bytes == 0


def test_who_is_sent_an_answer_cannot_change_it_for_others() -> None:
    answers = kept()
    answers.keep(QUESTION, "first", Body(b"answer"))
    sent = answers.find(QUESTION, "first")
    assert isinstance(sent, Body)
    sent.body = b""
    assert answers.find(QUESTION, "first") == Body(b"answer", etag=digest(b"answer"))


def test_what_was_not_asked_for_the_longest_goes_when_there_is_no_room() -> None:
    answers = kept(3 * (1000 + 1024 + 100))
    for path in ("/1", "/2", "/3", "/1", "/4"):
        if answers.find(("host", path), "first") is None:
            answers.keep(("host", path), "first", Body(b"x" * 1000))
    found = [path for path in ("/1", "/2", "/3", "/4") if answers.find(("host", path), "first")]
    assert found == ["/1", "/3", "/4"]


def test_what_is_large_is_not_kept() -> None:
    answers = kept()
    answers.keep(QUESTION, "first", Body(b"x" * (LARGEST_BYTES + 1)))
    answers.keep(("host", "/parts"), "first", Parts((b"x" * LARGEST_BYTES, b"x"), LARGEST_BYTES + 1, "etag"))
    assert answers.bytes == 0


@pytest.mark.slow
async def test_who_has_just_published_is_answered_with_that(database: str) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    async with mirror(database) as server:
        for number in range(1, 6):
            for _ in range(3):
                assert (await server.json(COLLECTION))["highest_version"]["version"] == f"{number}.0.0"
            versions = [f"{each}.0.0" for each in range(1, number + 2)]
            await filled(database, small_catalog({"acme.alpha": versions}))


@pytest.mark.slow
async def test_any_change_of_a_row_is_another_state(database: str) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    async with mirror(database) as server:
        assert server.server is not None
        remembered = server.server.holdings.remembered
        await server.get(DETAIL)
        before = remembered.bytes
        assert before > 0
        execute(database, "UPDATE collection_version SET requires_ansible = '>=9'")
        assert (await server.json(DETAIL))["requires_ansible"] == ">=9"


@pytest.mark.slow
async def test_what_another_transaction_has_not_committed_yet_is_seen_when_it_has(database: str) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    writer = await asyncpg.connect(database)
    try:
        async with mirror(database) as server:
            async with writer.transaction():
                await writer.execute("UPDATE collection_version SET requires_ansible = '>=9'")
                for _ in range(2):
                    assert (await server.json(DETAIL))["requires_ansible"] == ">=2.15.0"
            assert (await server.json(DETAIL))["requires_ansible"] == ">=9"
    finally:
        await writer.close()


@pytest.mark.slow
async def test_another_host_is_told_its_own_addresses(database: str) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    async with mirror(database) as server:
        for host in ("one.example", "two.example", "one.example"):
            detail = (await server.get(DETAIL, Host=host)).json
            assert detail["download_url"].startswith(f"http://{host}/")
