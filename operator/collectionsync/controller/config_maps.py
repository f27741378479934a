"""The versions of the ConfigMaps that resources take their requirements from: asked for once, then told by a watch.

A watch tells of every ConfigMap there is, so what nobody names is passed over at once, and of the others nothing is
kept but which version they have. Where nobody names any, nothing is watched. A watch that may not be had is made up for
by the lists of everything, at which all versions are asked for anew.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator

from collectionsync.controller.cache import Cache, key_of
from collectionsync.controller.cluster import Cluster, ClusterError, ExpiredError, ForbiddenError
from collectionsync.controller.jobs import requirements_reference
from collectionsync.controller.watched import Identity
from collectionsync.resource import CollectionSync

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


class ConfigMaps:
    """Knows the ConfigMaps that resources name."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        # None while it is being asked for. A version is a number and what tells it apart, empty where there is none.
        self._known: dict[str, tuple[int, str] | None] = {}
        self.named = asyncio.Event()
        """Set once a resource names any."""

    async def digest(self, resource: CollectionSync) -> str:
        """Return what changes with the ConfigMap that says what a resource asks for.

        Empty where the spec says it, and where there is no such ConfigMap or none that may be looked at.

        Raises:
            ClusterError: the API server cannot be asked.
        """
        reference = requirements_reference(resource)
        if reference is None:
            return ""
        self.named.set()
        try:
            version = await self._version(resource.metadata.namespace, reference.name)
        except ForbiddenError as error:
            log.warning("%s; a change of it starts no run", error)
            return ""
        return hashlib.sha256(f"{reference.name} {version}".encode()).hexdigest()[:16] if version else ""

    async def _version(self, namespace: str, name: str) -> str:
        key = key_of(namespace, name)
        while (known := self._known.get(key)) is None:
            self._known[key] = None
            try:
                found = await self._cluster.config_map(namespace, name)
            except BaseException:
                self._known.pop(key, None)
                raise
            # A watch may have told of it meanwhile, and what it told is newer; or all of it has been forgotten.
            if key in self._known and self._known[key] is None:
                self._known[key] = (found.number, found.version) if found else (0, "")
        return known[1]

    def saw(self, config_map: Identity, deleted: bool) -> bool:
        """Take note of a ConfigMap as a watch has it, and return whether it is one that is named."""
        key = key_of(config_map.namespace, config_map.name)
        if key not in self._known:
            return False
        known = self._known[key]
        if known is None or known[0] <= config_map.number:
            self._known[key] = (config_map.number, "" if deleted else config_map.version)
        return True

    def forget(self) -> None:
        """Forget all versions: nobody was there to watch, or one that is named no more would be known for ever."""
        self._known.clear()


async def watch(
    cluster: Cluster, config_maps: ConfigMaps, cache: Cache, scope: str | None, enqueue: Callable[..., None]
) -> None:
    """Have resources looked at whose ConfigMap has changed, in a namespace or in the cluster for None, for ever."""

    def told(config_map: Identity, deleted: bool) -> None:
        if config_maps.saw(config_map, deleted):
            changed = key_of(config_map.namespace, config_map.name)
            enqueue(*(key for key, named in _naming(cache) if named == changed))

    await config_maps.named.wait()
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            version = await cluster.config_maps_version(scope)
            # What was known may have changed while nobody watched.
            config_maps.forget()
            enqueue(*(key for key, _ in _naming(cache)))
            pause = _FIRST_PAUSE_SECONDS
            while True:
                version = await cluster.watch_config_maps(scope, version, told)
                await asyncio.sleep(pause)  # in case that a watch ends as soon as it begins
        except ExpiredError:
            continue
        except ClusterError as error:
            log.warning("%s; changes of ConfigMaps are noticed late until they are watched again", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _naming(cache: Cache) -> Iterator[tuple[str, str]]:
    """Yield the key of each resource that names a ConfigMap, and how that is called in the same way."""
    for key, known in cache.resources.items():
        reference = requirements_reference(known.resource) if known.resource else None
        if reference is not None:
            yield key, key_of(known.namespace, reference.name)
