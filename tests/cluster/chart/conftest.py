"""A node where nothing is installed, for tests that install, upgrade and uninstall the chart in every way."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from cluster.nodes import empty_node, require_enforced_policies
from operating import Server, server
from testcluster import Cluster, gateway
from testcluster.monitoring.stack import define
from testcluster.starting import postgres_image

Serve = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="session")
def empty_cluster() -> Iterator[Cluster]:
    """A node where no release is, nor the definition, with the image of the bundled database. Tests leave it so."""
    with empty_node() as node:
        postgres_image(node)
        yield node


@pytest.fixture(scope="session")
def monitoring_kinds(empty_cluster: Cluster) -> None:
    """That node knows prometheus-operator's kinds; nobody serves them there."""
    define(empty_cluster)


@pytest.fixture(scope="session")
def gateway_kinds(empty_cluster: Cluster) -> None:
    """That node knows the Gateway API's HTTPRoutes; nobody serves them there."""
    gateway.define(empty_cluster)


@pytest.fixture
def enforced(empty_cluster: Cluster) -> None:
    """Policies mean something on that node."""
    require_enforced_policies(empty_cluster)


@pytest.fixture
def namespace(empty_cluster: Cluster) -> Iterator[Callable[[], str]]:
    """Makes namespaces where only restricted pods are let in; after the test they go, and the definition is gone."""
    made: list[str] = []

    def make() -> str:
        made.append(f"ns-{secrets.token_hex(4)}")
        document = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": made[-1], "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        }
        empty_cluster.kubectl("apply", "--filename", "-", stdin=json.dumps(document))
        return made[-1]

    yield make
    definition = ("customresourcedefinition", "collectionsyncs.collectionsync.dev")
    empty_cluster.kubectl("delete", *definition, "--ignore-not-found", "--timeout=120s")
    if made:
        empty_cluster.kubectl("delete", "namespace", *made, "--wait=false")


@pytest.fixture(scope="session")
def empty_clusters_database(empty_cluster: Cluster) -> Iterator[Server]:
    """A PostgreSQL on the host's side of that node."""
    with server(empty_cluster.host) as started:
        yield started


@pytest.fixture
async def helm(empty_cluster: Cluster) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Runs helm in a thread, and uninstalls whatever a test leaves installed."""

    async def run(*arguments: str, check: bool = True) -> str:
        run = await asyncio.to_thread(empty_cluster.helm, *arguments, check=check)
        return run.stdout + ("" if check else run.stderr)

    yield run
    for release in json.loads(await run("list", "--all-namespaces", "--all", "--output", "json")):
        await run("uninstall", release["name"], "--namespace", release["namespace"], "--wait")
