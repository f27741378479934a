"""One artifact from its source into the object store: by way of a spool file, and checked before it gets there."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collectionsync.artifacts.store import ArtifactStore
from collectionsync.artifacts.tarball import read_head, verify_chain, verify_members
from collectionsync.byte_budget import ByteBudget
from collectionsync.galaxy.client import GalaxyClient
from collectionsync.galaxy.errors import ContentError
from collectionsync.resource import Verify
from collectionsync.store.artifacts import StoredArtifact
from collectionsync.store.content import Version
from collectionsync.store.plan import Item
from collectionsync.worker.budget import MEBIBYTE
from collectionsync.worker.spool import CHUNK_BYTES, NulSearch, Spool
from collectionsync.worker.tally import Tally

# The largest known are 30 MB. This bounds what a hostile source can make of a disk.
ARTIFACT_LIMIT_BYTES = 1024 * MEBIBYTE
# An outage of a CDN may come with status 200 and another body, and only the digest tells.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that is small enough to be held."""

    kind: str
    body: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return len(self.body)

    @property
    def sha256(self) -> str:
        """Its digest, as hexadecimal digits."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def has_nul(self) -> bool:
        """Whether an escape of NUL is in it."""
        search = NulSearch()
        search.feed(self.body)
        return search.found

    def chunks(self) -> Iterator[bytes]:
        """Yield the body."""
        for offset in range(0, len(self.body), CHUNK_BYTES):
            yield self.body[offset : offset + CHUNK_BYTES]


@dataclass(frozen=True, slots=True)
class Brought:
    """An artifact that is in the store: its row, and MANIFEST.json and FILES.json byte by byte as they are in it."""

    row: StoredArtifact
    manifest: Kept
    files: Spool


class Artifacts:
    """Brings artifacts into one object store, of which the database knows by `store_id`."""

    def __init__(
        self, store: ArtifactStore, *, store_id: int, verify: Verify, folder: Path, budget: ByteBudget, tally: Tally
    ) -> None:
        self._store = store
        self._store_id = store_id
        self._verify = verify
        self._folder = folder
        self._budget = budget
        self._tally = tally

    async def bring(self, client: GalaxyClient, item: Item, version: Version, url: str | None) -> Brought:
        """Bring the artifact of a version. What is returned has a spool that the caller closes.

        Raises:
            GalaxyError: it could not be had, or is not what the detail says.
            TarballError: it is no collection, or not this one.
            ArtifactStoreError: the store does not take it.
            SpoolError: nor does the disk.
        """
        if not url:
            raise ContentError("NoArtifact", f"the detail of {item} says nothing of where its artifact is")
        spool = Spool("artifact", self._folder, self._budget, searched=False)
        try:
            await self._download(client, item, version, url, spool)
            manifest, files = await self._checked(item, spool)
            try:
                if await self._store.put(version.sha256, spool.chunks, spool.size):
                    self._tally.artifacts_created += 1
                    self._tally.artifact_bytes += spool.size
            except BaseException:
                files.close()
                raise
            row = StoredArtifact(store_id=self._store_id, bytes=spool.size, verified=self._verify.value)
            return Brought(row, Kept("manifest", manifest), files)
        finally:
            spool.close()

    async def _download(self, client: GalaxyClient, item: Item, version: Version, url: str, spool: Spool) -> None:
        for attempt in range(1, _TRIES + 1):
            await client.artifact(url, spool, limit=ARTIFACT_LIMIT_BYTES)
            if spool.sha256 == version.sha256:
                return
            if attempt < _TRIES:
                self._tally.retried("DigestMismatch")
        raise ContentError(
            "DigestMismatch",
            f"the artifact of {item} came as {spool.size} bytes with sha256 {spool.sha256}, "
            f"and the source says sha256 {version.sha256}",
        )

    async def _checked(self, item: Item, spool: Spool) -> tuple[bytes, Spool]:
        """Return MANIFEST.json, and FILES.json on disk again: many wait for the database, and some take megabytes."""
        files = Spool("files", self._folder)
        try:
            # Unpacking takes as long as ten downloads, and other versions go on meanwhile.
            manifest = await asyncio.to_thread(
                check, spool, files, namespace=item.namespace, name=item.name, version=item.version, verify=self._verify
            )
        except BaseException:
            files.close()
            raise
        return manifest, files


def check(spool: Spool, files: Spool, *, namespace: str, name: str, version: str, verify: Verify) -> bytes:
    """Check the artifact of a version, write its FILES.json to `files`, and return its MANIFEST.json.

    It takes processor time, and is meant for a thread.

    Raises:
        TarballError: it is no collection, or not this one.
        SpoolError: the disk does not take FILES.json.
    """
    manifest = read_head(spool.reader(), size=spool.size, files=files)
    verify_chain(manifest, files.sha256, namespace=namespace, name=name, version=version)
    if verify is Verify.MEMBERS:
        verify_members(spool.reader(), files.mapped(), size=spool.size)
    return manifest
