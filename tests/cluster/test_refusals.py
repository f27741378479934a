"""What cannot be is refused: by the API server where a schema can tell, by the operator where only it can.

The tables are held against a real API server, since only that evaluates CEL and structural schemas.
"""

import json
from typing import Any

import pytest

from operating import Tenant, condition, ready, status
from syncing import Manifest, manifest, until
from testcluster import Cluster, ClusterError

URL = "https://galaxy.example.org/api/"
GOOD: dict[str, dict[str, Any]] = {
    "the least": {},
    "a schedule": {"schedule": "17 3 * * *", "timeZone": "Europe/Zurich", "jitter": "10m", "startingDeadline": "1h"},
    "an interval": {"interval": "90m"},
    "memory as a number": {"resources": {"limits": {"memory": 33554432}}},
    "memory as a quantity": {"resources": {"limits": {"memory": "32Mi"}}},
    "suspended": {"suspend": True, "suspendReason": "maintenance"},
    "a pod template": {"podTemplate": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}]}},
    "everything": {"collections": None, "all": True},
    "requirements": {"collections": None, "requirementsFrom": {"configMapKeyRef": {"name": "requirements"}}},
}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "ftp": ({"source": {"url": "ftp://galaxy.example.org/"}}, "spec.source.url: Invalid value"),
    "http unmeant": ({"source": {"url": "http://galaxy.example.org/"}}, "http needs insecure: true"),
    "https insecure": ({"source": {"url": URL, "insecure": True}}, "https excludes insecure: true"),
    "credentials in the URL": ({"source": {"url": "https://a:b@example.org/"}}, "credentials belong in the Secret"),
    "no URL": ({"source": {}}, "spec.source.url: Required value"),
    "schedule and interval": ({"schedule": "* * * * *", "interval": "1h"}, "schedule and interval exclude each other"),
    "a short interval": ({"interval": "5s"}, "spec.interval: Invalid value"),
    "no duration": ({"interval": "soon"}, "spec.interval"),
    "nothing to mirror": ({"collections": None}, "exactly one of collections, all, requirementsFrom"),
    "two selections": ({"all": True}, "exactly one of collections, all, requirementsFrom"),
    "no collections": ({"collections": []}, "spec.collections"),
    "a bad name": ({"collections": [{"name": "Community-General"}]}, "spec.collections[0].name"),
    "a name twice": ({"collections": [{"name": "a.b"}, {"name": "a.b"}]}, "spec.collections[1]: Duplicate value"),
    "too little memory": ({"resources": {"limits": {"memory": "31Mi"}}}, "memory: at least 32Mi"),
    "too little memory as a number": ({"resources": {"limits": {"memory": 1024}}}, "memory: at least 32Mi"),
    "memory that is none": ({"resources": {"limits": {"memory": "much"}}}, "spec.resources.limits.memory"),
    "too many connections": ({"fetch": {"concurrency": 101}}, "spec.fetch.concurrency"),
    "a policy that is none": ({"onError": "Ignore"}, "spec.onError: Unsupported value"),
    "a reason for nothing": ({"suspendReason": "because"}, "suspendReason needs suspend: true"),
    "a repository that is no name": ({"target": {"repository": "../x"}}, "spec.target.repository"),
    "an unknown field": ({"colections": []}, 'unknown field "spec.colections"'),
    "a container": ({"podTemplate": {"containers": []}}, 'unknown field "spec.podTemplate.containers"'),
    "a negative rate": ({"source": {"url": URL, "rateLimit": -1}}, "spec.source.rateLimit"),
}


def spec_of(changes: dict[str, Any]) -> Manifest:
    """A manifest with these fields of its spec; None leaves a field out."""
    document = manifest(URL, "community.crypto")
    document["spec"] |= changes
    document["spec"] = {name: value for name, value in document["spec"].items() if value is not None}
    return document


def dry_run(cluster: Cluster, document: Manifest) -> str:
    """What the API server says of a manifest that it does not keep."""
    said = cluster.kubectl("apply", "--dry-run=server", "--filename", "-", stdin=json.dumps(document), check=False)
    return said.stdout + said.stderr


