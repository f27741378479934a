"""The plan's items, claimed a few at a time and handed out one by one to however many work on them."""

import asyncio

from collectionsync.store import plan
from collectionsync.store.database import Database
from collectionsync.worker.tally import Tally

# What is claimed is no longer looked for in what runs beside this one have stored meanwhile: few, since with more they
# would do the same work twice (32: half of 160 versions; 8: a tenth). A claim among 2,000 takes 3 ms.
_AT_ONCE = 8


class Claims:
    """Items to work on. Those that need no work are counted on the way."""

    def __init__(self, database: Database, run: plan.Run, terms: plan.Terms, tally: Tally) -> None:
        self._database = database
        self._run = run
        self._terms = terms
        self._tally = tally
        self._claimed: asyncio.Queue[plan.Item | None] = asyncio.Queue(1)

    async def keep_claiming(self) -> None:
        """Claim as fast as next() is asked, until nothing is pending.

        Raises:
            StoreError: the database cannot be asked.
        """
        while True:
            async with self._database.session() as connection:
                claim = await plan.claim(connection, self._run, _AT_ONCE, terms=self._terms)
            self._tally.versions_done["Unchanged"] += claim.recognised
            self._tally.versions_done["Excluded"] += claim.excluded
            for item in claim.items:
                await self._claimed.put(item)
            if not claim.items:
                await self._claimed.put(None)
                return

    async def next(self) -> plan.Item | None:
        """Return the next item, or None, to each who asks, where there is no more."""
        item = await self._claimed.get()
        if item is None:
            await self._claimed.put(None)
        return item
