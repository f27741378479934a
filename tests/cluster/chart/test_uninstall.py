"""What an uninstallation takes with it, and what it leaves."""

from collections.abc import Awaitable, Callable

from cluster.chart.releases import BUNDLED, install, values
from operating import Tenant
from syncing import manifest
from testcluster import Cluster

Helm = Callable[..., Awaitable[str]]
Namespace = Callable[[], str]
DEFINITION = ("customresourcedefinition", "collectionsyncs.collectionsync.dev")


async def suspended(empty_cluster: Cluster, place: str) -> Tenant:
    """A resource that nothing is done about."""
    tenant = Tenant(empty_cluster, place, "", "")
    await tenant.apply(manifest("http://galaxy.example/", "acme.tools", namespace=place, suspend=True))
    return tenant


async def test_the_definition_and_all_resources_stay(empty_cluster: Cluster, namespace: Namespace, helm: Helm) -> None:
    home, place = namespace(), namespace()
    await helm(*install("collectionsync", home, *values()))
    tenant = await suspended(empty_cluster, place)
    before = await tenant.get("collectionsync", "mirror")

    await helm("uninstall", "collectionsync", "--namespace", home, "--wait")

    after = await tenant.get("collectionsync", "mirror")
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    await tenant.kubectl("wait", "--for=delete", "pods", "--all", "--namespace", home, "--timeout=60s")
    left = (await tenant.get("deployments,statefulsets,services,secrets,roles,rolebindings", "--namespace", home))[
        "items"
    ]
    assert [each for each in left if each["metadata"].get("labels", {}).get("app.kubernetes.io/instance")] == []


async def test_a_later_release_takes_the_definition_over(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    home, place = namespace(), namespace()
    await helm(*install("collectionsync", home, *values()))
    tenant = await suspended(empty_cluster, place)
    await helm("uninstall", "collectionsync", "--namespace", home, "--wait")

    await helm(*install("mirrors", home, "--take-ownership", *values()))

    resource = await tenant.until(
        "mirror", lambda seen: seen.get("status", {}).get("observedGeneration") == 1, "the new operator's look"
    )
    assert resource["spec"]["suspend"] is True


async def test_without_keep_the_definition_goes_and_every_resource_with_it(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    home, place = namespace(), namespace()
    await helm(*install("collectionsync", home, *values(crds={"keep": False})))
    tenant = await suspended(empty_cluster, place)

    await helm("uninstall", "collectionsync", "--namespace", home, "--wait")

    gone = ("wait", "--for=delete", "--timeout=60s", "/".join(DEFINITION))
    await tenant.kubectl(*gone, check=False)
    assert "NotFound" in await tenant.kubectl("get", *DEFINITION, check=False)


async def test_the_volume_of_the_bundled_database_stays(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    place = namespace()
    tenant = Tenant(empty_cluster, place, "", "")
    await helm(*install("collectionsync", place, *values(**BUNDLED)))
    await helm("uninstall", "collectionsync", "--namespace", place, "--wait")
    (claim,) = (await tenant.get("persistentvolumeclaims", "--selector", "app.kubernetes.io/instance=collectionsync"))[
        "items"
    ]
    assert claim["status"]["phase"] == "Bound"