@pytest.mark.parametrize("case", GOOD)
def test_the_api_server_takes_a_good_manifest(cluster: Cluster, operator: None, case: str) -> None:
    assert "created (server dry run)" in dry_run(cluster, spec_of(GOOD[case]))


@pytest.mark.parametrize("case", BAD)
def test_the_api_server_refuses_a_bad_manifest_and_names_the_field(cluster: Cluster, operator: None, case: str) -> None:
    changes, message = BAD[case]
    said = dry_run(cluster, spec_of(changes))
    assert message in said
    assert "created" not in said


def test_a_name_too_long_for_a_job_is_refused(cluster: Cluster, operator: None) -> None:
    document = spec_of({})
    document["metadata"]["name"] = "x" * 53
    assert "metadata.name: at most 52 characters" in dry_run(cluster, document)


async def test_the_repository_cannot_be_changed(tenant: Tenant) -> None:
    await tenant.apply(spec_of({"suspend": True, "target": {"repository": "one"}}))
    with pytest.raises(ClusterError, match="repository is immutable"):
        await tenant.apply(spec_of({"suspend": True, "target": {"repository": "two"}}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": "61 * * * *"}, "61"),
        ({"schedule": "@dailyfoo"}, "@dailyfoo"),
        ({"schedule": "0 3 * * *", "timeZone": "Europe/Atlantis"}, "Europe/Atlantis"),
    ],
)
async def test_a_schedule_that_cannot_be_read_stalls_the_resource_until_it_is_changed(
    tenant: Tenant, changes: dict[str, Any], message: str
) -> None:
    await tenant.apply(spec_of(changes))
    resource = await tenant.until_reason("mirror", "InvalidSchedule")
    assert ready(resource) == ("False", "InvalidSchedule")
    assert message in condition(resource, "Stalled")["message"]
    assert await tenant.jobs() == []
    await tenant.apply(spec_of({"schedule": "0 3 * * *", "suspend": True}))
    resource = await tenant.until_reason("mirror", "Suspended")
    assert condition(resource, "Stalled") == {}


@pytest.mark.parametrize(
    ("target", "reason", "field"),
    [
        ({}, "ArtifactStoreMissing", "spec.target.artifacts"),
        ({"artifacts": {"url": "file:///srv/artifacts"}}, "InvalidSpec", "spec.target.artifacts.url"),
    ],
    ids=["nowhere", "a folder"],
)
async def test_artifacts_that_have_nowhere_to_go_stall_the_resource_before_there_is_a_job(
    tenant: Tenant, target: dict[str, Any], reason: str, field: str
) -> None:
    await tenant.apply(spec_of({"contentPolicy": "Full", "target": target}))
    resource = await tenant.until_reason("mirror", reason)
    assert field in condition(resource, "Stalled")["message"]
    assert await tenant.jobs() == []


async def test_a_job_that_the_cluster_refuses_is_told_in_the_words_of_the_api_server(tenant: Tenant) -> None:
    """A toleration that every schema lets pass and no Job may have."""
    await tenant.apply(spec_of({"podTemplate": {"tolerations": [{"operator": "Exists", "value": "x"}]}}))
    resource = await tenant.until_reason("mirror", "InvalidSpec")
    assert "spec.template.spec.tolerations[0]" in condition(resource, "Stalled")["message"]


async def test_a_quota_that_is_used_up_is_no_fault_of_the_spec_and_is_waited_for(tenant: Tenant) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    await tenant.apply(quota)
    await until(lambda: quota_is_enforced(tenant), "the quota")
    await tenant.apply(spec_of({}))
    resource = await tenant.until_reason("mirror", "JobForbidden")
    assert "exceeded quota" in condition(resource, "Ready")["message"]
    assert status(resource)["observedGeneration"] == 1


async def quota_is_enforced(tenant: Tenant) -> bool:
    found = await tenant.get("resourcequota", "none")
    return "count/jobs.batch" in found.get("status", {}).get("hard", {})
