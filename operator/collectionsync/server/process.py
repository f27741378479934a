"""The server as a process: what it listens on, its signals, its end and its exit code."""

import asyncio
import logging
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from collectionsync.artifacts.errors import ArtifactStoreError
from collectionsync.report import ExitCode
from collectionsync.server.assembly import Assembled, artifact_store, assembled, database_uri
from collectionsync.server.listening import AddressError, Listener, bound
from collectionsync.server.options import Options
from collectionsync.server.public_url import PublicUrlError
from collectionsync.server.secrets import SecretError
from collectionsync.store.database import SchemaMismatchError, StoreError, UnreadableUriError
from collectionsync.store.location import located

if TYPE_CHECKING:
    from collectionsync.artifacts.store import ArtifactStore

log = logging.getLogger(__name__)

FINISHING_SECONDS = 20.0
"""How long answers that are under way at the end may take."""

_LOOK_SECONDS = 0.05
_CONFIGURATION = (SecretError, ArtifactStoreError, SchemaMismatchError, UnreadableUriError, PublicUrlError)


def serve(options: Options) -> ExitCode:
    """Serve until SIGTERM or SIGINT, and return the exit code."""
    # Before the loop has handlers of its own: a server that was started meanwhile must be stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with located(database_uri(options)) as uri:
            return asyncio.run(_serve(options, uri, artifact_store(options)))
    except _CONFIGURATION as error:
        log.error("%s", error)
        return ExitCode.CONFIGURATION
    except (StoreError, AddressError) as error:
        log.error("%s", error)
        return ExitCode.UNAVAILABLE
    except Exception as error:
        log.error("a bug in collectionsync: please report it with what follows", exc_info=error)
        return ExitCode.BUG
    except KeyboardInterrupt:
        log.error("stopped before it served")
        return ExitCode.INTERRUPTED


async def _serve(options: Options, uri: str, artifacts: "ArtifactStore | None") -> ExitCode:
    told = _told_to_stop()
    with bound(*options.listen) as sockets:
        async with assembled(options, uri, artifacts) as parts:
            listener = Listener(sockets, parts.http, parts.server.clients)
            listener.start()
            bounds = parts.server.clients.bounds
            for each in sockets:
                log.info("serving at http://%s (at most %d clients at once)", _shown(each), bounds.connections)
            either: set[asyncio.Future[Any]] = {told, parts.keeping}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if parts.keeping.done():
                listener.stop()
                await parts.keeping
            log.info("stopping, as %s says", told.result().name)
            await _finish(parts, listener, options.shutdown_delay_seconds)
    return ExitCode.OK


def _told_to_stop() -> "asyncio.Future[signal.Signals]":
    """Return a future that the first SIGTERM or SIGINT settles; the second one ends the process."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[signal.Signals] = loop.create_future()

    def tell(number: signal.Signals) -> None:
        if told.done():
            log.error("stopped at once, as %s says; answers were broken off", number.name)
            os._exit(ExitCode.INTERRUPTED)
        told.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell, number)
    return told


async def _finish(parts: Assembled, listener: Listener, delay_seconds: float) -> None:
    """Bring to an end what is under way; for `delay_seconds` others are still taken in, who have not heard yet."""
    parts.server.holdings.stopping = True
    if delay_seconds:
        log.info("unready, and serving on for %.0f s", delay_seconds)
        await asyncio.sleep(delay_seconds)
    listener.stop()
    # Requests that came in by then are begun, so that they count as under way.
    await asyncio.sleep(0)
    parts.http.pre_shutdown()
    parts.server.clients.let_go()
    deadline = asyncio.get_running_loop().time() + FINISHING_SECONDS
    while parts.server.tally.inflight_requests and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
    if left := parts.server.tally.inflight_requests:
        log.warning("%d answers were broken off: their readers took longer than %.0f s", left, FINISHING_SECONDS)
    await parts.http.shutdown(_LOOK_SECONDS)


def _shown(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
