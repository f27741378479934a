"""Artifacts as well, in a Job of the default limit: into a real S3 server, as a ConfigMap asks for them."""

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.buckets import bucket_for_pods
from cluster.manifests import over_tls
from objectstore import Bucket
from operating import Resource, Tenant, condition, ready, status
from syncing import Manifest, until
from testcluster import Cluster
from testgalaxy import Catalog, Version, process, small_catalog, small_version
from testgalaxy.restamp import SEED_630

pytestmark = pytest.mark.timeout(900)

Serve = Callable[..., Any]
LIMIT = 96 * 2**20
ARTIFACT_BYTES = 16 * 2**20
"""More than a worker may have in flight, and more than six of them together are more than its limit."""


@pytest.fixture
async def bucket(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Bucket]:
    """A bucket that pods reach."""
    async with bucket_for_pods(cluster.host, tmp_path) as made:
        yield made


def full(url: str, bucket: Bucket, *collections: str, **spec: Any) -> Manifest:
    """A manifest that mirrors artifacts into the bucket; what it asks for is in a ConfigMap unless it is named."""
    document = over_tls(url, *collections, ca="galaxy-ca", contentPolicy="Full", backoffLimit=0, **spec)
    document["spec"]["target"] = {"artifacts": {"url": bucket.url, "secretRef": {"name": "store"}}}
    if not collections:
        document["spec"]["requirementsFrom"] = {"configMapKeyRef": {"name": "wanted"}}
    return document


async def ask_for(tenant: Tenant, requirements: str) -> None:
    data = {"requirements.yml": requirements}
    await tenant.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wanted"}, "data": data})


async def until_run(tenant: Tenant, after: Resource) -> Resource:
    """Wait for the end of the next run, and of all that it makes due."""
    last = status(after)["lastRun"]["id"]
    return await tenant.until(
        "mirror",
        lambda seen: status(seen).get("lastRun", {}).get("id") != last and "activeRun" not in status(seen),
        "another run",
    )


def stored(bucket: Bucket) -> list[str]:
    """What is in the bucket, but for what the worker tries it with."""
    return sorted(key for key in bucket.objects() if "/sha256/" in key)


async def has_event(tenant: Tenant, reason: str) -> bool:
    return reason in await tenant.events()


def keys(*versions: Version) -> list[str]:
    """Where the artifacts of these versions belong."""
    return sorted(f"mirror/sha256/{each.sha256[:2]}/{each.sha256}.tar.gz" for each in versions)


async def test_a_config_map_says_what_a_job_of_96mi_mirrors_and_starts_one_whenever_it_changes(
    tenant: Tenant, galaxy_for_pods: Serve, bucket: Bucket
) -> None:
    large = [
        small_version(
            "community.crypto", f"2.{minor}.0", files={"large": random.Random(minor).randbytes(ARTIFACT_BYTES)}
        )
        for minor in range(7)
    ]
    later = small_version("ansible.posix", "1.0.0")
    galaxy = await galaxy_for_pods(Catalog([*large, later]), tls=True)
    await tenant.secret("galaxy-ca", ca_crt=galaxy.certificates.ca_pem.decode())
    await tenant.secret("store", **bucket.settings)

    await tenant.apply(full(galaxy.url, bucket))
    missing = await tenant.until_reason("mirror", "ConfigMapNotFound")
    assert "'wanted'" in condition(missing, "Stalled")["message"]

    await ask_for(tenant, "collections: [{name: community.crypto}]\nroles: [{name: someone.role}]\n")
    first = await until_run(tenant, missing)
    last = status(first)["lastRun"]
    assert ready(first) == ("True", "Succeeded")
    assert last["trigger"].startswith("Requirements/")
    assert last["artifacts"] == {"created": 7, "bytes": sum(each.size for each in large)}
    assert sum(each.size for each in large) > LIMIT
    assert last["memoryLimit"] == "96Mi"
    assert last["peakRssBytes"] < LIMIT * 3 // 4, "what passes through is not held"
    assert any("roles" in each for each in last["warnings"])
    await until(lambda: has_event(tenant, "RunWarnings"), "the event")
    assert stored(bucket) == keys(*large)

    await ask_for(tenant, "collections: [community.crypto, ansible.posix]\n")
    second = await until_run(tenant, first)
    last = status(second)["lastRun"]
    assert (last["trigger"].startswith("Requirements/"), last["artifacts"]["created"]) == (True, 1)
    assert "warnings" not in last
    assert status(second)["content"]["versions"] == 8
    assert stored(bucket) == keys(*large, later)
    assert second["metadata"]["generation"] == 1


async def test_all_630_versions_and_their_artifacts_over_tls_fit_the_default_limit(
    tenant: Tenant, bucket: Bucket
) -> None:
    names = sorted(SEED_630)
    with process.served(plan="630-full", collections=names, tls=True, host=tenant.cluster.host) as galaxy:
        assert galaxy.ca is not None
        await tenant.secret("galaxy-ca", ca_crt=galaxy.ca.read_text())
        await tenant.secret("store", **bucket.settings)
        await tenant.apply(full(galaxy.url, bucket, *names))
        resource = await tenant.until_ready("mirror")
    last = status(resource)["lastRun"]
    assert (last["reason"], last["exitCode"], last["memoryLimit"]) == ("Succeeded", 0, "96Mi")
    assert last["artifacts"]["created"] == len(stored(bucket)) == 630
    assert last["peakRssBytes"] < LIMIT * 3 // 4, "what passes through is not held"


async def test_credentials_that_the_object_store_refuses_are_tried_again_once_the_secret_changes(
    tenant: Tenant, galaxy_for_pods: Serve, bucket: Bucket
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"ansible.posix": ["1.0.0"]}), tls=True)
    await tenant.secret("galaxy-ca", ca_crt=galaxy.certificates.ca_pem.decode())
    await tenant.secret("store", **{**bucket.settings, "aws_secret_access_key": "wrong"})
    await tenant.apply(full(galaxy.url, bucket, "ansible.posix"))
    refused = await tenant.until_reason("mirror", "AuthenticationFailed")
    assert condition(refused, "Stalled")["reason"] == "AuthenticationFailed"
    assert stored(bucket) == []
    await tenant.secret("store", **bucket.settings)
    resource = await tenant.until_ready("mirror")
    assert status(resource)["lastRun"]["trigger"].startswith("Inputs/")
    assert status(resource)["lastRun"]["artifacts"]["created"] == 1
