"""The cache keeps what is newest, whichever way and in whatever order it comes."""

from typing import Any

from collectionsync.controller.cache import Cache
from collectionsync.controller.jobs import build_job
from collectionsync.status import Reason
from controller import samples

KEY = "mirrors/community"


def versioned(body: dict[str, Any], version: int) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "resourceVersion": str(version)}}


def resource(version: int, **spec: Any) -> dict[str, Any]:
    return versioned(samples.body(**spec), version)


def job(version: int, **status: Any) -> dict[str, Any]:
    made = build_job(samples.resource(), trigger="Spec/3", inputs="", defaults=samples.DEFAULTS)
    return versioned(samples.as_stored(made, **status), version)


def pod(version: int, name: str = "pod", **status: Any) -> dict[str, Any]:
    stored = job(1)
    labels = stored["spec"]["template"]["metadata"]["labels"]
    metadata = {"name": name, "namespace": "mirrors", "uid": name, "labels": labels}
    return versioned({"metadata": metadata, "status": status}, version)


def test_a_resource_is_known_by_namespace_and_name() -> None:
    cache = Cache()
    assert cache.saw_resource(resource(5)) == KEY
    known = cache.resources[KEY]
    assert (known.namespace, known.name, known.uid, known.version) == ("mirrors", "community", samples.UID, 5)


def test_what_is_older_replaces_nothing() -> None:
    cache = Cache()
    cache.saw_resource(resource(10, suspend=True))
    cache.saw_resource(resource(9))
    known = cache.resources[KEY].resource
    assert known is not None
    assert known.spec.suspend


def test_a_deletion_that_is_older_than_a_new_resource_of_the_same_name_is_passed_over() -> None:
    cache = Cache()
    cache.saw_resource(resource(20))
    cache.saw_resource(resource(15), deleted=True)
    assert KEY in cache.resources
    cache.saw_resource(resource(21), deleted=True)
    assert KEY not in cache.resources


def test_a_resource_that_cannot_be_read_is_kept_with_what_is_wrong() -> None:
    cache = Cache()
    cache.saw_resource(resource(1, collections=[{"name": "NO"}]))
    known = cache.resources[KEY]
    assert known.resource is None
    assert known.fault is not None
    assert (known.fault.reason, "collections[0].name" in known.fault.message) == (Reason.INVALID_SPEC, True)


def test_large_annotations_of_others_are_not_kept() -> None:
    cache = Cache()
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": "x" * 1000,
        "collectionsync.dev/requestedAt": "1",
    }
    cache.saw_resource(versioned(samples.body(metadata={"annotations": annotations}), 1))
    known = cache.resources[KEY].resource
    assert known is not None
    assert known.metadata.annotations == {"collectionsync.dev/requestedAt": "1"}


def test_a_status_of_another_schema_is_no_status() -> None:
    cache = Cache()
    body = resource(1)
    cache.saw_resource({**body, "status": {"noSuchField": 1}})
    assert cache.resources[KEY].status.last_run is None


def test_jobs_belong_to_the_resource_with_the_uid_of_their_owner() -> None:
    cache = Cache()
    assert cache.saw_job(job(1)) == KEY
    assert [each.trigger for each in cache.jobs(samples.UID)] == ["Spec/3"]
    assert cache.jobs("another") == ()


def test_what_a_job_takes_counts_until_it_has_finished() -> None:
    cache = Cache()
    cache.saw_job(job(1))
    assert [each.memory_bytes for each in cache.running()] == [64 * samples.MI]
    cache.saw_job(job(2, conditions=[{"type": "Complete", "status": "True"}]))
    assert list(cache.running()) == []
    cache.saw_job(job(1))
    assert list(cache.running()) == [], "an old word does not bring it back"


def test_a_pod_that_said_how_it_ended_is_remembered_until_its_job_goes() -> None:
    cache = Cache()
    cache.saw_job(job(1))
    (known,) = cache.jobs(samples.UID)
    ended = {"name": "sync", "state": {"terminated": {"exitCode": 75, "message": "x"}}}
    cache.saw_pod(pod(2, "silent"))
    cache.saw_pod(pod(2, "ended", containerStatuses=[ended]))
    cache.saw_pod(pod(3, "silent"), deleted=True)
    cache.saw_pod(pod(3, "ended", containerStatuses=[ended]), deleted=True)
    assert [each.name for each in cache.pods(known)] == ["ended"]
    cache.saw_job(job(4), deleted=True)
    assert cache.pods(known) == ()


