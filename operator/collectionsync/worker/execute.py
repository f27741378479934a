"""A sync as a process: its signals, its deadline, its report, its metrics and its exit code."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from collectionsync.artifacts.errors import ArtifactStoreError
from collectionsync.byte_budget import ByteBudget
from collectionsync.manifest import ManifestError
from collectionsync.memory import find_cgroup, rss_bytes
from collectionsync.quantity import parse_bytes, parse_seconds
from collectionsync.report import ExitCode, Result
from collectionsync.resource import CollectionSync, memory_limit_bytes
from collectionsync.store.database import StoreError
from collectionsync.store.location import located
from collectionsync.worker.budget import plan_memory
from collectionsync.worker.closure import INSERTERS
from collectionsync.worker.outcome import InterruptedRunError, Outcome, bug, stopped_by
from collectionsync.worker.progress import Progress, table
from collectionsync.worker.report import Reporter
from collectionsync.worker.secrets import SecretError
from collectionsync.worker.sync import Surroundings, Sync
from collectionsync.worker.tally import Tally
from collectionsync.worker.targets import Options, artifact_store, database_uri

if TYPE_CHECKING:
    from collectionsync.artifacts.store import ArtifactStore

log = logging.getLogger(__name__)

# Of the 20 that a run has after SIGTERM. To roll back takes milliseconds.
_CLEANING_UP_SECONDS = 5.0


def execute(resource: CollectionSync, options: Options) -> ExitCode:
    """Run a sync to its end, whatever that is, and return the exit code."""
    try:
        # Before the base is measured, which its import is part of.
        artifacts = artifact_store(resource, options)
    except (ManifestError, ArtifactStoreError) as error:
        return Process(resource, options, None).end(_stopped(error))
    process = Process(resource, options, artifacts)
    try:
        process.begin()
        with located(database_uri(resource, options)) as uri:
            return asyncio.run(process.run(uri))
    except KeyboardInterrupt:
        return process.end(_stopped(InterruptedRunError("Interrupted", "stopped before the sync began")))
    except (SecretError, StoreError) as error:
        return process.end(_stopped(error))


class Process:
    """One run and those who watch it: the report, the metrics and the progress all read one tally."""

    def __init__(self, resource: CollectionSync, options: Options, artifacts: "ArtifactStore | None") -> None:
        self._resource = resource
        self._options = options
        self._artifacts = artifacts
        self._cgroup = find_cgroup()
        base_bytes = rss_bytes()
        self._limit_bytes = self._cgroup.limit_within(memory_limit_bytes(resource.spec))
        self._memory = plan_memory(
            limit_bytes=self._limit_bytes,
            base_bytes=base_bytes,
            sessions=INSERTERS,
            concurrency=resource.spec.fetch.concurrency,
            max_in_flight_bytes=parse_bytes(resource.spec.fetch.max_in_flight),
        )
        self._tally = Tally()
        self._budget = ByteBudget(self._memory.in_flight_bytes)
        self._reporter = Reporter(
            tally=self._tally,
            path=options.report,
            cgroup=self._cgroup,
            limit_bytes=self._limit_bytes,
            base_bytes=base_bytes,
        )
        self._given_up = False

    def begin(self) -> None:
        """Tell what the imports took, before anything else takes more."""
        self._reporter.write(self._reporter.report())

    async def run(self, database_uri: str) -> ExitCode:
        """Sync under the eyes of whoever watches."""
        with self._metrics():
            watching = [asyncio.create_task(self._reporter.keep_writing())]
            if self._options.progress != "none":
                live = self._options.progress == "auto" and sys.stderr is not None and sys.stderr.isatty()
                watching.append(asyncio.create_task(Progress(self._tally, live=live).keep_showing()))
            try:
                outcome = await self._outcome(database_uri)
                if self._artifacts is not None and not self._given_up:
                    await self._artifacts.close()
            finally:
                for task in watching:
                    task.cancel()
                await asyncio.gather(*watching, return_exceptions=True)
        code = self.end(outcome)
        if self._given_up:
            # A database that no longer answers would be waited for on every way out but this. It is none the worse
            # for it: what was open goes with the connection.
            sys.stdout.flush()
            os._exit(code)
        return code

    def end(self, outcome: Outcome) -> ExitCode:
        """Tell how it ended: to the report, to the log, and to whoever watches."""
        report = self._reporter.report(outcome)
        self._reporter.write(report)
        level = logging.ERROR if outcome.result is Result.FAILED else logging.INFO
        log.log(level, "%s (%s): %s", outcome.result.value, outcome.reason, outcome.message)
        if self._options.progress != "none":
            target = f"{self._resource.metadata.namespace}/{self._resource.spec.target.repository}"
            _show(table(report, repository=target))
        return outcome.code

    async def _outcome(self, database_uri: str) -> Outcome:
        surroundings = Surroundings(
            database_uri=database_uri,
            secrets=self._options.secrets,
            spool=self._options.spool,
            cgroup=self._cgroup,
            limit_bytes=self._limit_bytes,
            connections=self._memory.connections,
            config_maps=self._options.config_maps,
            artifacts=self._artifacts,
        )
        sync = Sync(
            self._resource,
            surroundings=surroundings,
            tally=self._tally,
            budget=self._budget,
            reporter=self._reporter,
        )
        run = asyncio.create_task(sync.run())
        with self._told_to_stop() as told:
            seconds = parse_seconds(self._resource.spec.timeout)
            either: set[asyncio.Future[Any]] = {run, told}
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if run.done():
                return _of(run)
            # What is open is rolled back, what is stored stays.
            run.cancel()
            await asyncio.wait({run}, timeout=_CLEANING_UP_SECONDS)
        self._given_up = not run.done()
        if run.done() and not run.cancelled() and run.exception() is None:
            return run.result()  # it came to its end in the same moment
        if told.done():
            return _stopped(InterruptedRunError("Interrupted", f"stopped by {told.result().name}"))
        return _stopped(InterruptedRunError("DeadlineExceeded", f"spec.timeout of {seconds:.0f} s is over"))

    @contextlib.contextmanager
    def _told_to_stop(self) -> Iterator[asyncio.Future[signal.Signals]]:
        """Yield a future that SIGTERM or SIGINT settles, whichever comes first.

        Later ones must interrupt neither the cleaning up nor the stopping of a server that this process started, so
        they have no effect until its end.
        """
        loop = asyncio.get_running_loop()
        told: asyncio.Future[signal.Signals] = loop.create_future()

        def tell(number: int) -> None:
            if not told.done():
                told.set_result(signal.Signals(number))

        def handle(number: int, _: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the run is over
                loop.call_soon_threadsafe(tell, number)

        # Not the loop's own handlers: with the loop these would go, and SIGTERM would kill from then on.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, handle)
        yield told

    @contextlib.contextmanager
    def _metrics(self) -> Iterator[None]:
        if self._options.metrics_address is None:
            yield
            return
        from collectionsync.exposition import exposed
        from collectionsync.worker.metrics import WorkerCollector

        collector = WorkerCollector(
            tally=self._tally, budget=self._budget, cgroup=self._cgroup, limit_bytes=self._limit_bytes
        )
        host, port = self._options.metrics_address
        with contextlib.ExitStack() as stack:
            try:
                port = stack.enter_context(exposed(host, port, collector))
            except OSError as error:
                # As with the report: a run is worth more than those who watch it.
                log.warning("metrics cannot be served at %s:%d: %s", host, port, error.strerror)
            else:
                log.info("metrics are at http://%s:%d/metrics", f"[{host}]" if ":" in host else host, port)
            yield


def _show(text: str) -> None:
    """Print `text`; where nobody reads it any more, that is no reason to call a run a failure."""
    try:
        print(text, flush=True)  # noqa: T201 - it is what was asked for
    except OSError as error:
        log.warning("the closing table cannot be shown: %s", error.strerror)
        # The interpreter tries once more at its end, and would exit with 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of(run: asyncio.Task[Outcome]) -> Outcome:
    """Return the outcome of a run that came to its end by itself."""
    error = run.exception()
    if error is None:
        return run.result()
    if not isinstance(error, Exception):
        raise error
    return _stopped(error)


def _stopped(error: Exception) -> Outcome:
    """Return what `error` means; one that nobody foresaw is a bug, and is shown whole."""
    outcome = stopped_by(error)
    if outcome is None:
        log.error("a bug in collectionsync: please report it with what follows", exc_info=error)
        outcome = bug(error)
    return outcome
