"""An upgrade keeps what there is: resources, their history, Jobs that go on, and the data of the bundled database."""

from collections.abc import Awaitable, Callable
from typing import Any

from cluster.chart.releases import BUNDLED, PREVIOUS, install, upgrade, values
from operating import Server, Tenant, database, is_observed, ready, status
from serving import hold_after
from syncing import manifest, published
from testcluster import Cluster
from testgalaxy import TestGalaxy, small_catalog

Helm = Callable[..., Awaitable[str]]
Namespace = Callable[[], str]
VERSIONS = ["1.0.0", "2.0.0", "3.0.0"]


def uids(objects: list[dict[str, Any]]) -> set[str]:
    return {each["metadata"]["uid"] for each in objects}


def is_kept(before: Any, after: Any) -> bool:
    """Whether all of it is there as it was; fields that are new in this version have their defaults beside it."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(key in after and is_kept(before[key], after[key]) for key in before)
    if isinstance(before, list):
        return len(before) == len(after) and all(map(is_kept, before, after))
    return bool(before == after)


async def test_from_the_chart_before_resources_and_running_jobs_are_kept(
    empty_cluster: Cluster, empty_clusters_database: Server, namespace: Namespace, helm: Helm
) -> None:
    home, place = namespace(), namespace()
    await helm(*install("collectionsync", home, *values(), chart=PREVIOUS))
    with database(empty_clusters_database) as (uri, pods_uri):
        tenant = Tenant(empty_cluster, place, uri, pods_uri)
        await tenant.secret("collectionsync-database", uri=pods_uri)
        async with TestGalaxy(small_catalog({"acme.tools": VERSIONS}), host=empty_cluster.host) as galaxy:
            held = hold_after(galaxy, 1)
            await tenant.apply(manifest(galaxy.url, "acme.tools", namespace=place))
            await held.reached(uri)
            before, jobs = await tenant.get("collectionsync", "mirror"), await tenant.jobs()

            await helm(*upgrade("collectionsync", home, "--reset-then-reuse-values"))

            after = await tenant.get("collectionsync", "mirror")
            assert uids([after]) == uids([before])
            assert is_kept(before["spec"], after["spec"])
            assert after["metadata"]["generation"] == before["metadata"]["generation"]
            assert uids(await tenant.jobs()) == uids(jobs)
            held.release()
            resource = await tenant.until_ready("mirror")
        assert uids(await tenant.jobs()) == uids(jobs), "the run that went on is the one that ended"
        assert status(resource)["lastRun"]["versions"]["created"] == len(VERSIONS)
        assert await published(uri, namespace=place) == [f"acme.tools {version}" for version in VERSIONS]
        await tenant.kubectl("delete", "collectionsync", "mirror")


async def test_what_the_bundled_database_holds_is_kept_and_it_is_not_restarted(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    place = namespace()
    tenant = Tenant(empty_cluster, place, "", "")
    await helm(*install("collectionsync", place, *values(**BUNDLED)))
    async with TestGalaxy(small_catalog({"acme.tools": VERSIONS}), host=empty_cluster.host) as galaxy:
        await tenant.apply(manifest(galaxy.url, "acme.tools", namespace=place))
        await tenant.until_ready("mirror")
        pod = await tenant.get("pod", "collectionsync-postgresql-0")
        secret = await tenant.get("secret", "collectionsync-database")

        changed = values(limits={"simultaneousRuns": 2}, commonLabels={}, **BUNDLED)
        await helm(*upgrade("collectionsync", place, *changed))

        after = await tenant.get("pod", "collectionsync-postgresql-0")
        assert (uids([after]), after["status"]["containerStatuses"][0]["restartCount"]) == (uids([pod]), 0)
        assert (await tenant.get("secret", "collectionsync-database"))["data"] == secret["data"]
        await tenant.kubectl("annotate", "collectionsync", "mirror", "collectionsync.dev/requestedAt=after")
        resource = await tenant.until(
            "mirror",
            lambda seen: is_observed(seen) and status(seen)["lastRun"]["trigger"] == "Requested/after",
            "a run after the upgrade",
        )
    assert ready(resource) == ("True", "NoChange")
    assert status(resource)["content"]["versions"] == len(VERSIONS)
    await tenant.kubectl("delete", "collectionsync", "mirror")


async def test_another_password_is_set_and_the_data_of_the_bundled_database_are_kept(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    place = namespace()
    tenant = Tenant(empty_cluster, place, "", "")
    await helm(*install("collectionsync", place, *values(**BUNDLED)))

    async def sql(password: str, statement: str) -> str:
        psql = ("exec", "statefulset/collectionsync-postgresql", "--", "psql", "--no-psqlrc", "-qAt")
        login = f"postgresql://collectionsync:{password}@127.0.0.1/collectionsync"
        return (await tenant.kubectl(*psql, f"--dbname={login}", f"--command={statement}")).strip()

    first, second = "the-first-password", "another-password"
    chosen = [{"database": {"bundled": {"enabled": True, "password": each}}} for each in (first, second)]
    await helm(*upgrade("collectionsync", place, *values(**chosen[0])))
    await sql(first, "CREATE TABLE kept AS SELECT 42 AS answer")

    await helm(*upgrade("collectionsync", place, *values(**chosen[1])))

    assert await sql(second, "SELECT answer FROM kept") == "42"


async def test_an_image_that_cannot_be_had_is_mended_by_an_upgrade(
    empty_cluster: Cluster, namespace: Namespace, helm: Helm
) -> None:
    place = namespace()
    wrong = ("--set", "database.bundled.image.repository=collectionsync.test/not-there")
    waiting = "--wait"
    await helm(*(word for word in install("collectionsync", place, *values(**BUNDLED), *wrong) if word != waiting))
    await helm(*upgrade("collectionsync", place, *values(**BUNDLED)))
    pod = await Tenant(empty_cluster, place, "", "").get("pod", "collectionsync-postgresql-0")
    assert pod["status"]["containerStatuses"][0]["ready"] is True
