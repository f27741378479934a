"""Resources, Jobs and pods to start from, each with what a test is about in place of the usual."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from collectionsync.controller.harvest import harvest
from collectionsync.controller.jobs import JobDefaults
from collectionsync.controller.observed import JobFacts, PodFacts, Terminated
from collectionsync.manifest import from_object
from collectionsync.report import ContentCounts, Result, RunReport, VersionCounts
from collectionsync.resource import ArtifactStore, CollectionSync, DatabaseSecretRef, SecretRef
from collectionsync.status import Run

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
UID = "6f1a0d6e-1f0e-4b55-9a51-0a2b7f0f8a11"
MI = 1024**2
DEFAULTS = JobDefaults(
    image="registry.example.com/collectionsync:1.2.3",
    image_pull_policy="IfNotPresent",
    database_secret=DatabaseSecretRef(name="collectionsync-database"),
)
STORE = ArtifactStore(url="s3://mirror/collections", secret_ref=SecretRef(name="store"))
"""An object store that an operator is installed with."""


def body(*, metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a resource as an API server holds it, whose spec has these fields besides, or without those of None."""
    fields = {"source": {"url": "https://galaxy.example.com/api/"}, "collections": [{"name": "community.general"}]}
    return {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "metadata": {
            "name": "community",
            "namespace": "mirrors",
            "uid": UID,
            "generation": 3,
            "resourceVersion": "1000",
            "creationTimestamp": "2026-11-25T11:00:00Z",
        }
        | (metadata or {}),
        "spec": {name: value for name, value in (fields | spec).items() if value is not None},
    }


def resource(*, metadata: dict[str, Any] | None = None, **spec: Any) -> CollectionSync:
    """Return a resource whose spec has these fields besides, as a manifest spells them."""
    return from_object(body(metadata=metadata, **spec))


def job(**facts: Any) -> JobFacts:
    """Return a Job of the sample resource that goes on."""
    usual: dict[str, Any] = {
        "name": "community-0123456789",
        "namespace": "mirrors",
        "uid": "0b54a1c7-6f0c-4a36-a8a5-2f3c1d4e5f60",
        "owner_uid": UID,
        "owner_name": "community",
        "created": NOW,
        "run_id": "0123456789",
        "trigger": "Spec/3",
        "generation": 3,
        "inputs": "ab" * 8,
        "source_hosts": ("galaxy.example.com",),
        "memory_bytes": 64 * MI,
    }
    return JobFacts(**usual | facts)


def complete(**facts: Any) -> JobFacts:
    """Return a Job that is complete, two minutes after it was made."""
    return job(**{"finished": True, "succeeded": True, "finished_at": NOW + timedelta(minutes=2)} | facts)


def failed(reason: str = "BackoffLimitExceeded", message: str = "", **facts: Any) -> JobFacts:
    """Return a Job that has failed, two minutes after it was made."""
    told = {"finished": True, "failure_reason": reason, "failure_message": message}
    return job(**told | {"finished_at": NOW + timedelta(minutes=2)} | facts)


def pod(**facts: Any) -> PodFacts:
    """Return a pod of the sample Job that nothing is known of yet."""
    usual: dict[str, Any] = {
        "name": "community-0123456789-abcde",
        "namespace": "mirrors",
        "uid": "f2b0c9d4-9d0a-4a39-8e5e-51c3b9a7d001",
        "job_name": "community-0123456789",
        "created": NOW + timedelta(seconds=1),
    }
    return PodFacts(**usual | facts)


def ended(exit_code: int, message: str = "", *, reason: str = "", **facts: Any) -> PodFacts:
    """Return a pod whose container ended, after 30 seconds, with this termination message."""
    terminated = Terminated(
        reason=reason or ("Error" if exit_code else "Completed"),
        exit_code=exit_code,
        message=message,
        started_at=NOW + timedelta(seconds=3),
        finished_at=NOW + timedelta(seconds=33),
    )
    phase = "Failed" if exit_code else "Succeeded"
    return pod(**{"phase": phase, "started": True, "terminated": terminated} | facts)


def report(result: Result = Result.FAILED, **fields: Any) -> RunReport:
    """Return a report of a run of 72 seconds that took 57 MiB."""
    usual: dict[str, Any] = {
        "result": result,
        "reason": result.value,
        "start_time": "2026-11-25T12:00:05Z",
        "duration_seconds": 72.3,
        "base_rss_bytes": 40 * MI,
        "peak_rss_bytes": 57 * MI,
        "memory_limit_bytes": 64 * MI,
        "cgroup_peak_bytes": 60 * MI,
        "fetched_bytes": 1000,
        "versions": VersionCounts(discovered=12, created=4, unchanged=8),
        "content": ContentCounts(versions=12, collections=3, bytes=4_000_000),
        "revision": "ab" * 32,
    }
    return RunReport(**usual | fields)


def said(result: Result = Result.FAILED, **fields: Any) -> str:
    """Return the same as the termination message that the kubelet passes on."""
    return report(result, **fields).encode().decode()


def as_stored(job_body: dict[str, Any], **status: Any) -> dict[str, Any]:
    """Return a Job as an API server gives it back, with what it adds, after its way through JSON."""
    stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(job_body))
    stored["metadata"] |= {"uid": "0b54a1c7-6f0c-4a36-a8a5-2f3c1d4e5f60", "creationTimestamp": "2026-11-25T12:00:00Z"}
    names = {"batch.kubernetes.io/job-name": stored["metadata"]["name"]}
    stored["spec"]["template"]["metadata"]["labels"] |= names
    stored["spec"]["completionMode"] = "NonIndexed"
    stored["status"] = status
    return stored


def failure(*pods: PodFacts, job: JobFacts | None = None) -> Run:
    """Return the run of a Job that has failed."""
    run = harvest(job or failed(), pods).run
    assert run.result is Result.FAILED
    return run
