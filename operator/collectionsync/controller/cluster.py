"""The Kubernetes API, as far as the operator needs it: the one module that imports the `kubernetes` client.

Objects come and go as plain dicts: the client's models would be most of the operator's memory. The client blocks, so
each call runs in a thread. It decides nothing, and keeps nothing.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import kubernetes
import msgspec
import urllib3

from collectionsync.controller.observed import NAME_LABEL
from collectionsync.controller.watched import BOOKMARK, DELETED, ERROR, Event, Identity, Object, events
from collectionsync.resource import GROUP, PLURAL, VERSION

Body = dict[str, Any]

FIELD_MANAGER = "collectionsync-operator"
"""Who owns the fields of a status (https://kubernetes.io/docs/reference/using-api/server-side-apply/)."""
REQUEST_SECONDS = 30
"""How long one request may take."""
WATCH_SECONDS = 300
"""How long one watch may last: the server ends it then, and the next one goes on from there."""
_PAGE = 250
_PIECE = 64 * 1024
_RESOURCES = f"/apis/{GROUP}/{VERSION}"
_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
# Metadata alone: what a Secret or a ConfigMap holds never enters this process.
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_OF_MANY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class ClusterError(Exception):
    """The API server could not be asked, or did not do as it was asked. It may well do so later."""


class RefusedError(ClusterError):
    """The API server will not have it, and asking again in the same words will not help."""


class ForbiddenError(ClusterError):
    """The operator may not do this, or a quota is used up."""


class NotFoundError(ClusterError):
    """There is no such object (any more)."""


class ConflictError(ClusterError):
    """An object of this name is there already, or is another one by now."""


class ExpiredError(ClusterError):
    """What has changed since that version is no longer known: whoever asks has to look at everything again."""


_ERRORS: dict[int, type[ClusterError]] = {
    400: RefusedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
    413: RefusedError,
    422: RefusedError,
}


def forgive(context: ssl.SSLContext) -> None:
    """Verify as Python did until 3.12.

    Since then the letter of RFC 5280 is asked for, and certificates of many clusters lack an authority key identifier
    (https://github.com/kubernetes-client/python/issues/2394). Whom to trust is the same.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of a kind, and the version of the whole at that moment."""

    version: str
    _objects: list[msgspec.Raw]

    @property
    def objects(self) -> Iterator[Body]:
        """Each object, decoded when it is its turn: as dicts, all of them at once would take five times as much."""
        for each in self._objects:
            yield msgspec.json.decode(each)


Told = Callable[[Identity, bool], None]
"""Takes an object as it is after a change, and whether that was its deletion."""


class _PageMetadata(msgspec.Struct, rename="camel"):
    resource_version: str
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct):
    metadata: _PageMetadata
    items: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Request:
    """What the API server is asked: a method and a path, and with it a body and a query."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    content: str = _JSON
    accept: str = _JSON
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """What is asked, for people."""
        return f"{self.method} {self.path}"


class Cluster:
    """Asks the API server that the environment names: in a pod its own cluster's, else that of the kubeconfig."""

    def __init__(self, kubeconfig: str | None = None) -> None:
        """Find the server and the credentials; in the file `kubeconfig` where one is named.

        Raises:
            ClusterError: there are none.
        """
        configuration = kubernetes.client.Configuration()
        try:
            try:
                kubernetes.config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            except kubernetes.config.ConfigException:
                kubernetes.config.load_kube_config(kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]
        except kubernetes.config.ConfigException as error:
            raise ClusterError(f"no cluster to work for: {error}") from error
        configuration.retries = 0  # who asks tries again, with pauses that grow, and does other work meanwhile
        self._api = kubernetes.client.ApiClient(configuration)
        context = urllib3.util.create_urllib3_context()
        forgive(context)
        self._api.rest_client.pool_manager.connection_pool_kw["ssl_context"] = context
        self.requests = 0

    async def list_resources(self, namespace: str | None) -> Listed:
        """Return the CollectionSyncs of a namespace; of all for None."""
        return await self._list(f"{_RESOURCES}{_within(namespace)}/{PLURAL}")

    async def list_jobs(self, namespace: str | None) -> Listed:
        """Return the Jobs of runs."""
        return await self._list(f"/apis/batch/v1{_within(namespace)}/jobs", labelSelector=NAME_LABEL)

    async def list_pods(self, namespace: str | None, *, job_name: str | None = None) -> Listed:
        """Return the pods of runs; of one Job's where it is named."""
        chosen = f"batch.kubernetes.io/job-name={job_name}" if job_name else NAME_LABEL
        return await self._list(f"/api/v1{_within(namespace)}/pods", labelSelector=chosen)

    async def create_job(self, job: Body) -> Body:
        """Create a Job and return it as it is then.

        Raises:
            ConflictError: a Job of this name is there already.
            RefusedError: it is not valid; the message is the API server's.
            ForbiddenError: the operator may not, or a quota is used up.
        """
        namespace = job["metadata"]["namespace"]
        return await self._ask(Request("POST", f"/apis/batch/v1{_within(namespace)}/jobs", job))

    async def get_job(self, namespace: str, name: str) -> Body:
        """Return a Job."""
        return await self._ask(Request("GET", f"/apis/batch/v1{_within(namespace)}/jobs/{quote(name)}"))

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Delete a Job with its pods, unless it is gone or is another one by now."""
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        with contextlib.suppress(NotFoundError, ConflictError):
            await self._ask(Request("DELETE", f"/apis/batch/v1{_within(namespace)}/jobs/{quote(name)}", options))

    async def apply_status(self, namespace: str, name: str, uid: str, status: object) -> Body:
        """Make this the whole status of a resource, and return the resource as it is then.

        The uid keeps it off another resource of the same name.

        Raises:
            NotFoundError: the resource is gone.
        """
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "CollectionSync",
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "status": status,
        }
        path = f"{_RESOURCES}{_within(namespace)}/{PLURAL}/{quote(name)}/status"
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._ask(Request("PATCH", path, body, content=_APPLY, query=query))

    async def secret_version(self, namespace: str, name: str) -> str:
        """Return what changes whenever a Secret does; empty where there is none. Its data are never read.

        Raises:
            ForbiddenError: the operator may not look.
        """
        found = await self._identity(f"/api/v1{_within(namespace)}/secrets/{quote(name)}")
        return found.version if found else ""

    async def config_map(self, namespace: str, name: str) -> Identity | None:
        """Return which ConfigMap there is; None where there is none. Its data are never read.

        Raises:
            ForbiddenError: the operator may not look.
        """
        return await self._identity(f"/api/v1{_within(namespace)}/configmaps/{quote(name)}")

    async def config_maps_version(self, namespace: str | None) -> str:
        """Return the version of all ConfigMaps of a namespace, or of the cluster for None, as they are now."""
        request = Request("GET", _config_maps(namespace), accept=_METADATA_OF_MANY, query={"limit": "1"})
        return msgspec.json.decode(await self._answer(request), type=_Page).metadata.resource_version

    async def watch_config_maps(self, namespace: str | None, since: str, told: Told) -> str:
        """Tell of each change of a ConfigMap after the version `since`, until the server ends the watch.

        Returns the version up to which it was told. A thread of its own listens for as long as the server has something
        to say: who is cancelled leaves it behind, and is told nothing more.

        Raises:
            ExpiredError: `since` is too old.
            ForbiddenError: the operator may not watch them.
        """
        query = {"watch": "true", "resourceVersion": since, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(WATCH_SECONDS)
        request = Request("GET", _config_maps(namespace), accept=_METADATA, query=query)
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[str] = loop.create_future()

        def take(event: Event) -> None:
            if not ended.done() and event.type != BOOKMARK:
                told(event.object.metadata, event.type == DELETED)

        def listen() -> None:
            version = since
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                try:
                    for event in self._events(request):
                        version = event.object.metadata.resource_version or version
                        loop.call_soon_threadsafe(take, event)
                except Exception as error:
                    loop.call_soon_threadsafe(_settle, ended, error)
                else:
                    loop.call_soon_threadsafe(_settle, ended, version)

        # No thread of the pool: those are waited for when the process ends.
        threading.Thread(target=listen, name="watch-config-maps", daemon=True).start()
        return await ended

    async def create_event(self, event: Body) -> None:
        """Create an event (core/v1)."""
        await self._ask(Request("POST", f"/api/v1{_within(event['metadata']['namespace'])}/events", event))

    async def served_kinds(self) -> set[str]:
        """Return the kinds that the API server serves of the project's API group, in the version that is known here.

        Raises:
            NotFoundError: it does not serve the group in this version.
        """
        found = await self._ask(Request("GET", _RESOURCES))
        return {each["kind"] for each in found["resources"]}

    async def judge(self, namespace: str, resource: Body) -> None:
        """Let the API server say whether it would create this CollectionSync; it does not (dryRun).

        Raises:
            RefusedError: it would not; the message is its own.
            ForbiddenError: whoever asks may not create one.
        """
        path = f"{_RESOURCES}{_within(namespace)}/{PLURAL}"
        await self._ask(Request("POST", path, resource, query={"dryRun": "All"}))

    async def _identity(self, path: str) -> Identity | None:
        try:
            answer = await self._answer(Request("GET", path, accept=_METADATA))
        except NotFoundError:
            return None
        return msgspec.json.decode(answer, type=Object).metadata

    async def _list(self, path: str, **selection: str) -> Listed:
        objects: list[msgspec.Raw] = []
        query = {"limit": str(_PAGE), **selection}
        while True:
            page = msgspec.json.decode(await self._answer(Request("GET", path, query=query)), type=_Page)
            objects += page.items
            if not page.metadata.continue_:
                return Listed(page.metadata.resource_version, objects)
            query["continue"] = page.metadata.continue_

    async def _ask(self, request: Request) -> Body:
        found: Body = msgspec.json.decode(await self._answer(request))
        return found

    async def _answer(self, request: Request) -> bytes:
        self.requests += 1
        return await asyncio.to_thread(self._call, request)

    def _call(self, request: Request) -> bytes:
        with _explained(request.what):
            response = self._open(request, REQUEST_SECONDS)
            answer: bytes = response.read()
        if response.status >= 300:
            raise _error(response.status, answer, request.what)
        return answer

    def _events(self, request: Request) -> Iterator[Event]:
        """Yield the events of a watch as they come. Blocks."""
        with _explained(request.what):
            response = self._open(request, (REQUEST_SECONDS, WATCH_SECONDS + REQUEST_SECONDS))
            if response.status >= 300:
                raise _error(response.status, response.read(), request.what)
            with contextlib.closing(response.response) as body:
                for event in events(body.stream(_PIECE)):
                    if event.type == ERROR:
                        raise _refused(event.object.code, event.object.message, request.what)
                    yield event

    def _open(self, request: Request, timeout: float | tuple[float, float]) -> Any:
        prepared = self._api.param_serialize(
            method=request.method,
            resource_path=request.path,
            query_params=list(request.query.items()),
            header_params={"Accept": request.accept, "Content-Type": request.content},
            body=request.body,
            auth_settings=["BearerToken"],
        )
        return self._api.call_api(*prepared, _request_timeout=timeout)


def _within(namespace: str | None) -> str:
    return f"/namespaces/{quote(namespace)}" if namespace else ""


def _config_maps(namespace: str | None) -> str:
    return f"/api/v1{_within(namespace)}/configmaps"


def _settle(ended: "asyncio.Future[str]", how: str | Exception) -> None:
    if ended.done():
        return
    if isinstance(how, Exception):
        ended.set_exception(how)
    else:
        ended.set_result(how)


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError, kubernetes.client.ApiException) as error:
        raise ClusterError(f"{what}: the API server cannot be asked: {error}") from error
    except msgspec.DecodeError as error:
        raise ClusterError(f"{what}: the API server's answer cannot be read: {error}") from error


def _error(status: int, answer: bytes, what: str) -> ClusterError:
    try:
        message = str(msgspec.json.decode(answer)["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        message = answer[:200].decode(errors="replace")
    return _refused(status, message, what)


def _refused(status: int, message: str, what: str) -> ClusterError:
    return _ERRORS.get(status, ClusterError)(f"{what}: {status}: {message}")
