"""Signatures that the requirements name by URL: the resource's own, whatever the source has.

They are few and small, and are read again by each run; one that cannot be had is told of, and nothing waits for it.
"""

from collectionsync.galaxy.errors import GalaxyError
from collectionsync.galaxy.versions import Range
from collectionsync.store.database import Connection
from collectionsync.store.plan import Run
from collectionsync.store.signatures import WantedSignatures, keep_signatures, wanted_signatures
from collectionsync.worker.sources import Sources
from collectionsync.worker.tally import Tally


class Signatures:
    """Brings signatures by their URLs."""

    def __init__(self, *, sources: Sources, tally: Tally) -> None:
        self._sources = sources
        self._tally = tally

    async def refresh(self, lease: Connection, run: Run) -> int:
        """Bring them, and return for how many versions they have changed.

        Raises:
            StoreError: the database does not take them.
        """
        # Several requirements may mean one version, and each name others.
        by_version: dict[int, list[str | None]] = {}
        for wanted in await wanted_signatures(lease, run):
            if Range.parse(wanted.range).matches(wanted.version):
                texts = [await self._signature(wanted, url) for url in wanted.urls]
                by_version.setdefault(wanted.version_id, []).extend(texts)
        changed = 0
        for version_id, found in by_version.items():
            had = [text for text in found if text is not None]
            if len(had) == len(found):
                changed += await keep_signatures(lease, run, version_id, had)
        return changed

    async def _signature(self, wanted: WantedSignatures, url: str) -> str | None:
        client = await self._sources.client(self._sources.ids[0])
        try:
            return await client.signature(url)
        except GalaxyError as error:
            version = f"{wanted.namespace}.{wanted.name} {wanted.version}"
            self._tally.warn(f"a signature of {version} could not be had, and the next run tries again: {error}")
            return None
