"""The server's parts, put together from what the command line says."""

import asyncio
import contextlib
import logging
import resource
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collectionsync.byte_budget import ByteBudget
from collectionsync.memory import find_cgroup, rss_bytes
from collectionsync.server.access import Access
from collectionsync.server.app import UNKNOWN, Server
from collectionsync.server.connections import Bounds, Clients, HttpServer
from collectionsync.server.documents import DocumentCache
from collectionsync.server.holdings import Holdings
from collectionsync.server.listening import AddressError
from collectionsync.server.memory_plan import DEFAULT_LIMIT_BYTES, plan_memory
from collectionsync.server.options import Options
from collectionsync.server.public_url import read_public_url
from collectionsync.server.remembered import Remembered
from collectionsync.server.secrets import SecretError, read_key, read_keys, secret_folder
from collectionsync.server.sending import Sender
from collectionsync.server.sessions import Sessions
from collectionsync.server.tally import Tally
from collectionsync.store.database import DatabaseConfigurationError
from collectionsync.store.embedded import data_folder

if TYPE_CHECKING:
    from collectionsync.artifacts.store import ArtifactStore

log = logging.getLogger(__name__)


def database_uri(options: Options) -> str | None:
    """Return which database is meant; None if by nobody.

    Raises:
        SecretError: the Secret does not name one.
    """
    if options.database_uri is not None or options.secrets is None:
        return options.database_uri
    return read_key(options.secrets, *options.database_secret)


def _current_uri(options: Options) -> str | None:
    """Return the same as it is by now: credentials are rotated, and no server is restarted for that.

    Raises:
        StoreError: the Secret does not name one any more.
    """
    try:
        return database_uri(options)
    except SecretError as error:
        raise DatabaseConfigurationError(str(error)) from error


def artifact_store(options: Options) -> "ArtifactStore | None":
    """Return where artifacts are; None where nobody said so, and no sync has put any into the user's own folder.

    Raises:
        SecretError, ArtifactStoreError: it cannot be used.
    """
    url = options.artifacts
    if url is None and database_uri(options) is None and (folder := data_folder() / "artifacts").is_dir():
        url = folder.absolute().as_uri()
    if url is None:
        return None
    # Imported here: most of what it takes, a server without artifacts never needs.
    from collectionsync.artifacts.store import ArtifactStore

    return ArtifactStore.open(
        url, read_keys(options.secrets, options.artifacts_secret) if options.artifacts_secret else {}
    )


def open_files_limit() -> int:
    """Raise the limit of open files as far as this process may, and return it; each client is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard
    return soft


@dataclass(frozen=True, slots=True)
class Assembled:
    """A server that works; `keeping` ends with the error that it cannot go on after."""

    server: Server
    http: HttpServer
    keeping: "asyncio.Task[None]"


@contextlib.asynccontextmanager
async def assembled(
    options: Options, uri: str, artifacts: "ArtifactStore | None", bounds: Bounds | None = None
) -> AsyncIterator[Assembled]:
    """Put a server together, and keep it working as long as the block lasts. Nobody listens for clients yet.

    Raises:
        PublicUrlError, SecretError: an option cannot be used.
        AddressError: --metrics-address cannot be listened on.
    """
    server, limit_bytes = _server(options, uri, artifacts, bounds)
    http = HttpServer(server.handle, server.clients)
    with _metrics(options, server, limit_bytes):
        keeping = asyncio.create_task(server.sessions.keep())
        watching = asyncio.create_task(server.clients.watch())
        try:
            yield Assembled(server, http, keeping)
        finally:
            for task in (keeping, watching):
                task.cancel()
            await asyncio.gather(keeping, watching, return_exceptions=True)
            server.sender.documents.close()
            if artifacts is not None:
                await artifacts.close()


def _server(options: Options, uri: str, artifacts: "ArtifactStore | None", bounds: Bounds | None) -> tuple[Server, int]:
    """Return a server, and the memory limit that it keeps to."""
    secret = options.access_secret
    access = Access.open(None if secret is None else secret_folder(options.secrets, secret))
    public_url = None if options.public_url is None else read_public_url(options.public_url)
    cgroup, wanted = find_cgroup(), options.memory_limit_bytes
    limit_bytes = cgroup.limit_bytes() or DEFAULT_LIMIT_BYTES if wanted is None else cgroup.limit_within(wanted)
    plan = plan_memory(limit_bytes=limit_bytes, base_bytes=rss_bytes(), open_files=open_files_limit())
    sessions = Sessions(uri, plan.sessions, current=lambda: _current_uri(options) or uri)
    budget, tally = ByteBudget(plan.in_flight_bytes), Tally()
    documents = DocumentCache(sessions, options.spool, plan.disk_bytes)
    return Server(
        holdings=Holdings(
            sessions=sessions,
            plan=plan,
            remembered=Remembered(plan.remembered_bytes),
            artifacts=artifacts,
            redirect_artifacts=options.redirect_artifacts,
            prefix=public_url.prefix if public_url else "",
        ),
        access=access,
        sender=Sender(documents, ByteBudget(plan.compression_bytes), options.spool),
        budget=budget,
        tally=tally,
        clients=Clients(
            bounds or Bounds(plan.connections), refused=lambda status: tally.answered(UNKNOWN, status, 0, 0.0)
        ),
        public_url=public_url,
        default_repository=options.default_repository,
    ), limit_bytes


@contextlib.contextmanager
def _metrics(options: Options, server: Server, limit_bytes: int) -> Iterator[None]:
    if options.metrics_address is None:
        yield
        return
    # Imported here: it takes a megabyte.
    from collectionsync.exposition import exposed
    from collectionsync.server.metrics import Readings, ServerCollector

    readings = Readings(
        inflight_bytes=lambda: server.budget.in_use + server.sender.compression.in_use,
        connections=lambda: server.clients.count,
        database_up=lambda: server.sessions.problem is None,
        document_cache_bytes=lambda: server.sender.documents.bytes,
        cgroup=find_cgroup(),
        limit_bytes=limit_bytes,
    )
    host, port = options.metrics_address
    with contextlib.ExitStack() as stack:
        try:
            chosen = stack.enter_context(exposed(host, port, ServerCollector(server.tally, readings)))
        except OSError as error:
            raise AddressError("--metrics-address", host, port, error) from error
        log.info("metrics are at http://%s:%d/metrics", f"[{host}]" if ":" in host else host, chosen)
        yield
