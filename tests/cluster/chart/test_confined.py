"""Where the cluster enforces NetworkPolicies, a Job reaches its source and its database, and nothing else."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from cluster.chart.releases import install, values
from collectionsync.store.postgres_local import PORT
from operating import Server, Tenant, database
from syncing import manifest, published, until
from testcluster import Cluster
from testgalaxy import TestGalaxy, small_catalog

Helm = Callable[..., Awaitable[str]]
Namespace = Callable[[], str]

WORKER = {
    "app.kubernetes.io/name": "collectionsync",
    "app.kubernetes.io/component": "worker",
    "app.kubernetes.io/managed-by": "collectionsync-operator",
}
_TRY = """
import json, socket, sys, time
def reached(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True
while True:
    print(json.dumps({address: reached(address) for address in sys.argv[1:]}), flush=True)
    time.sleep(0.2)
"""


@pytest.fixture
def other_port(empty_cluster: Cluster) -> Iterator[str]:
    """An address beside the source and the database where somebody listens."""
    with socket.create_server((empty_cluster.host, 0)) as listener:
        yield f"{empty_cluster.host}:{listener.getsockname()[1]}"


@pytest.fixture
async def started(empty_cluster: Cluster, namespace: Namespace) -> Callable[..., Awaitable[None]]:
    """Starts a pod that tries addresses over and over."""

    async def start(place: str, name: str, labels: dict[str, str], addresses: list[str]) -> None:
        await asyncio.to_thread(
            empty_cluster.kubectl,
            *("--namespace", place, "apply", "--filename", "-"),
            stdin=json.dumps(_pod(empty_cluster, name, labels, addresses)),
        )

    return start


def _pod(cluster: Cluster, name: str, labels: dict[str, str], addresses: list[str]) -> dict[str, Any]:
    locked = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "try",
        "image": cluster.image,
        "command": ["python3", "-c", _TRY, *addresses],
        "securityContext": locked,
    }
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


async def test_a_job_does_its_work_and_reaches_nothing_that_is_not_named(
    empty_cluster: Cluster,
    empty_clusters_database: Server,
    namespace: Namespace,
    helm: Helm,
    other_port: str,
    started: Callable[..., Awaitable[None]],
    enforced: None,
) -> None:
    home, place = namespace(), namespace()
    host = {"ipBlock": {"cidr": f"{empty_cluster.host}/32"}}
    with database(empty_clusters_database) as (uri, pods_uri):
        tenant = Tenant(empty_cluster, place, uri, pods_uri)
        await tenant.secret("collectionsync-database", uri=pods_uri)
        async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), host=empty_cluster.host) as galaxy:
            source = urlsplit(galaxy.url)
            jobs = {
                "namespaces": [place],
                "source": {"to": [host], "ports": [source.port]},
                "database": {"to": [host], "ports": [PORT]},
            }
            await helm(*install("collectionsync", home, *values(networkPolicy={"enabled": True, "jobs": jobs})))
            await tenant.apply(manifest(galaxy.url, "acme.tools", namespace=place))
            await tenant.until_ready("mirror")
            assert await published(uri, namespace=place) == ["acme.tools 1.0.0"]

            named = [f"{empty_cluster.host}:{source.port}", f"{empty_cluster.host}:{PORT}"]
            api_server = (
                f"{(await tenant.get('service', 'kubernetes', '--namespace', 'default'))['spec']['clusterIP']}:443"
            )
            (operator,) = (await tenant.get("pods", "--namespace", home))["items"]
            others = [other_port, api_server, f"{operator['status']['podIP']}:9090"]
            await started(place, "anybody", {}, [*named, *others])
            await started(place, "worker", WORKER, [*named, *others])
            await until_seen(tenant, "anybody", dict.fromkeys([*named, *others], True))
            await until_seen(tenant, "worker", {**dict.fromkeys(named, True), **dict.fromkeys(others, False)})
        await tenant.kubectl("delete", "collectionsync", "mirror")


async def until_seen(tenant: Tenant, pod: str, reached: dict[str, bool]) -> None:
    """Wait until a pod reaches just what it is to reach."""
    last: dict[str, bool] = {}

    async def seen() -> bool:
        nonlocal last
        lines = (await tenant.kubectl("logs", pod, "--tail=1", check=False)).splitlines()
        last = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
        return last == reached

    try:
        await until(seen, f"what {pod} is to reach")
    except AssertionError as error:
        raise AssertionError(f"{error}; it reaches {last} and is to reach {reached}") from None


async def test_the_bundled_database_is_reached_by_jobs_alone(
    empty_cluster: Cluster,
    namespace: Namespace,
    helm: Helm,
    started: Callable[..., Awaitable[None]],
    enforced: None,
) -> None:
    place = namespace()
    chosen = values(networkPolicy={"enabled": True}, database={"bundled": {"enabled": True}})
    await helm(*install("collectionsync", place, *chosen))
    address = f"collectionsync-postgresql.{place}.svc:5432"
    await started(place, "anybody", {}, [address])
    await started(place, "worker", WORKER, [address])
    tenant = Tenant(empty_cluster, place, "", "")
    await until_seen(tenant, "worker", {address: True})
    await until_seen(tenant, "anybody", {address: False})
