"""Fetchers and inserters between the plan and the store: claim ▸ fetch ▸ insert, all of it bounded.

Three queues' worth of work exist at a time: what is claimed, what is being fetched, what waits for a database session.
Each stage waits for the next, so a slow database slows the source down and memory stays where it is.
"""

import asyncio
import time

from collectionsync.artifacts.errors import TarballError
from collectionsync.galaxy.errors import GalaxyError
from collectionsync.store import plan
from collectionsync.store.content import ConflictError, Outcome, fill_version, store_version
from collectionsync.store.copy_format import Document
from collectionsync.store.database import Database, RejectedDocumentError
from collectionsync.worker.claims import Claims
from collectionsync.worker.connections import Slots
from collectionsync.worker.failures import Failures
from collectionsync.worker.fetch import Fetched, Fetcher
from collectionsync.worker.outcome import ContentFailedError
from collectionsync.worker.tally import Tally
from collectionsync.worker.together import together


class Pipeline:
    """Brings what the plan has pending, by at most `fetchers` at a time and `slots` at the moment."""

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        database: Database,
        run: plan.Run,
        terms: plan.Terms,
        tally: Tally,
        failures: Failures,
        slots: Slots,
        fetchers: int,
        inserters: int,
        fail_fast: bool,
    ) -> None:
        self._fetcher = fetcher
        self._database = database
        self._run = run
        self._terms = terms
        self._tally = tally
        self._failures = failures
        self._slots = slots
        self._fetchers = fetchers
        self._inserters = inserters
        self._fail_fast = fail_fast
        self._claims = Claims(database, run, terms, tally)
        self._fetched: asyncio.Queue[Fetched | None] = asyncio.Queue(1)

    async def bring(self) -> None:
        """Bring every pending item, and note how each ended.

        Raises:
            GalaxyError, StoreError, SpoolError: the run cannot go on.
            ContentFailedError: an item failed, and that is not to be.
        """
        try:
            await together(self._claims.keep_claiming(), self._fetch_all(), self._insert_all())
        finally:
            while not self._fetched.empty():
                if (left := self._fetched.get_nowait()) is not None:
                    left.close()

    async def _fetch_all(self) -> None:
        await together(*(self._fetch() for _ in range(self._fetchers)))
        await self._fetched.put(None)

    async def _fetch(self) -> None:
        while True:
            async with self._slots:
                item = await self._claims.next()
                if item is None:
                    return
                fetched = await self._attempt(item)
            if fetched is not None:
                await self._hand_over(fetched)

    async def _hand_over(self, fetched: Fetched) -> None:
        try:
            await self._fetched.put(fetched)
        except asyncio.CancelledError:
            fetched.close()
            raise

    async def _attempt(self, item: plan.Item) -> Fetched | None:
        began = time.monotonic()
        try:
            fetched = await self._fetcher.fetch(item, self._terms)
        except (GalaxyError, TarballError) as error:
            if isinstance(error, GalaxyError):
                self._failures.failed(error, item.source_id)
            await self._give_up(item, error.reason, str(error))
            return None
        self._failures.succeeded(item.source_id)
        self._tally.fetch_latency.observe(time.monotonic() - began)
        return fetched

    async def _insert_all(self) -> None:
        await together(*(self._insert() for _ in range(self._inserters)))
        await self._fetched.get()

    async def _insert(self) -> None:
        while True:
            with self._tally.insert_waiting():
                fetched = await self._fetched.get()
            if fetched is None:
                await self._fetched.put(None)
                return
            try:
                await self._store(fetched)
            except (RejectedDocumentError, ConflictError) as error:
                await self._give_up(fetched.item, error.reason, str(error))
            finally:
                fetched.close()

    async def _store(self, fetched: Fetched) -> None:
        began = time.monotonic()
        if fetched.version is not None and fetched.said is not None:
            outcome, new = await store_version(
                self._database,
                self._run,
                fetched.item,
                fetched.version,
                fetched.documents,
                said=fetched.said,
                artifact=fetched.artifact,
                excluded=fetched.excluded,
            )
        else:
            assert fetched.item.version_id is not None, "a known version has a row"
            outcome, new = await fill_version(
                self._database, self._run, fetched.item, fetched.item.version_id, fetched.documents
            )
        self._tally.insert_latency.observe(time.monotonic() - began)
        self._note(outcome, new)

    def _note(self, outcome: Outcome, new: list[Document]) -> None:
        self._tally.versions_done[outcome.value] += 1
        self._tally.documents_created += len(new)
        self._tally.document_bytes += sum(document.size for document in new)
        self._tally.rows_inserted["collection_document"] += len(new)
        self._tally.rows_inserted["collection_version"] += outcome is Outcome.CREATED

    async def _give_up(self, item: plan.Item, reason: str, message: str) -> None:
        self._tally.versions_done["Failed"] += 1
        async with self._database.session() as connection:
            await plan.settle(
                connection, self._run, item, state="Failed", version_id=item.version_id, reason=reason, message=message
            )
        if self._fail_fast:
            raise ContentFailedError(reason, f"{item}: {message}")
