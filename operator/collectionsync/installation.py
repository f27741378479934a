"""Whether an installation works, asked from within the cluster: what `helm test` runs in a pod of its own.

Each check says what it found, or what is wrong and what to do about it; one that fails does not keep the others from
being made. Nothing is changed: the CollectionSync that is created is one for the API server to judge and to forget.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from collectionsync.controller.cluster import Body, Cluster, ClusterError, ForbiddenError, NotFoundError, RefusedError
from collectionsync.resource import GROUP, KIND, PLURAL, VERSION, DatabaseSecretRef
from collectionsync.store.database import StoreError, connected
from collectionsync.worker.secrets import SecretError, SecretNotFoundError, database_uri

_PATIENCE_SECONDS = 30.0
_SHOWN_BYTES = 500

SAMPLE: Body = {
    "apiVersion": f"{GROUP}/{VERSION}",
    "kind": KIND,
    "metadata": {"generateName": "check-installation-"},
    "spec": {"source": {"url": "https://galaxy.ansible.com/api/"}, "collections": [{"name": "ansible.posix"}]},
}
"""What is shown to the API server; that it is a dry run is part of the request."""


class CheckError(Exception):
    """What was looked at is not as it has to be; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What there is to look at.

    `health_url` is the operator's /healthz, `namespace` the one that the sample is shown to, and `secrets` the folder
    where the Secret of `database` is mounted, or would be. `ready_url` is the /readyz of the server that hands out
    what was mirrored; None where the installation has none.
    """

    health_url: str
    namespace: str
    database: DatabaseSecretRef
    secrets: Path
    ready_url: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `passed` is None where there was nothing to check."""

    check: str
    passed: bool | None
    message: str


async def examine(installation: Installation) -> AsyncIterator[Finding]:
    """Make every check, one after the other, and yield what each has found."""
    checks: dict[str, Callable[[], Awaitable[str | None]]] = {
        "operator": lambda: _operator(installation.health_url),
        "definition": _definition,
        "resource": lambda: _sample(installation.namespace),
        "database": lambda: _database(installation),
    }
    if ready_url := installation.ready_url:
        checks["server"] = lambda: _server(ready_url)
    for name, check in checks.items():
        try:
            found = await check()
        except CheckError as error:
            yield Finding(name, False, str(error))
        else:
            yield Finding(name, True, found) if found else _nothing_to_check(name, installation)


def _nothing_to_check(name: str, installation: Installation) -> Finding:
    reference = installation.database
    told = (
        f"not checked: no Secret {reference.name} with the key {reference.key} in namespace {installation.namespace}; "
        "each namespace with CollectionSyncs needs one"
    )
    return Finding(name, None, told)


async def _operator(url: str) -> str:
    try:
        await _answers(url, "operator")
    except HTTPError as error:
        raise CheckError(f"{url} says that the operator is not well ({error}); see its log") from error
    return f"{url} says that it works"


async def _server(url: str) -> str:
    try:
        await _answers(url, "server")
    except HTTPError as error:
        with error:
            said = error.read(_SHOWN_BYTES).decode(errors="replace").strip()
        raise CheckError(f"{url} says that the server is not ready ({error}): {said or 'see its log'}") from error
    return f"{url} says that it is ready"


async def _answers(url: str, whose: str) -> None:
    def ask() -> None:
        urlopen(url, timeout=_PATIENCE_SECONDS).close()  # noqa: S310 - the chart names Services of its own

    try:
        await asyncio.to_thread(ask)
    except HTTPError:
        raise
    except (OSError, ValueError) as error:
        raise CheckError(
            f"{url} cannot be asked ({error}); does the {whose} run, and may this pod resolve names and reach it?"
        ) from error


async def _definition() -> str:
    try:
        kinds = await _cluster().served_kinds()
    except NotFoundError as error:
        raise CheckError(
            f"the API server does not serve {GROUP}/{VERSION} ({error}); install the chart with crds.enabled=true once"
        ) from error
    except ClusterError as error:
        raise CheckError(str(error)) from error
    if KIND not in kinds:
        raise CheckError(f"the API server serves {GROUP}/{VERSION} without {KIND}; upgrade the chart that has the CRD")
    return f"{PLURAL}.{GROUP} is served as {VERSION}"


async def _sample(namespace: str) -> str:
    try:
        await _cluster().judge(namespace, SAMPLE)
    except ForbiddenError as error:
        raise CheckError(f"{error}; the account of this pod needs to create {PLURAL} there") from error
    except RefusedError as error:
        raise CheckError(f"{error}; is the definition as new as this release?") from error
    except ClusterError as error:
        raise CheckError(str(error)) from error
    return f"a {KIND} would be accepted in namespace {namespace}"


async def _database(installation: Installation) -> str | None:
    """Say which server answers; None where no Secret says which database is meant."""
    try:
        uri = database_uri(installation.database, installation.secrets)
    except SecretNotFoundError:
        return None
    except SecretError as error:
        raise CheckError(str(error)) from error
    try:
        async with connected(uri, sessions=1) as database, database.session() as session:
            name = await session.fetchval("SELECT current_database()")
            version = await session.fetchval("SHOW server_version")
            if await session.fetchval("SELECT current_setting('transaction_read_only')::bool"):
                raise CheckError(f"the database {name} can only be read; name the server that can be written to")
            if not await session.fetchval("SELECT has_schema_privilege(current_schema(), 'CREATE')"):
                raise CheckError(
                    f"the role may not create tables in the database {name}; let it own the database, or grant it "
                    "CREATE on the schema"
                )
    except StoreError as error:
        raise CheckError(f"{error}; see Secret {installation.database.name} and the database's own log") from error
    return f"PostgreSQL {version} answers, and tables can be made in the database {name}"


def _cluster() -> Cluster:
    try:
        return Cluster()
    except ClusterError as error:
        raise CheckError(str(error)) from error
