"""What the catalog asks is understood by each PostgreSQL that collectionsync works with."""

import json

import pytest

from catalog.content import BASE, WHERE, published_by, read_detail, repository, stored, version_id
from collectionsync.store.catalog import details, everything, lists, namespaces
from collectionsync.store.catalog.details import StoredDocument
from collectionsync.store.catalog.documents import pieces
from collectionsync.store.catalog.repositories import Schema, published, schema
from collectionsync.store.database import connected
from collectionsync.store.migrate import migrate
from store.helpers import Text

pytestmark = pytest.mark.slow

DOCS = b'{"docs_blob": {"contents": ["%s"]}}' % (b"x" * 10_000)
ALPHA = stored("acme", "alpha", docs_blob=DOCS, metadata=b'{"authors":[]}', marks=["certified"])
OF = {"namespace": "acme", "name": "alpha"}


async def test_a_repository_is_read_in_every_way(every_database: str) -> None:
    async with connected(every_database, sessions=2) as store:
        await migrate(store)
        await published_by(store, ALPHA)
    async with connected(every_database, sessions=1, reading=True) as store, store.session() as session:
        assert await schema(session) is Schema.CURRENT
        main = await repository(session)
        assert (await published(session, main)).endswith("Z")
        assert (await lists.collections(session, main, base=BASE, limit=1, offset=0, deprecated=False)).count == 1
        page = await lists.versions(session, main, base=BASE, **OF, limit=1, offset=0)
        assert page is not None
        assert json.loads(page.items)[0]["marks"] == ["certified"]
        assert list((await read_detail(session, main, ALPHA))["metadata"]) == ["tags", "dependencies", "authors"]
        assert (await namespaces.namespaces(session, main, **WHERE, limit=1, offset=0)).count == 1
        assert await namespaces.avatar(session, main, "acme") is None
        assert len((await everything.collections_after(session, main, base=BASE, after=None, limit=9))[0]) == 1
        assert len((await everything.versions_after(session, main, **WHERE, after=None, limit=9))[0]) == 1
        document = StoredDocument(await version_id(session, ALPHA), "docs_blob", len(DOCS), Text(DOCS).sha256)
        answer = await details.docs_blob(session, main, **OF, version="1.0.0", inline_bytes=0)
        assert answer is not None
        assert answer.parts == (document,)
        async with session.transaction():
            assert b"".join([piece async for piece in pieces(session, document, 999)]) == DOCS
