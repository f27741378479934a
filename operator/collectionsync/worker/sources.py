"""The Galaxy servers of a run: each is connected to when it is first asked, and its own credentials go to it alone."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from collectionsync.galaxy.client import GalaxyClient
from collectionsync.galaxy.retry import RetryPolicy
from collectionsync.galaxy.transport import Transport
from collectionsync.quantity import parse_seconds
from collectionsync.worker.excludes import Excludes
from collectionsync.worker.secrets import credentials, headers, proxy, ssl_context
from collectionsync.worker.tally import Tally
from collectionsync.worker.wanted import Place


class Sources:
    """Clients by the ids that the store knows the sources by; for `async with`, which connects to the first.

    `stall_seconds` overrides what the resource says of it.
    """

    def __init__(
        self,
        places: Sequence[Place],
        *,
        secrets: Path | None,
        tally: Tally,
        connections: int,
        retry: RetryPolicy,
        stall_seconds: float | None,
    ) -> None:
        # Whatever is wrong with a Secret is wrong before anything is asked.
        self._transports = [
            self._transport(place, secrets, tally, connections, retry, stall_seconds) for place in places
        ]
        self._places = places
        self._tally = tally
        self._known: dict[int, asyncio.Task[_Known]] = {}
        self.ids: tuple[int, ...] = ()
        """The store's ids of the sources, in their order; set by numbered()."""

    @staticmethod
    def _transport(
        place: Place,
        secrets: Path | None,
        tally: Tally,
        connections: int,
        retry: RetryPolicy,
        stall_seconds: float | None,
    ) -> Transport:
        source, field = place.source, place.field
        waits = source.timeouts
        return Transport(
            credentials=credentials(source, secrets, field=field),
            observer=tally,
            ssl_context=ssl_context(source, secrets, field=field),
            insecure=source.insecure,
            rate=source.rate_limit,
            connections=connections,
            retry=retry,
            connect_seconds=parse_seconds(waits.connect),
            stall_seconds=parse_seconds(waits.read) if stall_seconds is None else stall_seconds,
            total_seconds=parse_seconds(waits.total),
            headers=headers(source, secrets, field=field),
            proxy=proxy(source, secrets, field=field),
            field=field,
        )

    async def __aenter__(self) -> "Sources":
        self._stack = contextlib.AsyncExitStack()
        try:
            await self._of(0)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._known.values():
            task.cancel()
        await asyncio.gather(*self._known.values(), return_exceptions=True)
        await self._stack.aclose()

    def numbered(self, ids: Sequence[int]) -> None:
        """Take note of the ids of the sources, in their order."""
        self.ids = tuple(ids)

    async def client(self, source_id: int) -> GalaxyClient:
        """Return the client of a source.

        Raises:
            GalaxyError: it cannot be reached, or speaks no Galaxy v3; the same each time.
        """
        return (await self._of(self.ids.index(source_id))).client

    async def excludes(self, source_id: int) -> Excludes:
        """Return what a source asks its mirrors to leave out.

        Raises:
            GalaxyError: as for client(), or that list cannot be had for now.
        """
        return (await self._of(self.ids.index(source_id))).excludes

    async def _of(self, position: int) -> "_Known":
        # A task of its own: who asked first may be cancelled, and the others still wait for the answer.
        if position not in self._known:
            self._known[position] = asyncio.create_task(self._connected(position))
        return await asyncio.shield(self._known[position])

    async def _connected(self, position: int) -> "_Known":
        place = self._places[position]
        transport = await self._stack.enter_async_context(self._transports[position])
        client = GalaxyClient(transport, place.source.url)
        await client.connect()
        excludes = Excludes(await client.excludes())
        for problem in excludes.unreadable:
            self._tally.warn(f"{place.field} excludes what cannot be read, which is passed over: {problem}")
        return _Known(client, excludes)


class _Known(NamedTuple):
    """What is known of a source that was connected to."""

    client: GalaxyClient
    excludes: Excludes
