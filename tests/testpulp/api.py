"""Pulp's REST API, as far as a sync needs it. Asynchronous, for a test's galaxy may live in the same loop."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import aiohttp

from testpulp.content import Content, Release, content_of, releases_of
from testpulp.installing import PulpError
from testpulp.process import Pulp
from testpulp.watching import watch

ADMINISTRATOR = "admin"
"""The name of Pulp's only user, whose password is the Pulp's."""

_FINAL = frozenset({"completed", "failed", "canceled", "skipped"})
_CONTENT = "/pulp/api/v3/content/ansible"
_PAGE = 50  # a version holds its documents, so Pulp takes long for many
_TIMEOUT = aiohttp.ClientTimeout(total=120)


class TaskFailedError(PulpError):
    """A task of Pulp failed; the text is what Pulp says of it."""


@dataclass(frozen=True)
class SyncDone:
    """A sync that Pulp calls completed: from the start to the end of its task, and what the task's process took."""

    seconds: float
    peak_bytes: int
    cpu_seconds: float


@dataclass
class Place:
    """Where a repository of a Pulp is: its name, its path and its remote's, and whether a distribution serves it."""

    name: str
    repository: str
    remote: str
    is_served: bool = False


class Peer:
    """A connection to a Pulp, as its administrator."""

    def __init__(self, pulp: Pulp, session: aiohttp.ClientSession) -> None:
        self.pulp = pulp
        self._session = session

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, pulp: Pulp) -> AsyncIterator[Self]:
        """Connect for the length of a block."""
        headers = {"Authorization": aiohttp.encode_basic_auth(ADMINISTRATOR, pulp.password)}
        async with aiohttp.ClientSession(pulp.origin, headers=headers, timeout=_TIMEOUT) as session:
            yield cls(pulp, session)

    async def mirror(
        self, url: str, requirements: str | None = None, *, is_attached: bool = False, **remote: Any
    ) -> "Mirror":
        """Make an empty repository with a remote for the Galaxy at `url`. Nothing serves it yet.

        `requirements` is the text of a requirements.yml, None for all that the server has. `remote` are further fields
        of the remote, by their names in Pulp's API, such as sync_dependencies. Only with `is_attached`, which makes the
        remote the repository's own, can a sync be optimized away.
        """
        name = f"mirror-{secrets.token_hex(6)}"
        fields = {"name": name, "url": url, "requirements_file": requirements, **remote}
        made_remote = await self.post("/pulp/api/v3/remotes/ansible/collection/", fields)
        own = {"remote": made_remote["pulp_href"]} if is_attached else {}
        repository = await self.post("/pulp/api/v3/repositories/ansible/ansible/", {"name": name, **own})
        return Mirror(self, Place(name, repository["pulp_href"], made_remote["pulp_href"]))

    async def get(self, path: str, **query: str) -> Any:
        """Get a path's JSON."""
        async with self._session.get(path, params=query) as answer:
            return await _json(answer)

    async def post(self, path: str, body: Any) -> Any:
        """Post JSON, or a form, and return the JSON that comes back."""
        form = isinstance(body, aiohttp.FormData)
        async with self._session.post(path, **{"data" if form else "json": body}) as answer:
            return await _json(answer)

    async def patch(self, path: str, body: Any) -> Any:
        """Change something by JSON, and return the JSON that comes back."""
        async with self._session.patch(path, json=body) as answer:
            return await _json(answer)

    async def every(self, path: str, **query: str) -> list[dict[str, Any]]:
        """All items of a paged list."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self.get(path, limit=str(_PAGE), offset=str(len(found)), **query)
            found += page["results"]
            if not page["next"]:
                return found

    async def finish(self, started: dict[str, str]) -> SyncDone:
        """Wait for the end of a task.

        Raises:
            TaskFailedError: Pulp does not call it completed.
        """
        path = started["task"]
        task: dict[str, Any] = {}

        async def has_ended() -> bool:
            task.update(await self.get(path))
            return task["state"] in _FINAL

        usage = await watch(self.pulp.worker, has_ended)
        if task["state"] != "completed":
            error = task["error"] or {}
            raise TaskFailedError(f"{task['name']} {task['state']}: {error.get('description', 'without a word')}")
        seconds = (_moment(task["finished_at"]) - _moment(task["started_at"])).total_seconds()
        return SyncDone(seconds, usage.peak_bytes, usage.cpu_seconds)


class Mirror:
    """A repository of a Pulp, with its remote."""

    def __init__(self, peer: Peer, place: Place) -> None:
        self.place = place
        self._peer = peer

    async def serve(self) -> str:
        """Have a distribution serve what the repository has, and return the root of its Galaxy API.

        With a distribution, each sync has to update an index besides, and holds the documents of all versions for it.
        """
        if not self.place.is_served:
            name = self.place.name
            fields = {"name": name, "base_path": name, "repository": self.place.repository}
            await self._peer.finish(await self._peer.post("/pulp/api/v3/distributions/ansible/ansible/", fields))
            self.place.is_served = True
        return f"{self._peer.pulp.origin}{self._galaxy}/"

    @property
    def _galaxy(self) -> str:
        return f"/pulp_ansible/galaxy/{self.place.name}/api"

    async def sync(self, *, mirror: bool = False, optimize: bool = False) -> SyncDone:
        """Sync to the end: additive unless `mirror`, and all of it unless `optimize`.

        Raises:
            TaskFailedError: the sync failed.
        """
        options = {"remote": self.place.remote, "mirror": mirror, "optimize": optimize}
        return await self._peer.finish(await self._peer.post(f"{self.place.repository}sync/", options))

    async def change_remote(self, **fields: Any) -> None:
        """Change fields of the remote, such as its requirements_file."""
        changed = await self._peer.patch(self.place.remote, fields)
        if "task" in changed:
            await self._peer.finish(changed)

    async def upload(self, filename: str, tarball: bytes) -> None:
        """Add a collection's tarball; Pulp's importer looks into it.

        Raises:
            TaskFailedError: the importer refuses it.
        """
        form = aiohttp.FormData({"repository": self.place.repository})
        form.add_field("file", tarball, filename=filename, content_type="application/gzip")
        await self._peer.finish(await self._peer.post(f"{_CONTENT}/collection_versions/", form))

    async def releases(self) -> frozenset[Release]:
        """The versions that the latest version of the repository has."""
        return frozenset(
            releases_of(await self._every("collection_versions", "namespace,name,version,sha256")).values()
        )

    async def content(self) -> Content:
        """All that the latest version of the repository has."""
        signatures = await self._every("collection_signatures", "signed_collection,pubkey_fingerprint")
        if signatures:  # whose text only the Galaxy API tells
            await self.serve()
        return content_of(
            versions=await self._every("collection_versions", "namespace,name,version,sha256"),
            deprecations=await self._every("collection_deprecations", "namespace,name"),
            signatures=signatures,
            marks=await self._every("collection_marks", "marked_collection,value"),
            namespaces=await self._every("namespaces", "name,metadata_sha256"),
            listed=await self._peer.get(f"{self._galaxy}/v3/collection_versions/all/") if signatures else (),
        )

    async def _every(self, kind: str, fields: str) -> list[dict[str, Any]]:
        latest = (await self._peer.get(self.place.repository))["latest_version_href"]
        return await self._peer.every(f"{_CONTENT}/{kind}/", repository_version=latest, fields=f"pulp_href,{fields}")


async def _json(answer: aiohttp.ClientResponse) -> Any:
    if answer.status >= 400:
        raise PulpError(f"{answer.method} {answer.url.path}: {answer.status}\n{(await answer.text())[:2000]}")
    return await answer.json(content_type=None)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
