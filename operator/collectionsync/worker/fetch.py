"""One version from the source to spool files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collectionsync.galaxy.client import GalaxyClient
from collectionsync.store.content import Version
from collectionsync.store.copy_format import Document
from collectionsync.store.plan import Item
from collectionsync.worker.budget import MEBIBYTE, ByteBudget
from collectionsync.worker.detail import read_detail
from collectionsync.worker.spool import Spool

# The largest known are 4 MB. These bound what a hostile source can make of a disk.
DETAIL_LIMIT_BYTES = 64 * MEBIBYTE
DOCS_LIMIT_BYTES = 256 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Fetched:
    """An item's documents, ready for the database. `version` is None where it was known and only docs were missing."""

    item: Item
    version: Version | None
    documents: Sequence[Document]
    docs: Spool | None

    def close(self) -> None:
        """Let go of the spool files."""
        if self.docs is not None:
            self.docs.close()


async def fetch(client: GalaxyClient, item: Item, *, folder: Path, budget: ByteBudget) -> Fetched:
    """Bring an item's detail and docs blob; a docs blob that the source does not have is simply not there.

    Raises:
        GalaxyError: something could not be had, or is unusable.
        SpoolError: the disk does not take it.
    """
    version: Version | None = None
    documents: list[Document] = []
    if item.version_id is None:
        # Not under the budget: whoever held bytes for a detail while it waits for docs could wait for ever.
        detail = Spool("detail", folder)
        try:
            await client.detail(item.namespace, item.name, item.version, detail, limit=DETAIL_LIMIT_BYTES)
            version, slices = read_detail(item, detail)
            documents.extend(slices)
        finally:
            detail.close()
    docs = Spool("docs_blob", folder, budget)
    try:
        if not await client.docs_blob(item.namespace, item.name, item.version, docs, limit=DOCS_LIMIT_BYTES):
            docs.close()
            return Fetched(item, version, documents, None)
    except BaseException:
        docs.close()
        raise
    return Fetched(item, version, [*documents, docs], docs)
