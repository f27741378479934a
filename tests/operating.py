"""The operator as tests drive it: installed by helm in a real cluster, with real servers on the host's side of it.

Everything waits for what the API server says, and nothing for time. kubectl runs in a thread: a test's galaxy lives in
its loop, and would answer nobody while that is blocked.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from collectionsync.resource import KIND
from collectionsync.store.embedded import EmbeddedPostgres
from collectionsync.store.postgres_local import PORT
from postgres import execute, fresh_database, short_folder
from syncing import Manifest, until
from testcluster import Cluster
from testgalaxy import Catalog, TestGalaxy
from testgalaxy.certificates import Certificates, make_certificates

CHART = Path(__file__).parents[1] / "charts" / "collectionsync"
SYSTEM = "collectionsync-system"
"""The namespace that the operator of most tests is installed in."""
PATIENCE_SECONDS = 300.0
"""How long a test waits for what must come; only a test that fails ever waits as long."""

Resource = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """A PostgreSQL that pods reach. `uri` is the administrator's, for this machine alone."""

    uri: str
    host: str
    password: str

    def pods_uri(self, database: str, *, password: str | None = None) -> str:
        """The URI of a database as a Secret in the cluster has it."""
        return f"postgresql://mirror:{quote(password or self.password)}@{self.host}:{PORT}/{database}"


