"""Two releases for two namespaces of one cluster do not see each other."""

import asyncio
from collections.abc import Awaitable, Callable

from cluster.chart.releases import install, values
from cluster.test_rights import may
from operating import Server, Tenant, database
from syncing import manifest, published
from testcluster import Cluster
from testgalaxy import TestGalaxy, small_catalog

Helm = Callable[..., Awaitable[str]]
Namespace = Callable[[], str]


async def test_each_carries_out_what_is_in_its_namespace_and_knows_of_nothing_else(
    empty_cluster: Cluster, empty_clusters_database: Server, namespace: Namespace, helm: Helm
) -> None:
    places = [namespace(), namespace()]
    for number, place in enumerate(places):
        chosen = values(operator={"watchNamespaces": [place]}, crds={"enabled": number == 0})
        await helm(*install("mirrors", place, *chosen))
    with database(empty_clusters_database) as (uri, pods_uri):
        async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), host=empty_cluster.host) as galaxy:
            for place in places:
                tenant = Tenant(empty_cluster, place, uri, pods_uri)
                await tenant.secret("collectionsync-database", uri=pods_uri)
                await tenant.apply(manifest(galaxy.url, "acme.tools", namespace=place))
            for place in places:
                await Tenant(empty_cluster, place, uri, pods_uri).until_ready("mirror")
        for place, other in (places, reversed(places)):
            assert await published(uri, namespace=place) == ["acme.tools 1.0.0"]
            account = f"{place}:mirrors-collectionsync"
            assert await may(empty_cluster, account, "list", "jobs.batch", "--namespace", place)
            for what in ("jobs.batch", "pods", "collectionsyncs.collectionsync.dev"):
                assert not await may(empty_cluster, account, "list", what, "--namespace", other)
            assert known(await metrics(empty_cluster, place)) == {place}
        for place in places:
            await Tenant(empty_cluster, place, uri, pods_uri).kubectl("delete", "collectionsync", "mirror")


async def metrics(cluster: Cluster, place: str) -> str:
    """What the operator of a namespace tells Prometheus, asked through the API server."""
    path = f"/api/v1/namespaces/{place}/services/mirrors-collectionsync:metrics/proxy/metrics"
    return (await asyncio.to_thread(cluster.kubectl, "get", "--raw", path)).stdout


def known(scraped: str) -> set[str]:
    """The namespaces of the resources that a scrape tells of."""
    lines = [line for line in scraped.splitlines() if line.startswith("collectionsync_info{")]
    return {line.partition('namespace="')[2].partition('"')[0] for line in lines}
