"""The facts of Jobs and pods are read as the API writes them, and what is missing or odd is no error."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.controller.observed import Terminated, job_facts, pod_facts

RAN = {
    "exitCode": 137,
    "reason": "OOMKilled",
    "message": '{"result":"Running"}',
    "startedAt": "2026-11-25T12:00:03Z",
    "finishedAt": "2026-11-25T12:00:33Z",
}


def pod_body(*, state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    containers = [] if state is None else [{"name": "sync", "state": state}]
    return {
        "metadata": {
            "name": "community-0123456789-abcde",
            "namespace": "mirrors",
            "uid": "f2b0c9d4",
            "creationTimestamp": "2026-11-25T12:00:01Z",
            "labels": {
                "collectionsync.dev/name": "community",
                "batch.kubernetes.io/job-name": "community-0123456789",
            },
        },
        "status": {"phase": "Pending", "containerStatuses": containers} | status,
    }


def condition(kind: str, status: str = "True", **fields: str) -> dict[str, str]:
    return {"type": kind, "status": status, "lastTransitionTime": "2026-11-25T12:02:00Z"} | fields


def job_body(*conditions: dict[str, str], **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "community-0123456789",
            "namespace": "mirrors",
            "uid": "0b54a1c7",
            "creationTimestamp": "2026-11-25T12:00:00Z",
            "labels": {"collectionsync.dev/run-id": "0123456789"},
            "annotations": {
                "collectionsync.dev/trigger": "Spec/3",
                "collectionsync.dev/generation": "3",
                "collectionsync.dev/inputs": "abcd",
                "collectionsync.dev/source-host": "galaxy.example.com",
            },
            "ownerReferences": [
                {"kind": "Other", "name": "other", "uid": "1"},
                {"kind": "CollectionSync", "name": "community", "uid": "2", "controller": True},
            ],
        }
        | metadata,
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {"name": "sidecar", "resources": {"limits": {"memory": "1Gi"}}},
                        {"name": "sync", "resources": {"limits": {"memory": "64Mi"}}},
                    ]
                }
            }
        },
        "status": {"conditions": list(conditions)},
    }


def test_a_pod_is_known_by_its_name_and_its_job() -> None:
    facts = pod_facts(pod_body())
    assert (facts.name, facts.namespace, facts.uid) == ("community-0123456789-abcde", "mirrors", "f2b0c9d4")
    assert facts.job_name == "community-0123456789"
    assert facts.created == datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)


def test_a_pod_in_its_first_moment_is_pending() -> None:
    body = pod_body()
    del body["status"]
    facts = pod_facts(body)
    assert (facts.phase, facts.started, facts.terminated, facts.waiting_reason) == ("Pending", False, None, "")


def test_the_end_of_the_container_is_read_whole() -> None:
    facts = pod_facts(pod_body(state={"terminated": RAN}, phase="Failed"))
    assert facts.started
    assert facts.terminated == Terminated(
        reason="OOMKilled",
        exit_code=137,
        message='{"result":"Running"}',
        started_at=datetime(2026, 11, 25, 12, 0, 3, tzinfo=UTC),
        finished_at=datetime(2026, 11, 25, 12, 0, 33, tzinfo=UTC),
    )


def test_other_containers_than_the_workers_do_not_count() -> None:
    body = pod_body(containerStatuses=[{"name": "istio-proxy", "state": {"terminated": RAN}}])
    assert pod_facts(body).terminated is None


def test_a_running_container_has_started_and_not_ended() -> None:
    facts = pod_facts(pod_body(state={"running": {"startedAt": "2026-11-25T12:00:03Z"}}, phase="Running"))
    assert (facts.started, facts.terminated) == (True, None)


def test_what_a_container_waits_for_is_told() -> None:
    facts = pod_facts(pod_body(state={"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}))
    assert (facts.started, facts.waiting_reason, facts.waiting_message) == (False, "ImagePullBackOff", "Back-off")


def test_why_a_pod_finds_no_node_is_told() -> None:
    told = condition("PodScheduled", "False", reason="Unschedulable", message="0/1 nodes are available")
    facts = pod_facts(pod_body(conditions=[told]))
    assert (facts.waiting_reason, facts.waiting_message) == ("Unschedulable", "0/1 nodes are available")


def test_a_pod_that_found_a_node_waits_for_none() -> None:
    assert pod_facts(pod_body(conditions=[condition("PodScheduled")])).waiting_reason == ""


@pytest.mark.parametrize(("status", "disrupted"), [("True", True), ("False", False)])
def test_a_pod_is_disrupted_while_its_condition_says_so(status: str, disrupted: bool) -> None:
    assert pod_facts(pod_body(conditions=[condition("DisruptionTarget", status)])).disrupted is disrupted


def test_a_pods_own_reason_is_read() -> None:
    facts = pod_facts(pod_body(phase="Failed", reason="Evicted", message="The node was low on resource: memory."))
    assert (facts.phase, facts.reason) == ("Failed", "Evicted")
    assert facts.message == "The node was low on resource: memory."


def test_a_job_is_known_by_its_run_and_its_owner() -> None:
    facts = job_facts(job_body())
    assert (facts.run_id, facts.trigger, facts.generation, facts.inputs) == ("0123456789", "Spec/3", 3, "abcd")
    assert (facts.owner_name, facts.owner_uid) == ("community", "2")
    assert (facts.source_hosts, facts.memory_bytes) == (("galaxy.example.com",), 64 * 1024**2)
    assert facts.created == datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def test_a_job_goes_on_until_it_is_complete_or_has_failed() -> None:
    facts = job_facts(
        job_body(condition("FailureTarget"), condition("SuccessCriteriaMet"), condition("Failed", "False"))
    )
    assert (facts.finished, facts.succeeded, facts.finished_at) == (False, False, None)


def test_a_complete_job_has_succeeded() -> None:
    facts = job_facts(job_body(condition("Complete")))
    assert (facts.finished, facts.succeeded, facts.failure_reason) == (True, True, "")
    assert facts.finished_at == datetime(2026, 11, 25, 12, 2, tzinfo=UTC)


def test_a_failed_job_says_why() -> None:
    facts = job_facts(job_body(condition("Failed", reason="DeadlineExceeded", message="Job was active too long")))
    assert (facts.finished, facts.succeeded) == (True, False)
    assert (facts.failure_reason, facts.failure_message) == ("DeadlineExceeded", "Job was active too long")
    assert facts.finished_at == datetime(2026, 11, 25, 12, 2, tzinfo=UTC)


def test_a_job_that_is_being_deleted_is_known_as_such() -> None:
    assert job_facts(job_body(deletionTimestamp="2026-11-25T12:05:00Z")).deleting
    assert not job_facts(job_body()).deleting


@pytest.mark.parametrize("generation", ["", "three", None])
def test_a_generation_that_is_no_number_is_none(generation: str | None) -> None:
    assert job_facts(job_body(annotations={"collectionsync.dev/generation": generation})).generation == 0


def test_a_limit_that_is_no_quantity_is_none() -> None:
    body = job_body()
    body["spec"]["template"]["spec"]["containers"][1]["resources"]["limits"]["memory"] = "much"
    assert job_facts(body).memory_bytes == 0


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["metadata", "spec", "status"]), ODD)
def test_odd_values_in_place_of_the_usual_are_no_error(part: str, value: object) -> None:
    job_facts(job_body(condition("Failed")) | {part: value})
    pod_facts(pod_body(state={"terminated": RAN}) | {part: value})


@given(st.sampled_from(["conditions", "containerStatuses", "phase", "reason", "message"]), ODD)
def test_odd_values_in_a_pods_status_are_no_error(part: str, value: object) -> None:
    body = pod_body()
    body["status"][part] = value
    pod_facts(body)


@given(st.sampled_from(["terminated", "waiting", "running"]), ODD)
def test_odd_states_of_a_container_are_no_error(state: str, value: object) -> None:
    pod_facts(pod_body(state={state: value}))


@given(st.sampled_from(list(RAN)), ODD)
def test_odd_ends_of_a_container_are_no_error(field: str, value: object) -> None:
    pod_facts(pod_body(state={"terminated": RAN | {field: value}}))


@given(st.sampled_from(["labels", "annotations", "ownerReferences", "creationTimestamp", "name"]), ODD)
def test_odd_metadata_is_no_error(field: str, value: object) -> None:
    job_facts(job_body(**{field: value}))


@given(st.text() | st.integers())
def test_an_odd_memory_limit_is_no_error(value: str | int) -> None:
    body = job_body()
    body["spec"]["template"]["spec"]["containers"][1]["resources"]["limits"] = {"memory": value}
    job_facts(body)
