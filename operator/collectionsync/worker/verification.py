"""What is stored, looked at again: documents by their digests, and artifacts down to their files where that is asked.

Reads, and changes nothing, unless it is told to forget what is damaged: the next sync then brings that again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from collectionsync.artifacts.errors import ArtifactMissingError, TarballError
from collectionsync.artifacts.store import ArtifactStore
from collectionsync.resource import Verify
from collectionsync.store import audit
from collectionsync.store.database import Database
from collectionsync.worker.artifact import check
from collectionsync.worker.spool import Spool


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a version that is not what it was: its document, by kind, or its artifact."""

    version_id: int
    sha256: str
    name: str
    version: str
    part: str
    reason: str
    message: str


@dataclass(slots=True)
class Counted:
    """What was looked at so far, in numbers and bytes."""

    documents: int = 0
    document_bytes: int = 0
    artifacts: int = 0
    artifact_bytes: int = 0


class Verification:
    """Looks at what one repository holds, for the resource `owner`. Without `artifacts` it looks at documents only."""

    def __init__(
        self,
        database: Database,
        *,
        namespace: str,
        repository: str,
        owner: str,
        artifacts: ArtifactStore | None,
        store_id: int | None,
        members: bool,
        folder: Path,
        counted: Counted,
    ) -> None:
        self._database = database
        self._target = (namespace, repository, owner)
        self._artifacts = artifacts
        self._store_id = store_id
        self._verify = Verify.MEMBERS if members else Verify.CHAIN
        self._folder = folder
        self._counted = counted

    async def damages(self) -> AsyncIterator[Damage]:
        """Yield what is damaged, as it is found.

        Raises:
            StoreError, ArtifactStoreError, SpoolError: the looking cannot go on.
        """
        after = 0
        while versions := await self._page(after):
            for version in versions:
                for damage in await self._documents(version):
                    yield damage
                if self._artifacts is not None and (damage_ := await self._artifact(self._artifacts, version)):
                    yield damage_
            after = versions[-1].version_id

    async def forget(self, damage: Damage) -> None:
        """Forget a part that is damaged, so that the next sync brings it again.

        Raises:
            StoreError, ArtifactStoreError: it cannot be forgotten.
        """
        if damage.part == "artifact" and self._artifacts is not None:
            # One that is there, and as long as it should be, would be taken for the right one.
            await self._artifacts.delete(damage.sha256)
        async with self._database.transaction() as connection:
            if damage.part == "artifact":
                assert self._store_id is not None, "an artifact is of a store"
                await audit.forget_artifact(connection, self._store_id, damage.version_id)
            else:
                await audit.forget_document(connection, damage.version_id, damage.part)

    async def _page(self, after: int) -> list[audit.StoredVersion]:
        async with self._database.session() as connection:
            return await audit.stored_versions(connection, *self._target, store_id=self._store_id, after=after)

    async def _documents(self, version: audit.StoredVersion) -> list[Damage]:
        async with self._database.session() as connection:
            documents = await audit.documents(connection, version.version_id)
        self._counted.documents += len(documents)
        self._counted.document_bytes += sum(document.bytes for document in documents)
        return [
            Damage(
                version.version_id,
                version.sha256,
                version.name,
                version.version,
                each.kind,
                "DigestMismatch",
                "its bytes have changed",
            )
            for each in documents
            if not each.intact
        ]

    async def _artifact(self, store: ArtifactStore, version: audit.StoredVersion) -> Damage | None:
        if version.artifact_bytes is None:
            if not version.claimed:  # another resource may do without
                return None
            return self._damaged(version, "ArtifactMissing", "it is not stored; a sync brings it if the source has it")
        spool = Spool("artifact", self._folder, searched=False)
        try:
            async for chunk in store.get(version.sha256):
                spool.write(chunk)
            self._counted.artifacts += 1
            self._counted.artifact_bytes += spool.size
            if spool.sha256 != version.sha256:
                return self._damaged(version, "DigestMismatch", f"it has sha256 {spool.sha256}, not {version.sha256}")
            await asyncio.to_thread(self._check, spool, version)
        except ArtifactMissingError as error:
            return self._damaged(version, "ArtifactMissing", str(error))
        except TarballError as error:
            return self._damaged(version, error.reason, str(error))
        finally:
            spool.close()
        return None

    def _check(self, spool: Spool, version: audit.StoredVersion) -> None:
        files = Spool("files", self._folder)
        try:
            namespace, _, name = version.name.partition(".")
            check(spool, files, namespace=namespace, name=name, version=version.version, verify=self._verify)
        finally:
            files.close()

    @staticmethod
    def _damaged(version: audit.StoredVersion, reason: str, message: str) -> Damage:
        return Damage(version.version_id, version.sha256, version.name, version.version, "artifact", reason, message)
