"""`helm test` tells an installation that works from one that does not."""

from collections.abc import Awaitable, Callable

import pytest

from cluster.chart.releases import BUNDLED, install, values
from operating import Tenant
from testcluster import Cluster, ClusterError

Helm = Callable[..., Awaitable[str]]
Namespace = Callable[[], str]
OPERATOR = "app.kubernetes.io/component=operator"


async def test_one_that_works_passes_also_where_all_else_is_denied_and_says_what_was_looked_at(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    place = namespace()
    denied = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny"},
        "spec": denied,
    }
    await Tenant(empty_cluster, place, "", "").apply(policy)
    served = {"enabled": True, "replicas": 1}
    await helm(*install("collectionsync", place, *values(networkPolicy={"enabled": True}, server=served, **BUNDLED)))
    told = await helm("test", "collectionsync", "--namespace", place, "--logs", "--timeout", "3m")
    assert "Phase:          Succeeded" in told
    lines = [line for line in told.splitlines() if line.startswith(("ok ", "FAILED ", "- "))]
    assert [line.split(":")[0].split() for line in lines] == [
        ["ok", "operator"],
        ["ok", "definition"],
        ["ok", "resource"],
        ["ok", "database"],
        ["ok", "server"],
    ]


async def test_one_whose_database_is_down_and_whose_operator_is_gone_fails_and_says_so(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    place = namespace()
    tenant = Tenant(empty_cluster, place, "", "")
    await tenant.secret("collectionsync-database", uri="postgresql://mirror:hush@127.0.0.1:1/mirror")
    await helm(*install("collectionsync", place, *values()))
    await tenant.kubectl("scale", "deployment/collectionsync", "--replicas=0")
    await tenant.kubectl("wait", "--for=delete", "pod", "--selector", OPERATOR, "--timeout=60s")
    with pytest.raises(ClusterError, match="pod collectionsync-test failed"):
        await helm("test", "collectionsync", "--namespace", place, "--timeout", "3m")
    told = await tenant.kubectl("logs", "collectionsync-test")
    assert "FAILED operator: http://collectionsync." in told
    assert "ok     definition" in told
    assert "FAILED database: PostgreSQL is not available" in told
    assert "hush" not in told


async def test_where_the_secret_lives_with_the_resources_the_database_is_not_asked(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    place = namespace()
    await helm(*install("collectionsync", place, *values()))
    told = await helm("test", "collectionsync", "--namespace", place, "--logs", "--timeout", "3m")
    assert "Phase:          Succeeded" in told
    assert "-      database: not checked: no Secret collectionsync-database" in told