@contextlib.contextmanager
def server(host: str) -> Iterator[Server]:
    """Start a PostgreSQL that listens on `host` as well, and lets in from there who knows the password."""
    password = secrets.token_hex(16)
    with short_folder() as folder, EmbeddedPostgres(folder / "data", listen=host) as postgres:
        with (postgres.folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all scram-sha-256\n")
        execute(postgres.uri, "SELECT pg_reload_conf()")
        execute(postgres.uri, f"CREATE ROLE mirror LOGIN PASSWORD '{password}'")
        yield Server(postgres.uri, host, password)


@contextlib.contextmanager
def database(on: Server) -> Iterator[tuple[str, str]]:
    """Make an empty database that pods may use: its administrator's URI and its URI for pods."""
    with fresh_database(on.uri) as uri:
        name = uri.partition("?")[0].rpartition("/")[2]
        execute(on.uri, f'ALTER DATABASE "{name}" OWNER TO mirror')
        yield uri, on.pods_uri(name)


class Tenant:
    """A namespace of a test's own, with a database of its own, where resources are applied."""

    def __init__(self, cluster: Cluster, namespace: str, database: str, database_uri: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.database = database
        self.database_uri = database_uri

    async def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl in the namespace; what it printed, and what it complained about where `check` is off."""
        run = await asyncio.to_thread(
            self.cluster.kubectl, "--namespace", self.namespace, *arguments, stdin=stdin, check=check
        )
        return run.stdout + ("" if check else run.stderr)

    async def apply(self, document: Manifest, *options: str) -> None:
        """Apply a manifest to this namespace."""
        document = {**document, "metadata": {**document["metadata"], "namespace": self.namespace}}
        await self.kubectl("apply", *options, "--filename", "-", stdin=json.dumps(document))

    async def secret(self, name: str, **keys: str) -> None:
        """Create a Secret, or change it to this; `ca_crt` is the key ca.crt."""
        data = {key.replace("_", ".") if "crt" in key else key: text for key, text in keys.items()}
        document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
        # By the server: otherwise it would stand in an annotation once more, which has less room than a Secret.
        await self.apply(document, "--server-side", "--force-conflicts")

    async def get(self, kind: str, *arguments: str) -> Resource:
        """One object, or a list where no name is given."""
        found: Resource = json.loads(await self.kubectl("get", kind, *arguments, "--output", "json"))
        return found

    async def jobs(self) -> list[Resource]:
        """All Jobs of the namespace, oldest first."""
        found: list[Resource] = (await self.get("jobs"))["items"]
        return sorted(found, key=lambda job: str(job["metadata"]["creationTimestamp"]))

    async def events(self) -> list[str]:
        """The reasons of all events on resources, in order."""
        found = (await self.get("events"))["items"]
        return [str(each["reason"]) for each in found if each["involvedObject"]["kind"] == KIND]

    async def until(self, name: str, condition: Callable[[Resource], bool], what: str) -> Resource:
        """Wait until `condition` holds of the resource, and return it; a failure shows how it stood."""
        seen: Resource = {}

        async def holds() -> bool:
            nonlocal seen
            seen = await self.get(KIND, name)
            return condition(seen)

        try:
            await until(holds, what, seconds=PATIENCE_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(seen.get('status'), indent=1)}\n{await self.story()}") from None
        return seen

    async def until_reason(self, name: str, reason: str) -> Resource:
        """Wait until Ready has this reason, for the spec as it is now."""
        return await self.until(name, lambda seen: is_observed(seen) and ready(seen)[1] == reason, f"reason {reason}")

    async def until_ready(self, name: str) -> Resource:
        """Wait as a person does: kubectl wait --for=condition=Ready."""
        try:
            await self.kubectl("wait", "--for=condition=Ready", f"--timeout={PATIENCE_SECONDS:.0f}s", f"{KIND}/{name}")
        except Exception as error:
            raise AssertionError(f"{name} did not become Ready: {error}\n{await self.story()}") from error
        return await self.get(KIND, name)

    async def story(self) -> str:
        """All that there is to tell of a test that has failed."""
        described = await self.kubectl("describe", f"{KIND},jobs,pods", check=False)
        logs = await self.kubectl("logs", "--selector", "app.kubernetes.io/component=worker", check=False)
        return f"{described}\n{logs}"


def condition(resource: Resource, kind: str) -> Resource:
    """The condition of this type; an empty mapping where there is none."""
    found: list[Resource] = [each for each in status(resource).get("conditions", []) if each["type"] == kind]
    return found[0] if found else {}


def status(resource: Resource) -> Resource:
    """The status."""
    found: Resource = resource.get("status", {})
    return found


def ready(resource: Resource) -> tuple[str, str]:
    """Status and reason of the condition Ready."""
    found = condition(resource, "Ready")
    return str(found.get("status", "")), str(found.get("reason", ""))


def is_observed(resource: Resource) -> bool:
    """Whether the status is about the spec as it is now."""
    return bool(status(resource).get("observedGeneration") == resource["metadata"]["generation"])


@pytest.fixture(scope="session")
def database_server(cluster: Cluster) -> Iterator[Server]:
    """A PostgreSQL on the host's side of the cluster."""
    with server(cluster.host) as started:
        yield started


@contextlib.contextmanager
def installed(cluster: Cluster, release: str, namespace: str, **values: Any) -> Iterator[None]:
    """Install the chart and wait until the operator is up; uninstall it at the end."""
    repository, _, tag = cluster.image.rpartition(":")
    chosen = {"image.repository": repository, "image.tag": tag, "image.pullPolicy": "IfNotPresent", **values}
    settings = [word for name, value in chosen.items() for word in ("--set-json", f"{name}={json.dumps(value)}")]
    where = ("--namespace", namespace)
    cluster.helm("install", release, str(CHART), *where, "--create-namespace", "--wait", "--timeout", "3m", *settings)
    try:
        yield
    finally:
        cluster.helm("uninstall", release, *where, "--wait")


@pytest.fixture(scope="session")
def operator(cluster: Cluster) -> Iterator[None]:
    """The operator for all namespaces, with room for many runs at once."""
    roomy = {"limits": {"simultaneousRuns": 8, "totalMemory": "2Gi", "perSourceHost": 8}}
    with installed(cluster, "collectionsync", SYSTEM, **roomy):
        yield


@contextlib.asynccontextmanager
async def operator_down(cluster: Cluster) -> AsyncIterator[None]:
    """Take the operator of all namespaces down, and bring it back at the end."""
    home = ("--namespace", SYSTEM)
    scale = (*home, "scale", "deployment", "collectionsync")
    gone = (*home, "wait", "--for=delete", "pod", "--selector", "app.kubernetes.io/component=operator")
    await asyncio.to_thread(cluster.kubectl, *scale, "--replicas=0")
    await asyncio.to_thread(cluster.kubectl, *gone, "--timeout=120s")
    try:
        yield
    finally:
        await asyncio.to_thread(cluster.kubectl, *scale, "--replicas=1")
        await asyncio.to_thread(
            cluster.kubectl, *home, "rollout", "status", "deployment/collectionsync", "--timeout=120s"
        )


@contextlib.asynccontextmanager
async def tenant_in(cluster: Cluster, on: Server, *, name: str = "", secret: bool = True) -> AsyncIterator[Tenant]:
    """Make a namespace where only restricted pods are let in, with the database's Secret, and delete it at the end."""
    with database(on) as (uri, pods_uri):
        made = Tenant(cluster, name or f"tenant-{secrets.token_hex(4)}", uri, pods_uri)
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": made.namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        }
        await asyncio.to_thread(cluster.kubectl, "apply", "--filename", "-", stdin=json.dumps(namespace))
        try:
            if secret:
                await made.secret("collectionsync-database", uri=pods_uri)
            yield made
        finally:
            await asyncio.to_thread(cluster.kubectl, "delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture
async def tenant(cluster: Cluster, operator: None, database_server: Server) -> AsyncIterator[Tenant]:
    """A namespace with a database, served by the operator."""
    async with tenant_in(cluster, database_server) as made:
        yield made


@pytest.fixture
async def other_tenant(cluster: Cluster, operator: None, database_server: Server) -> AsyncIterator[Tenant]:
    """Another such namespace."""
    async with tenant_in(cluster, database_server) as made:
        yield made


@pytest.fixture
async def bare_tenant(cluster: Cluster, operator: None, database_server: Server) -> AsyncIterator[Tenant]:
    """A namespace without the Secret that says which database."""
    async with tenant_in(cluster, database_server, secret=False) as made:
        yield made


@pytest.fixture
async def galaxy_for_pods(cluster: Cluster) -> AsyncIterator[Callable[..., Any]]:
    """Starts a galaxy in the test's loop that pods reach; all stop with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(catalog: Catalog, *, tls: bool = False, **options: Any) -> TestGalaxy:
            certificates: bool | Certificates = make_certificates(cluster.host) if tls else False
            galaxy = TestGalaxy(catalog, host=cluster.host, tls=certificates, **options)
            return await stack.enter_async_context(galaxy)

        yield start
