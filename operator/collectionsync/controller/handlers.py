"""What Kopf is told to watch. Each handler takes note of what it sees and names the resource; it decides nothing.

Errors of event handlers are logged by Kopf and then ignored, so what could fail happens in the reconciler's own loop.
There are no finalizers, timers or daemons, since each would hold a resource for as long as the operator is down, and no
handler returns anything, since that would be written into the status.
"""

import asyncio
import dataclasses
import ssl
import time
from typing import Any, cast

import kopf

from collectionsync.controller.cache import Cache
from collectionsync.controller.cluster import FIELD_MANAGER, forgive
from collectionsync.controller.observed import NAME_LABEL
from collectionsync.controller.reconcile import LOOK_AGAIN_SECONDS, Observer, Reconciler
from collectionsync.resource import GROUP, PLURAL, VERSION

STALE_SECONDS = 8 * LOOK_AGAIN_SECONDS
"""For how long the loop may stand still before the operator calls itself dead; one request takes at most 30 s."""


class _Connection(kopf.ConnectionInfo):
    """Where Kopf connects to, verified as the client does it."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        forgive(context)
        return context


def settings() -> kopf.OperatorSettings:
    """Return how Kopf is to behave: read only, and never silent for long."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True  # it would read namespaces and definitions of the whole cluster
    chosen.networking.request_timeout = 30
    chosen.networking.connect_timeout = 30
    chosen.watching.connect_timeout = 30
    chosen.watching.server_timeout = 300
    chosen.watching.client_timeout = 310
    # What was seen is in the cache: nothing is gained by holding objects, or many of them at once.
    chosen.watching.chunk_size = 50
    chosen.queueing.idle_timeout = 0.5
    chosen.watching.label_selectors["batch", "v1", "jobs"] = NAME_LABEL
    chosen.watching.label_selectors["", "v1", "pods"] = NAME_LABEL
    return chosen


def registry(cache: Cache, reconciler: Reconciler, observer: Observer) -> kopf.OperatorRegistry:
    """Return the handlers."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    def login(**found: Any) -> kopf.ConnectionInfo | None:
        # As the client has it, by the cluster's address: to start, an operator should need no DNS.
        info = kopf.login_via_client(**found)
        return info and _Connection(**{field.name: getattr(info, field.name) for field in dataclasses.fields(info)})

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)
    async def resource(*, event: Any, **_: Any) -> None:
        observer.last_events["CollectionSync"] = time.time()
        reconciler.enqueue(cache.saw_resource(event["object"], deleted=event["type"] == "DELETED"))

    @kopf.on.event("batch", "v1", "jobs", labels={NAME_LABEL: kopf.PRESENT}, registry=handlers)
    async def job(*, event: Any, **_: Any) -> None:
        observer.last_events["Job"] = time.time()
        reconciler.enqueue(cache.saw_job(event["object"], deleted=event["type"] == "DELETED"))
        reconciler.make_room()

    @kopf.on.event("", "v1", "pods", labels={NAME_LABEL: kopf.PRESENT}, registry=handlers)
    async def pod(*, event: Any, **_: Any) -> None:
        observer.last_events["Pod"] = time.time()
        reconciler.enqueue(cache.saw_pod(event["object"], deleted=event["type"] == "DELETED"))

    @kopf.on.probe(id="loop", registry=handlers)
    async def loop(**_: Any) -> str:
        stale = time.monotonic() - reconciler.last_step
        if stale > STALE_SECONDS:
            # Any other error would be repeated for ever, and the probe would hang instead of failing.
            raise kopf.PermanentError(f"the loop has stood still for {stale:.0f} s")
        return "moving"

    return handlers


async def serve(
    cache: Cache,
    reconciler: Reconciler,
    observer: Observer,
    *,
    namespaces: tuple[str, ...],
    health_address: tuple[str, int],
    stop: asyncio.Event,
) -> None:
    """Watch until `stop` is set."""
    host, port = health_address
    await kopf.operator(
        registry=registry(cache, reconciler, observer),
        settings=settings(),
        clusterwide=not namespaces,
        namespaces=namespaces,
        standalone=True,
        identity=cast("Any", FIELD_MANAGER),  # a container may have no user to ask for
        liveness_endpoint=f"http://{host}:{port}/healthz",
        stop_flag=stop,
    )
