"""What the operator is for: a resource is applied, and its collections are in PostgreSQL."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from cluster.manifests import over_tls
from collectionsync.quantity import parse_bytes
from operating import Tenant, condition, ready, status
from syncing import manifest
from testgalaxy import process, small_catalog, small_version
from testgalaxy.restamp import SEED_630

Serve = Callable[..., Any]


async def published(tenant: Tenant) -> int:
    connection = await asyncpg.connect(tenant.database)
    try:
        return int(await connection.fetchval("SELECT count(DISTINCT version_id) FROM repository_current"))
    finally:
        await connection.close()


async def test_an_applied_resource_becomes_ready_and_its_versions_are_published(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0", "2.1.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    resource = await tenant.until_ready("mirror")
    assert await published(tenant) == 2
    assert ready(resource) == ("True", "Succeeded")
    last = status(resource)["lastRun"]
    assert (last["result"], last["exitCode"], last["versions"]["created"]) == ("Succeeded", 0, 2)
    assert last["trigger"] == "Spec/1"
    assert 20 * 2**20 < last["peakRssBytes"] < last["memoryLimitBytes"] == 64 * 2**20
    content = status(resource)["content"]
    assert (content["versions"], content["collections"]) == (2, 1)
    assert content["revision"].startswith("sha256:")
    assert "activeRun" not in status(resource)


async def test_kubectl_get_shows_versions_and_peak_memory(tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    resource = await tenant.until_ready("mirror")
    head, row = (await tenant.kubectl("get", "csync", "mirror")).splitlines()
    assert head.split() == [
        *("NAME", "READY", "REASON", "VERSIONS"),
        *("PEAK", "RSS"),
        *("LAST", "SUCCESS"),
        "NEXT",
        "AGE",
    ]
    assert row.split()[:5] == ["mirror", "True", "Succeeded", "1", status(resource)["lastRun"]["peakRss"]]


async def test_events_tell_of_the_start_and_the_end_of_a_run_once(tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    await tenant.until_ready("mirror")
    await tenant.until("mirror", lambda seen: "activeRun" not in status(seen), "the end of the run")
    assert sorted(await tenant.events()) == ["RunStarted", "Succeeded"]


async def test_a_request_by_annotation_starts_a_run_and_is_answered_in_the_status(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    await tenant.until_ready("mirror")
    galaxy.catalog.add(small_version("community.crypto", "2.1.0"))
    await tenant.kubectl("annotate", "csync", "mirror", "collectionsync.dev/requestedAt=now")
    resource = await tenant.until(
        "mirror",
        lambda seen: status(seen).get("lastRun", {}).get("trigger") == "Requested/now",
        "the run that was asked for",
    )
    assert status(resource)["lastHandledReconcileAt"] == "now"
    assert status(resource)["content"]["versions"] == 2
    assert len(await tenant.jobs()) == 2


async def test_a_changed_spec_starts_a_run_of_the_new_generation(tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"], "ansible.posix": ["1.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    await tenant.until_ready("mirror")
    await tenant.apply(manifest(galaxy.url, "community.crypto", "ansible.posix"))
    resource = await tenant.until_ready("mirror")
    assert status(resource)["observedGeneration"] == 2
    assert status(resource)["lastRun"]["generation"] == 2
    assert await published(tenant) == 2


async def test_what_is_left_out_makes_the_resource_degraded_and_is_named(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto", "no.such"))
    resource = await tenant.until_ready("mirror")
    assert ready(resource) == ("True", "ItemsSkipped")
    assert "no.such" in condition(resource, "Degraded")["message"]
    assert [each["name"] for each in status(resource)["skipped"]] == ["no.such"]
    assert status(resource)["skippedCount"] == 1


async def test_a_suspended_resource_starts_nothing_refuses_requests_loudly_and_says_why(
    tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await tenant.apply(manifest(galaxy.url, "community.crypto", suspend=True, suspendReason="the source moves"))
    resource = await tenant.until_reason("mirror", "Suspended")
    assert "the source moves" in condition(resource, "Ready")["message"]
    await tenant.kubectl("annotate", "csync", "mirror", "collectionsync.dev/requestedAt=now")
    await tenant.until("mirror", lambda seen: status(seen).get("lastHandledReconcileAt") == "now", "the refusal")
    assert "Suspended" in await tenant.events()
    assert await tenant.jobs() == []
    await tenant.kubectl(
        "patch", "csync", "mirror", "--type=merge", "--patch", '{"spec":{"suspend":false,"suspendReason":null}}'
    )
    await tenant.until_ready("mirror")
    assert len(await tenant.jobs()) == 1


async def test_two_tenants_share_a_database_and_neither_sees_the_other(
    tenant: Tenant, galaxy_for_pods: Serve, other_tenant: Tenant
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"], "ansible.posix": ["1.0.0"]}))
    await other_tenant.secret("collectionsync-database", uri=tenant.database_uri)
    await tenant.apply(manifest(galaxy.url, "community.crypto"))
    await other_tenant.apply(manifest(galaxy.url, "ansible.posix"))
    first, second = await tenant.until_ready("mirror"), await other_tenant.until_ready("mirror")
    assert status(first)["content"]["versions"] == status(second)["content"]["versions"] == 1
    assert status(first)["content"]["revision"] != status(second)["content"]["revision"]


@pytest.mark.timeout(900)
async def test_all_630_versions_over_tls_fit_the_default_limit(tenant: Tenant) -> None:
    with process.served(plan="630", collections=sorted(SEED_630), tls=True, host=tenant.cluster.host) as galaxy:
        assert galaxy.ca is not None
        assert galaxy.versions == 630
        await tenant.secret("galaxy-ca", ca_crt=galaxy.ca.read_text())
        await tenant.apply(over_tls(galaxy.url, *sorted(SEED_630), ca="galaxy-ca"))
        resource = await tenant.until_ready("mirror")
    last = status(resource)["lastRun"]
    assert last["versions"]["created"] == 630
    assert await published(tenant) == 630
    assert last["memoryLimit"] == "64Mi"
    assert last["peakRssBytes"] < 64 * 2**20
    (pod,) = (await tenant.get("pods"))["items"]
    assert parse_bytes(pod["spec"]["containers"][0]["resources"]["limits"]["memory"]) == 64 * 2**20
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
