"""What clients and caches are told of an answer, whichever it is: its type, length, tag and encoding."""

import gzip

import pytest

from collectionsync.server.answers import is_known
from server.shown import ALPHA, API, DETAIL, DOCS, DOCS_BYTES, Shown

pytestmark = pytest.mark.slow

LISTS = (f"{API}/v3/collections/all/", f"{API}/v3/collection_versions/all/")
SMALL = (f"{API}/", f"{API}/v3/", f"{API}/v3/collections/", f"{ALPHA}/", f"{ALPHA}/versions/", DETAIL)
EVERY = (*SMALL, DOCS, *LISTS)


@pytest.mark.parametrize("target", EVERY)
async def test_caches_may_keep_it_and_have_to_ask(shown: Shown, target: str) -> None:
    reply = await shown.ask(target)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["vary"] == "Accept-Encoding"
    assert reply.headers["server"] == "collectionsync"


@pytest.mark.parametrize("target", EVERY)
async def test_who_has_it_already_is_told_so(shown: Shown, target: str) -> None:
    tag = (await shown.ask(target)).headers["etag"]
    for known in (tag, f"W/{tag.removeprefix('W/')}", f'"other", {tag}', "*"):
        reply = await shown.ask(target, f"If-None-Match: {known}")
        assert (reply.status, reply.body) == (304, b"")
        assert reply.headers["etag"] == tag
    assert (await shown.ask(target, 'If-None-Match: "other"')).status == 200


@pytest.mark.parametrize("target", EVERY)
async def test_a_head_has_the_head_of_the_answer_and_no_body(shown: Shown, target: str) -> None:
    got, head = await shown.ask(target), await shown.ask(target, method="HEAD")
    assert head.status == 200
    assert head.body == b""
    told = ("content-type", "content-length", "etag", "vary", "cache-control", "content-encoding")
    assert {name: head.headers.get(name) for name in told} == {name: got.headers.get(name) for name in told}


async def test_an_answer_that_breaks_off_can_be_told_from_a_whole_one(shown: Shown) -> None:
    for target in (*SMALL, DOCS):
        assert "content-length" in (await shown.ask(target)).headers
    for target in LISTS:
        assert (await shown.ask(target)).headers["transfer-encoding"] == "chunked"


@pytest.mark.parametrize("target", [f"{ALPHA}/versions/", DETAIL, DOCS, *LISTS])
async def test_gzip_is_for_those_who_ask_for_it_and_has_a_tag_of_its_own(shown: Shown, target: str) -> None:
    plain, packed = await shown.ask(target), await shown.ask(target, "Accept-Encoding: gzip, deflate")
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)
    assert packed.headers["etag"] != plain.headers["etag"]


async def test_either_tag_says_that_a_client_has_the_content(shown: Shown) -> None:
    tag = (await shown.ask(DETAIL, "Accept-Encoding: gzip")).headers["etag"]
    assert (await shown.ask(DETAIL, f"If-None-Match: {tag}")).status == 304
    assert (await shown.ask(DETAIL, f"If-None-Match: {tag}", "Accept-Encoding: gzip")).status == 304


async def test_what_is_tiny_is_not_packed(shown: Shown) -> None:
    assert "content-encoding" not in (await shown.ask(f"{API}/", "Accept-Encoding: gzip")).headers


async def test_a_large_document_comes_whole_whoever_else_reads_it(shown: Shown) -> None:
    first, second = await shown.ask(DOCS), await shown.ask(DOCS)
    assert first.body == second.body
    assert len(first.body) > DOCS_BYTES
    assert first.headers["content-length"] == str(len(first.body))


async def test_two_contents_have_two_tags(shown: Shown) -> None:
    tags = {(await shown.ask(target)).headers["etag"] for target in (*SMALL, DOCS)}
    assert len(tags) == len((*SMALL, DOCS))


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (None, False),
        ('"a"', True),
        ('W/"a"', True),
        ('"a-gzip"', True),
        ('"b", "a"', True),
        ("*", True),
        ('"b"', False),
        ("", False),
        ("a", True),
    ],
)
def test_tags_are_compared_by_what_they_name(header: str | None, known: bool) -> None:
    assert is_known(header, "a") is known
