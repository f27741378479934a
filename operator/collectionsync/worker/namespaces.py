"""What sources say of the namespaces that a run has to do with: read again where a detail names another digest.

A namespace or an avatar that cannot be had is told of, and tried again by the next run; no version waits for it.
"""

import asyncio
import hashlib

from collectionsync.galaxy.client import GalaxyClient
from collectionsync.galaxy.errors import AuthenticationError, ContentError, GalaxyError, UntrustedError
from collectionsync.galaxy.namespace import NamespaceDocument, read_namespace
from collectionsync.galaxy.transport import Buffer
from collectionsync.store.database import Connection, Database, RejectedDocumentError
from collectionsync.store.namespaces import Avatar, StaleNamespace, stale_namespaces, store_namespace
from collectionsync.store.plan import Run
from collectionsync.worker.budget import MEBIBYTE
from collectionsync.worker.sources import Sources
from collectionsync.worker.tally import Tally
from collectionsync.worker.together import together

# Real ones take some 20 KB.
AVATAR_LIMIT_BYTES = MEBIBYTE
_AT_ONCE = 2


class Namespaces:
    """Brings the metadata of namespaces."""

    def __init__(self, *, sources: Sources, database: Database, tally: Tally) -> None:
        self._sources = sources
        self._database = database
        self._tally = tally
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def refresh(self, lease: Connection, run: Run) -> int:
        """Bring what differs from what the run's details named, and return how many came.

        Raises:
            GalaxyError: a source refuses the credentials, or is not to be trusted.
            StoreError: the database does not take it.
        """
        before = self._tally.rows_inserted["source_namespace"]
        await together(*(self._refresh(stale) for stale in await stale_namespaces(lease, run)))
        return self._tally.rows_inserted["source_namespace"] - before

    async def _refresh(self, stale: StaleNamespace) -> None:
        name = stale.name
        async with self._at_once:
            try:
                client = await self._sources.client(stale.source_id)
                if (raw := await client.namespace(name)) is None:
                    return
                document = read_namespace(name, raw)
                avatar = await self._avatar(client, document)
                whole = document.avatar_sha256 is None or avatar is not None
                changed = await store_namespace(
                    self._database,
                    stale.source_id,
                    name,
                    announced_sha256=stale.announced_sha256 if whole else None,
                    body=document.encoded(),
                    avatar=avatar,
                )
                self._tally.rows_inserted["source_namespace"] += changed
            except (AuthenticationError, UntrustedError):
                raise
            except (GalaxyError, RejectedDocumentError) as error:
                self._tally.warn(
                    f"the metadata of the namespace {name} could not be had, and the next run tries again: {error}"
                )

    async def _avatar(self, client: GalaxyClient, document: NamespaceDocument) -> Avatar | None:
        if not document.avatar_url or document.avatar_sha256 is None:
            return None
        picture = Buffer()
        try:
            content_type = await client.avatar(document.avatar_url, picture, limit=AVATAR_LIMIT_BYTES)
            digest = hashlib.sha256(picture.data).hexdigest()
            if digest != document.avatar_sha256:
                raise ContentError(
                    "DigestMismatch", f"it has sha256 {digest}, and {document.avatar_sha256} is announced"
                )
        except (AuthenticationError, UntrustedError):
            raise
        except GalaxyError as error:
            self._tally.warn(
                f"the avatar of the namespace {document.name} could not be had, and the next run tries again: {error}"
            )
            return None
        return Avatar(digest, content_type, bytes(picture.data))
