"""The operator as a process: its parts put together, its signals, its end. One that cannot work says why and exits."""

import asyncio
import logging
import signal
from datetime import UTC, datetime

from collectionsync.controller.cache import Cache
from collectionsync.controller.cluster import Cluster, ClusterError, ForbiddenError, NotFoundError
from collectionsync.controller.config_maps import watch
from collectionsync.controller.handlers import serve
from collectionsync.controller.metrics import OperatorCollector, RunCounters
from collectionsync.controller.reconcile import Observer, Reconciler
from collectionsync.controller.settings import Settings
from collectionsync.exposition import exposed
from collectionsync.report import ExitCode
from collectionsync.resource import GROUP, PLURAL

log = logging.getLogger(__name__)


def run(settings: Settings) -> ExitCode:
    """Work until SIGTERM or SIGINT, and return the exit code."""
    # What Kopf has to say of each event that it hands on, and of each probe, is said where it matters.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    try:
        return asyncio.run(_run(settings))
    except (NotFoundError, ForbiddenError) as error:
        log.error("%s; is the definition %s.%s installed, and may the operator read it?", error, PLURAL, GROUP)
        return ExitCode.CONFIGURATION
    except ClusterError as error:
        log.error("%s", error)
        return ExitCode.UNAVAILABLE


async def _run(settings: Settings) -> ExitCode:
    cache, counters = Cache(), RunCounters(since=datetime.now(UTC))
    observer = Observer(run_ended=counters.ended, times_missed=counters.missed, resource_gone=counters.gone)
    cluster = Cluster()
    reconciler = Reconciler(cluster, settings, cache, observer)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with exposed(*settings.metrics_address, OperatorCollector(cache, reconciler, observer, counters, settings.budget)):
        served = await reconciler.begin()
        watching = asyncio.create_task(
            serve(
                cache,
                reconciler,
                observer,
                namespaces=tuple(scope for scope in served if scope is not None),
                health_address=settings.health_address,
                stop=stop,
            )
        )
        # The end of any of them is the end of the process.
        working = [asyncio.create_task(reconciler.run())]
        for scope in served:
            telling = watch(cluster, reconciler.config_maps, cache, scope, reconciler.enqueue)
            working.append(asyncio.create_task(telling))
        try:
            await asyncio.wait({watching, *working}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            for task in working:
                task.cancel()
            await asyncio.gather(watching, *working, return_exceptions=True)
    for task in (*working, watching):
        if not task.cancelled() and (error := task.exception()):
            raise error
    return ExitCode.OK
