"""A release with a server: a mirror is served where its status says, through restarts and changes of Secrets."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from cluster.chart.releases import install, values
from collectionsync.store.postgres_local import PORT
from operating import PATIENCE_SECONDS, Server, Tenant, status, tenant_in
from postgres import execute
from syncing import manifest, until
from testcluster import Cluster, ClusterError
from testgalaxy import TestGalaxy, small_catalog

RELEASE = "collectionsync"
PODS = "app.kubernetes.io/component=server"
KEEPER = "who-may-read-everything"
_CLIENTS = 4
_PAUSE_SECONDS = 0.05
_FEWEST_ANSWERS = 100


@dataclass(frozen=True)
class Served:
    """A mirror of `acme.tools` that is served to whoever knows `first` or is the keeper, at a port of the node's."""

    tenant: Tenant
    front: str
    resource: dict[str, Any]

    @property
    def versions(self) -> str:
        """The URL of the versions of `acme.tools`."""
        return f"{self.front}/{self.tenant.namespace}/default/api/v3/collections/acme/tools/versions/"

    async def pods(self) -> list[dict[str, Any]]:
        """The server's pods, without those that are about to end."""
        found = (await self.tenant.get("pods", "--selector", PODS))["items"]
        return [each for each in found if "deletionTimestamp" not in each["metadata"]]


@pytest.fixture(scope="module")
def served(empty_cluster: Cluster, empty_clusters_database: Server) -> Iterator[Served]:
    """A release with a server that reads the database with a role which may do nothing else."""
    with asyncio.Runner() as runner:
        context = _served(empty_cluster, empty_clusters_database)
        served = runner.run(context.__aenter__())
        try:
            yield served
        finally:
            runner.run(context.__aexit__(None, None, None))


@contextlib.asynccontextmanager
async def _served(cluster: Cluster, on: Server) -> AsyncIterator[Served]:
    chosen = values(
        server={
            "enabled": True,
            "replicas": 1,
            "database": {"existingSecret": {"name": "reader"}},
            "access": {"existingSecret": "readers"},
            "service": {"type": "NodePort"},
        }
    )
    async with tenant_in(cluster, on) as tenant:
        with _reader(tenant.database, on) as uri:
            await tenant.secret("reader", uri=uri)
            await tenant.secret("readers", _all=KEEPER, **{tenant.namespace: "first"})
            try:
                await _install(tenant, *chosen)
                yield Served(tenant, await _front(tenant), await _mirrored(tenant))
            finally:
                await tenant.kubectl("delete", "collectionsync", "--all")
                where = ("--namespace", tenant.namespace, "--wait")
                await asyncio.to_thread(cluster.helm, "uninstall", RELEASE, *where)
                await tenant.kubectl("delete", "customresourcedefinition", "collectionsyncs.collectionsync.dev")


async def _install(tenant: Tenant, *options: str) -> None:
    try:
        await asyncio.to_thread(tenant.cluster.helm, *install(RELEASE, tenant.namespace, *options))
    except ClusterError as error:
        told = await tenant.kubectl("logs", "--selector", PODS, "--tail=50", check=False)
        raise AssertionError(f"{error}\n{await tenant.story()}\n{told}") from error


@contextlib.contextmanager
def _reader(database: str, on: Server) -> Iterator[str]:
    """Make a role that may read everything, and nothing else; its URI for pods."""
    role, password = f"reader_{secrets.token_hex(4)}", secrets.token_hex(8)
    execute(on.uri, f"CREATE ROLE {role} LOGIN PASSWORD '{password}' IN ROLE pg_read_all_data")
    name = database.partition("?")[0].rpartition("/")[2]
    try:
        yield f"postgresql://{role}:{password}@{on.host}:{PORT}/{name}"
    finally:
        execute(on.uri, f"DROP ROLE {role}")


async def _front(tenant: Tenant) -> str:
    """Where the server is reached from this machine."""
    service = await tenant.get("service", f"{RELEASE}-server")
    (node, *_) = (await tenant.get("nodes"))["items"]
    address = next(each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP")
    return f"http://{address}:{service['spec']['ports'][0]['nodePort']}"


async def _mirrored(tenant: Tenant) -> dict[str, Any]:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0", "1.1.0"]}), host=tenant.cluster.host) as galaxy:
        await tenant.apply(manifest(galaxy.url, "acme.tools"))
        return await tenant.until_ready("mirror")


async def answer(url: str, token: str = KEEPER) -> tuple[int, Any]:
    """Ask as ansible-galaxy does, by a connection of its own: the status, and what the answer holds."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Token {token}"}) as session, session.get(url) as got:
        return got.status, await got.json()


async def test_a_mirror_is_served_where_its_status_says(served: Served) -> None:
    namespace, url = served.tenant.namespace, status(served.resource)["url"]
    assert url == f"http://{RELEASE}-server.{namespace}.svc/{namespace}/default/api/"
    assert url in await served.tenant.kubectl("get", "collectionsync", "mirror", "--output", "wide")
    path = url.removeprefix(f"http://{RELEASE}-server.{namespace}.svc")
    code, root = await answer(f"{served.front}{path}")
    assert (code, root["available_versions"]) == (200, {"v3": "v3/"})
    code, listed = await answer(served.versions)
    assert (code, [each["version"] for each in listed["data"]]) == (200, ["1.1.0", "1.0.0"])


async def test_all_of_its_memory_is_reserved_for_a_pod(served: Served) -> None:
    (pod,) = await served.pods()
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"] == "128Mi"
    assert "cpu" not in container["resources"]["limits"]


async def test_a_restart_loses_no_request(served: Served) -> None:
    answered: list[int] = []

    async def ask() -> None:
        while True:
            answered.append((await answer(served.versions))[0])
            await asyncio.sleep(_PAUSE_SECONDS)

    (before,) = await served.pods()
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(ask()) for _ in range(_CLIENTS)]
        await served.tenant.kubectl("rollout", "restart", f"deployment/{RELEASE}-server")
        await served.tenant.kubectl("rollout", "status", f"deployment/{RELEASE}-server", "--timeout=240s")
        gone = ("wait", "--for=delete", f"pod/{before['metadata']['name']}", "--timeout=120s")
        await served.tenant.kubectl(*gone, check=False)
        for client in clients:
            client.cancel()
    (after,) = await served.pods()
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert set(answered) == {200}
    assert len(answered) >= _FEWEST_ANSWERS


async def test_who_may_read_changes_with_the_secret_and_without_a_restart(served: Served) -> None:
    async def told() -> list[int]:
        return [(await answer(served.versions, token))[0] for token in ("first", "second")]

    async def has_changed() -> bool:
        await asyncio.sleep(_PAUSE_SECONDS)
        return await told() == [401, 200]

    (pod,) = await served.pods()
    assert await told() == [200, 401]
    await served.tenant.secret("readers", _all=KEEPER, **{served.tenant.namespace: "second"})
    # The kubelet looks at a Secret once a minute, and whenever its pod changes.
    await served.tenant.kubectl("annotate", "pod", pod["metadata"]["name"], "collectionsync.test/look=now")
    await until(has_changed, "the other token to be the right one", seconds=PATIENCE_SECONDS)
    (same,) = await served.pods()
    assert same["metadata"]["uid"] == pod["metadata"]["uid"]
    assert [each["restartCount"] for each in same["status"]["containerStatuses"]] == [0]
