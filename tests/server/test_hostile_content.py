"""Content that is odd, or changes while it is read: served as it came, whole, and harmless to who looks at it."""

import json
from collections.abc import AsyncIterator

import pytest

from collectionsync.server import documents
from collectionsync.store.catalog.documents import pieces
from server.attacked import API, DETAIL
from server.wire import ask, connected, request
from servingmirror import enlarge, filled, mirror
from syncing import until
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

DOCS = f"{DETAIL}docs-blob/"
AVATAR = f"{API}/v3/namespaces/acme/avatar/"


@pytest.mark.parametrize("size", [1, 200_000], ids=["small", "large"])
async def test_a_document_that_no_text_can_hold_is_served_as_it_came(database: str, size: int) -> None:
    odd = rb'"nul": "\u0000", "high": "\ud800", "low": "\uDFFF", "both": "\ud83d\ude00", "slash": "\\u0000"'
    docs = b'{ "docs_blob": {%b, "long": "%b"}, "docs_blob_2":[] }' % (odd, b"x" * size)
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}, docs=docs))
    async with mirror(database) as server:
        reply = await ask(server.port, DOCS)
    assert reply.body == docs
    assert json.loads(reply.body)["docs_blob"]["high"] == "\ud800"


async def test_a_document_that_is_replaced_before_it_is_read_is_asked_for_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def replaced(*arguments: object) -> AsyncIterator[bytes]:
        await enlarge(database, "docs_blob", 300_000)
        async for piece in pieces(*arguments):  # type: ignore[arg-type]
            yield piece

    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    await enlarge(database, "docs_blob", 200_000)
    async with mirror(database) as server:
        monkeypatch.setattr(documents, "pieces", replaced)
        reply = await ask(server.port, DOCS)
        assert reply.status == 503
        assert reply.headers["retry-after"] == "5"
        monkeypatch.setattr(documents, "pieces", pieces)
        again = await ask(server.port, DOCS)
        assert again.whole
        assert len(again.body) > 300_000


async def test_who_reads_a_document_while_it_is_replaced_gets_the_one_that_was_there(database: str) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    await enlarge(database, "docs_blob", 2 * 1024 * 1024)
    async with mirror(database) as server:
        assert server.server is not None
        clients = server.server.clients
        before = (await ask(server.port, DOCS)).body
        async with connected(server.port) as wire:
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await wire.send(request(DOCS))
            await until(lambda: any(each.writing_paused for each in clients._all))
            await enlarge(database, "docs_blob", 3 * 1024 * 1024)
            wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
            reply = await wire.reply()
        assert reply is not None
        assert reply.whole
        assert reply.body == before
        assert (await ask(server.port, DOCS)).body != before


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html"])
async def test_a_picture_that_is_a_page_runs_nothing(database: str, kind: str) -> None:
    """A browser that has credentials for this server would run it in the server's name."""
    catalog = small_catalog({"acme.alpha": ["1.0.0"]})
    catalog.describe(
        "acme", avatar=b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", avatar_type=kind
    )
    await filled(database, catalog)
    async with mirror(database) as server:
        reply = await ask(server.port, AVATAR)
    assert reply.status == 200
    assert "sandbox" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"