def test_a_list_removes_what_was_deleted_unseen_and_keeps_what_is_newer_than_it() -> None:
    cache = Cache()
    cache.saw_resource(resource(10))
    cache.saw_job(job(11))
    assert cache.correct_resources([], "12", None) == 1
    assert cache.correct_jobs([], "12", None) == 1
    assert cache.resources == {}
    cache.saw_resource(resource(20))
    cache.saw_job(job(20))
    assert cache.correct_resources([], "15", None) == 0
    assert cache.correct_jobs([], "15", None) == 0
    assert KEY in cache.resources


def test_a_list_of_one_namespace_says_nothing_of_others() -> None:
    cache = Cache()
    cache.saw_resource(resource(10))
    cache.saw_job(job(10))
    assert cache.correct_resources([], "12", "elsewhere") == 0
    assert cache.correct_jobs([], "12", "elsewhere") == 0


def test_a_list_brings_what_no_watch_told_of() -> None:
    cache = Cache()
    cache.saw_resource(resource(10))
    assert cache.correct_resources([resource(11, suspend=True)], "12", None) == 1
    assert cache.correct_resources([resource(11, suspend=True)], "12", None) == 0
    assert cache.correct_jobs([job(11)], "12", None) == 1


def test_a_pod_that_goes_after_its_job_is_not_remembered() -> None:
    """As the garbage collector does it: the Job first, and its pods when it comes to them."""
    cache = Cache()
    ended = {"name": "sync", "state": {"terminated": {"exitCode": 0, "message": "x"}}}
    cache.saw_job(job(1))
    (known,) = cache.jobs(samples.UID)
    cache.saw_job(job(3), deleted=True)
    cache.saw_pod(pod(4, containerStatuses=[ended]))
    cache.saw_pod(pod(5, containerStatuses=[ended]), deleted=True)
    assert cache.pods(known) == ()


def test_a_list_forgets_pods_whose_job_is_gone() -> None:
    cache = Cache()
    cache.saw_pod(pod(4))
    cache.correct_jobs([], "10", None)
    cache.saw_job(job(11))  # to be asked by
    (known,) = cache.jobs(samples.UID)
    assert cache.pods(known) == ()


def test_a_list_from_before_a_deletion_brings_nothing_back() -> None:
    cache = Cache()
    cache.saw_job(job(5))
    cache.saw_resource(resource(5))
    cache.saw_job(job(12), deleted=True)
    cache.saw_resource(resource(12), deleted=True)
    cache.correct_jobs([job(5)], "10", None)
    cache.correct_resources([resource(5)], "10", None)
    assert cache.jobs(samples.UID) == ()
    assert cache.resources == {}


def test_deletions_are_remembered_over_one_list_and_not_for_ever() -> None:
    cache = Cache()
    cache.saw_resource(resource(12), deleted=True)
    cache.forget_deletions()
    cache.saw_resource(resource(5))
    assert cache.resources == {}
    cache.forget_deletions()
    cache.saw_resource(resource(5))
    assert KEY in cache.resources


def test_a_job_that_changes_is_there_all_the_time() -> None:
    """A plan that was made while it was not would take its run for lost."""
    cache = Cache()
    cache.saw_job(job(1))
    names = cache._jobs_of[samples.UID]
    cache.saw_job(job(2))
    assert cache._jobs_of[samples.UID] is names


def test_pods_that_a_list_finds_are_known_and_those_of_known_jobs_count_as_missed() -> None:
    cache = Cache()
    assert cache.correct_pods([pod(2, "orphan")]) == 0, "a pod without a Job is found again by each list"
    cache.saw_job(job(1))
    assert cache.correct_pods([pod(3)]) == 1
    assert cache.correct_pods([pod(3)]) == 0
    assert cache.correct_pods([pod(4)]) == 1
    (facts,) = cache.jobs(samples.UID)
    assert len(cache.pods(facts)) == 2
