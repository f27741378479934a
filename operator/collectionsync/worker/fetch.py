"""One version from its source: its detail first, then whatever of it the store lacks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from collectionsync.byte_budget import ByteBudget
from collectionsync.galaxy.client import GalaxyClient
from collectionsync.store import plan
from collectionsync.store.artifacts import StoredArtifact
from collectionsync.store.content import Version, lacking
from collectionsync.store.copy_format import Document
from collectionsync.store.database import Database
from collectionsync.store.said import Said
from collectionsync.worker.budget import MEBIBYTE
from collectionsync.worker.detail import Detail, read_detail
from collectionsync.worker.sources import Sources
from collectionsync.worker.spool import Spool

if TYPE_CHECKING:
    from collectionsync.worker.artifact import Artifacts

# The largest known are 4 MB. These bound what a hostile source can make of a disk.
DETAIL_LIMIT_BYTES = 64 * MEBIBYTE
DOCS_LIMIT_BYTES = 256 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of an item, ready for the database.

    `version` and `said` are None where the version was known and only docs were missing. `excluded` says that it is to
    be known, and not to be published.
    """

    item: plan.Item
    version: Version | None = None
    said: Said | None = None
    documents: Sequence[Document] = ()
    artifact: StoredArtifact | None = None
    excluded: bool = False
    spools: tuple[Spool, ...] = ()

    def close(self) -> None:
        """Let go of the spool files."""
        for spool in self.spools:
            spool.close()


class Fetcher:
    """Fetches versions. `artifacts` is None where only metadata is mirrored."""

    def __init__(
        self,
        *,
        sources: Sources,
        database: Database,
        folder: Path,
        budget: ByteBudget,
        signed_only: bool,
        artifacts: "Artifacts | None",
    ) -> None:
        self._sources = sources
        self._database = database
        self._folder = folder
        self._budget = budget
        self._signed_only = signed_only
        self._artifacts = artifacts

    async def fetch(self, item: plan.Item, terms: plan.Terms) -> Fetched:
        """Bring what the store lacks of an item; a docs blob that the source does not have is simply not there.

        Raises:
            GalaxyError: something could not be had, or is unusable.
            TarballError, ArtifactStoreError: so is its artifact, or the store does not take it.
            SpoolError: the disk does not take it.
            StoreError: the database cannot be asked what it has.
        """
        client = await self._sources.client(item.source_id)
        if item.version_id is not None:
            return await self._with_docs(client, Fetched(item))
        detail = await self.detail(item)
        fetched = Fetched(item, detail.version, detail.said)
        async with self._database.session() as connection:
            lacks = await lacking(connection, detail.version.sha256, store_id=terms.store_id, members=terms.members)
        documents: list[Document] = [each for each in detail.documents if each.kind not in lacks.kinds]
        if self._signed_only and not detail.said.signatures:
            return replace(fetched, documents=documents, excluded=True)
        if self._artifacts is not None and not lacks.has_artifact:
            # Before the docs: whoever held bytes of the budget while it waits for more could wait for ever.
            brought = await self._artifacts.bring(client, item, detail.version, detail.download_url)
            documents = [each for each in documents if each.kind not in ("manifest", "files")]
            documents += [brought.manifest, brought.files]
            fetched = replace(fetched, artifact=brought.row, spools=(brought.files,))
        fetched = replace(fetched, documents=documents)
        return fetched if "docs_blob" in lacks.kinds else await self._with_docs(client, fetched)

    async def detail(self, item: plan.Item) -> Detail:
        """Bring an item's detail. It is not under the budget: most of it is skipped over.

        Raises:
            GalaxyError, SpoolError: as for fetch().
        """
        client = await self._sources.client(item.source_id)
        spool = Spool("detail", self._folder, digested=False, searched=False)
        try:
            await client.detail(item.namespace, item.name, item.version, spool, limit=DETAIL_LIMIT_BYTES)
            return read_detail(item, spool)
        finally:
            spool.close()

    async def _with_docs(self, client: GalaxyClient, fetched: Fetched) -> Fetched:
        item = fetched.item
        docs = Spool("docs_blob", self._folder, self._budget)
        try:
            if not await client.docs_blob(item.namespace, item.name, item.version, docs, limit=DOCS_LIMIT_BYTES):
                docs.close()
                return fetched
        except BaseException:
            docs.close()
            fetched.close()
            raise
        return replace(fetched, documents=[*fetched.documents, docs], spools=(*fetched.spools, docs))
