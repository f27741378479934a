"""The operator has the rights that are shipped and no others, and does all that it does with them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from operating import SYSTEM, Server, Tenant, installed, operator_down, tenant_in
from syncing import manifest
from testcluster import Cluster
from testgalaxy import small_catalog

Serve = Callable[..., Any]
FORBIDDEN = [
    ("list", "secrets"),
    ("watch", "secrets"),
    ("update", "secrets"),
    ("update", "jobs.batch"),
    ("create", "pods"),
    ("delete", "pods"),
    ("get", "pods/log"),
    ("create", "pods/exec"),
    ("update", "configmaps"),
    ("create", "configmaps"),
    ("list", "namespaces"),
    ("list", "customresourcedefinitions.apiextensions.k8s.io"),
    ("create", "collectionsyncs.collectionsync.dev"),
    ("update", "collectionsyncs.collectionsync.dev"),
    ("delete", "collectionsyncs.collectionsync.dev"),
    ("update", "collectionsyncs.collectionsync.dev/finalizers"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
    ("list", "nodes"),
]


@pytest.fixture
async def namespaced(cluster: Cluster, operator: None, database_server: Server) -> AsyncIterator[Tenant]:
    """A tenant of an operator that may look into its namespace only."""
    async with operator_down(cluster), tenant_in(cluster, database_server) as tenant:
        home = f"{tenant.namespace}-operator"
        values = {"operator": {"watchNamespaces": [tenant.namespace]}, "crds": {"enabled": False}}
        with installed(cluster, "namespaced", home, **values):
            yield tenant
        await asyncio.to_thread(cluster.kubectl, "delete", "namespace", home)


async def may(cluster: Cluster, account: str, verb: str, what: str, *where: str) -> bool:
    # With a slash, kubectl would take what follows for the name of an object.
    resource, _, part = what.partition("/")
    subresource = ("--subresource", part) if part else ()
    asker = ("--as", f"system:serviceaccount:{account}")
    question = ("auth", "can-i", verb, resource, *subresource, *asker, *where)
    answer = await asyncio.to_thread(cluster.kubectl, *question, check=False)
    return answer.stdout.strip() == "yes"


@pytest.mark.parametrize(("verb", "what"), FORBIDDEN)
async def test_the_operator_of_a_cluster_may_not(cluster: Cluster, operator: None, verb: str, what: str) -> None:
    assert not await may(cluster, f"{SYSTEM}:collectionsync", verb, what, "--all-namespaces")


async def test_the_operator_of_one_namespace_serves_it_and_may_do_nothing_elsewhere(
    namespaced: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await namespaced.apply(manifest(galaxy.url, "community.crypto"))
    await namespaced.until_ready("mirror")
    account = f"{namespaced.namespace}-operator:namespaced-collectionsync"
    assert await may(namespaced.cluster, account, "list", "jobs.batch", "--namespace", namespaced.namespace)
    for verb, what in [("list", "jobs.batch"), ("list", "collectionsyncs.collectionsync.dev"), ("get", "secrets")]:
        assert not await may(namespaced.cluster, account, verb, what, "--namespace", "default")


async def test_pods_of_runs_have_no_token_and_run_without_root(tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    await tenant.until_ready("mirror")
    (pod,) = (await tenant.get("pods"))["items"]
    mounts = [mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]]
    assert not [path for path in mounts if "serviceaccount" in path]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
