"""What a run was, from what its Job and pods show: each kind of end has its reason, and nothing hostile passes."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from collectionsync.controller.harvest import harvest
from collectionsync.controller.observed import JobFacts, PodFacts
from collectionsync.report import ArtifactCounts, ExitCode, Result, SkippedItem, VersionCounts
from collectionsync.status import Content, Reason, Run, StoredArtifacts
from controller.samples import MI, NOW, complete, ended, failed, failure, pod, report, said

LARGEST = 2**63 - 1
LATER = NOW + timedelta(minutes=1)


def ending(job: JobFacts, *pods: PodFacts) -> tuple[Result, str]:
    run = harvest(job, pods).run
    return run.result, run.reason


# Runs that came to their end


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (Result.SUCCEEDED, Reason.SUCCEEDED),
        (Result.NO_CHANGE, Reason.NO_CHANGE),
        (Result.PARTIAL, Reason.ITEMS_SKIPPED),
    ],
)
def test_a_run_that_ended_well_is_what_its_report_says(result: Result, reason: Reason) -> None:
    run = harvest(complete(), [ended(0, said(result, message="12 versions are published"))]).run
    assert (run.result, run.reason, run.message) == (result, reason, "12 versions are published")


def test_every_fact_of_a_run_is_told() -> None:
    assert harvest(complete(), [ended(0, said(Result.SUCCEEDED))]).run == Run(
        id="0123456789",
        job_name="community-0123456789",
        generation=3,
        trigger="Spec/3",
        result=Result.SUCCEEDED,
        reason="Succeeded",
        exit_code=0,
        start_time="2026-11-25T12:00:00Z",
        duration="1m12s",
        peak_rss="57Mi",
        memory_limit="64Mi",
        peak_rss_bytes=57 * MI,
        cgroup_peak_bytes=60 * MI,
        memory_limit_bytes=64 * MI,
        fetched_bytes=1000,
        versions=VersionCounts(discovered=12, created=4, unchanged=8),
    )


def test_what_a_run_stored_left_out_and_passed_over_is_told() -> None:
    told = said(
        Result.SUCCEEDED,
        artifacts=ArtifactCounts(created=4, bytes=5 * MI),
        versions=VersionCounts(created=4, excluded=2),
        warnings=["requirements.yml: roles are not mirrored"],
    )
    run = harvest(complete(), [ended(0, told)]).run
    assert run.artifacts == StoredArtifacts(created=4, bytes=5 * MI)
    assert run.versions.excluded == 2
    assert run.warnings == ("requirements.yml: roles are not mirrored",)


def test_artifacts_of_all_pods_of_a_run_add_up() -> None:
    first = ended(69, said(artifacts=ArtifactCounts(created=1, bytes=10)), name="a")
    second = ended(0, said(Result.SUCCEEDED, artifacts=ArtifactCounts(created=2, bytes=20)), name="b", created=LATER)
    assert harvest(complete(), [first, second]).run.artifacts == StoredArtifacts(created=3, bytes=30)


def test_the_report_and_the_inputs_of_the_run_are_handed_on() -> None:
    found = harvest(complete(), [ended(0, said(Result.SUCCEEDED))])
    assert (found.report, found.inputs) == (report(Result.SUCCEEDED), complete().inputs)
    assert harvest(complete(requirements="ab"), []).requirements == "ab"


def test_what_is_published_is_told_with_its_revision() -> None:
    found = harvest(complete(), [ended(0, said(Result.NO_CHANGE))])
    assert found.content == Content(revision="sha256:" + "ab" * 32, versions=12, collections=3, bytes=4_000_000)


def test_skipped_items_are_told_and_counted() -> None:
    item = SkippedItem(name="a.b", version="1.0.0", reason="NotFound")
    message = said(Result.PARTIAL, skipped=[item], versions=VersionCounts(skipped=7))
    found = harvest(complete(), [ended(0, message)])
    assert (found.skipped, found.skipped_count) == ((item,), 7)


def test_a_failed_run_published_nothing_and_went_on_without_nothing() -> None:
    item = SkippedItem(name="a.b", version="1.0.0", reason="NotFound")
    found = harvest(failed(), [ended(65, said(skipped=[item], versions=VersionCounts(failed=1)))])
    assert (found.content, found.skipped, found.skipped_count) == (None, (), 0)
    assert found.run.versions == VersionCounts(failed=1)


def test_a_run_that_left_out_too_much_names_what_it_could_not_have() -> None:
    items = [SkippedItem(name=f"a.b{number}", version="1.0.0", reason="NotFound") for number in range(7)]
    run = failure(ended(65, said(reason="TooManySkipped", message="7 of 9 items could not be had", skipped=items)))
    assert run.reason == Reason.TOO_MANY_SKIPPED
    assert run.message.startswith("7 of 9 items could not be had; they begin with a.b0 1.0.0 (NotFound), ")
    assert run.message.endswith("a.b4 1.0.0 (NotFound)")


def test_a_run_that_ended_well_without_a_report_succeeded() -> None:
    found = harvest(complete(), [ended(0, "")])
    assert (found.run.result, found.run.reason) == (Result.SUCCEEDED, Reason.SUCCEEDED)
    assert "no report" in found.run.message
    assert (found.content, found.report) == (None, None)


@pytest.mark.parametrize("result", [Result.RUNNING, Result.FAILED])
def test_an_exit_code_goes_before_a_report_that_says_otherwise(result: Result) -> None:
    run = harvest(complete(), [ended(0, said(result))]).run
    assert (run.result, run.reason) == (Result.SUCCEEDED, Reason.SUCCEEDED)
    assert result.value in run.message


def test_a_complete_job_whose_pods_are_gone_succeeded() -> None:
    assert ending(complete()) == (Result.SUCCEEDED, Reason.SUCCEEDED)


def test_a_complete_job_is_judged_by_the_pod_that_ended_well() -> None:
    pods = [ended(0, said(Result.PARTIAL), name="a"), ended(143, said(Result.RUNNING), name="b", created=LATER)]
    assert ending(complete(), *pods) == (Result.PARTIAL, Reason.ITEMS_SKIPPED)
    assert ending(complete(), pods[1]) == (Result.SUCCEEDED, Reason.SUCCEEDED)


# Exit codes

CODES: list[tuple[int, str, str]] = [
    (64, "", Reason.INVALID_SPEC),
    (65, "NotFound", "NotFound"),
    (65, "DigestConflict", "DigestConflict"),
    (65, "no word", Reason.CONTENT_FAILED),
    (65, "TooManySkipped", Reason.TOO_MANY_SKIPPED),
    (69, "SourceUnavailable", Reason.SOURCE_UNAVAILABLE),
    (69, "RateLimited", Reason.RATE_LIMITED),
    (69, "DatabaseUnavailable", Reason.DATABASE_UNAVAILABLE),
    (69, "CertificateNotTrusted", Reason.CERTIFICATE_NOT_TRUSTED),
    (69, "SpoolUnavailable", Reason.SPOOL_UNAVAILABLE),
    (69, "ArtifactStoreUnavailable", Reason.ARTIFACT_STORE_UNAVAILABLE),
    (69, "ArtifactStoreMisconfigured", Reason.SOURCE_UNAVAILABLE),
    (69, "NotGalaxy", Reason.SOURCE_UNAVAILABLE),
    (70, "InternalError", Reason.INTERNAL_ERROR),
    (75, "DeadlineExceeded", Reason.DEADLINE_EXCEEDED),
    (75, "Interrupted", Reason.INTERRUPTED),
    (77, "AuthenticationFailed", Reason.AUTHENTICATION_FAILED),
    (77, "SourceUnavailable", Reason.AUTHENTICATION_FAILED),
    (78, "InvalidSpec", Reason.INVALID_SPEC),
    (78, "SecretNotFound", Reason.SECRET_NOT_FOUND),
    (78, "ConfigMapNotFound", Reason.CONFIG_MAP_NOT_FOUND),
    (78, "ArtifactStoreMisconfigured", Reason.ARTIFACT_STORE_MISCONFIGURED),
    (78, "SchemaMismatch", Reason.SCHEMA_MISMATCH),
    (78, "DatabaseMisconfigured", Reason.DATABASE_MISCONFIGURED),
    (78, "AuthenticationFailed", Reason.INVALID_SPEC),
    (1, "SourceUnavailable", Reason.POD_FAILED),
]


@pytest.mark.parametrize(("code", "told", "reason"), CODES)
def test_an_exit_code_and_the_report_make_the_reason(code: int, told: str, reason: str) -> None:
    assert failure(ended(code, said(reason=told, message="what happened"))).reason == reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (ExitCode.USAGE, Reason.INVALID_SPEC),
        (ExitCode.CONTENT, Reason.CONTENT_FAILED),
        (ExitCode.UNAVAILABLE, Reason.SOURCE_UNAVAILABLE),
        (ExitCode.BUG, Reason.INTERNAL_ERROR),
        (ExitCode.INTERRUPTED, Reason.INTERRUPTED),
        (ExitCode.AUTHENTICATION, Reason.AUTHENTICATION_FAILED),
        (ExitCode.CONFIGURATION, Reason.INVALID_SPEC),
        (1, Reason.POD_FAILED),
        (139, Reason.POD_FAILED),
        (255, Reason.POD_FAILED),
        (-1, Reason.POD_FAILED),
    ],
)
def test_an_exit_code_without_a_report_still_has_a_reason_and_a_sentence(code: int, reason: Reason) -> None:
    run = failure(ended(code))
    assert (run.reason, run.exit_code) == (reason, code)
    assert run.message


def test_every_exit_code_of_the_worker_but_success_has_a_meaning_of_its_own() -> None:
    assert {failure(ended(code)).reason for code in ExitCode if code}.isdisjoint({Reason.POD_FAILED})


def test_the_reports_own_words_are_the_message() -> None:
    assert failure(ended(69, said(reason="RateLimited", message="too many requests"))).message == "too many requests"


def test_a_reason_that_only_the_worker_knows_is_part_of_the_message() -> None:
    run = failure(ended(69, said(reason="NotGalaxy", message="no Galaxy API at https://example.com/")))
    assert run.message == "NotGalaxy: no Galaxy API at https://example.com/"


def test_without_a_report_the_last_line_of_the_log_is_told() -> None:
    log = '{"level": "info", "message": "one"}\n{"level": "error", "message": "two"}\n'
    assert failure(ended(1, log)).message == "the worker ended with exit code 1: two"


def test_a_container_that_could_not_be_started_says_why() -> None:
    run = failure(ended(128, 'exec: "collectionsync": executable file not found', reason="StartError"))
    assert run.reason == Reason.POD_FAILED
    assert "StartError" in run.message
    assert "executable file not found" in run.message


@pytest.mark.parametrize("result", [Result.SUCCEEDED, Result.NO_CHANGE, Result.PARTIAL])
@pytest.mark.parametrize("code", [1, 65, 69, 70, 77, 78, 137])
def test_a_report_of_success_means_nothing_beside_another_exit_code(code: int, result: Result) -> None:
    found = harvest(failed(), [ended(code, said(result, reason="NotFound", message="12 versions are published"))])
    assert found.run.result is Result.FAILED
    assert found.run.reason != "NotFound"
    assert "published" not in found.run.message
    assert found.content is None


def test_a_report_of_a_run_that_goes_on_is_no_word_on_its_end() -> None:
    run = failure(ended(69, said(Result.RUNNING)))
    assert (run.reason, run.peak_rss) == (Reason.SOURCE_UNAVAILABLE, "57Mi")
    assert "Running" in run.message


# Memory


def oom(*, limit: int, **fields: Any) -> Run:
    killed = ended(137, said(Result.RUNNING, **fields), reason="OOMKilled")
    return failure(killed, job=failed("PodFailurePolicy", memory_bytes=limit))


def test_a_kill_for_memory_names_the_limit_the_peaks_and_a_limit_to_try() -> None:
    run = oom(limit=64 * MI, peak_rss_bytes=61 * MI, cgroup_peak_bytes=64 * MI)
    assert run.reason == Reason.OOM_KILLED
    assert run.message == (
        "killed for its memory, at a limit of 64Mi; the worker's own peak was 61Mi, that of its cgroup 64Mi; "
        "try spec.resources.limits.memory: 96Mi"
    )
    assert (run.peak_rss, run.memory_limit, run.exit_code) == ("61Mi", "64Mi", 137)


@pytest.mark.parametrize(
    ("limit", "enough"),
    [
        (32 * MI, "64Mi"),
        (48 * MI, "80Mi"),
        (64 * MI, "96Mi"),
        (65 * MI, "112Mi"),
        (96 * MI, "144Mi"),
        (1000 * MI, "1504Mi"),
        (2048 * MI, "3Gi"),
        (100_000_000, "144Mi"),
        (0, "64Mi"),
    ],
)
def test_the_limit_to_try_is_half_as_much_again(limit: int, enough: str) -> None:
    run = oom(limit=limit, memory_limit_bytes=None)
    assert run.message.endswith(f"try spec.resources.limits.memory: {enough}")


def test_a_kill_for_memory_without_a_report_is_told_all_the_same() -> None:
    run = failure(ended(137, "", reason="OOMKilled"))
    assert run.reason == Reason.OOM_KILLED
    assert run.message == "killed for its memory, at a limit of 64Mi; try spec.resources.limits.memory: 96Mi"
    assert (run.peak_rss, run.peak_rss_bytes) == ("", 0)


def test_the_reason_of_the_containers_end_goes_before_its_exit_code() -> None:
    assert failure(ended(1, said(), reason="OOMKilled")).reason == Reason.OOM_KILLED


def test_a_worker_that_ended_well_was_not_killed_whatever_else_was() -> None:
    assert ending(complete(), ended(0, said(Result.SUCCEEDED), reason="OOMKilled"))[0] is Result.SUCCEEDED


def test_sigkill_at_the_limit_of_the_cgroup_is_a_kill_for_memory() -> None:
    at_the_limit = said(Result.RUNNING, cgroup_peak_bytes=63 * MI)
    assert failure(ended(137, at_the_limit)).reason == Reason.OOM_KILLED


def test_sigkill_below_the_limit_is_called_by_its_name() -> None:
    run = failure(ended(137, said(Result.RUNNING, cgroup_peak_bytes=62 * MI)))
    assert run.reason == Reason.POD_FAILED
    assert run.message.startswith("the worker was killed (SIGKILL)")


def test_the_limit_is_the_jobs_and_not_what_the_worker_was_told() -> None:
    run = failure(ended(69, said(memory_limit_bytes=1)))
    assert run.memory_limit_bytes == 64 * MI


def test_the_limit_is_the_workers_word_where_the_job_has_none() -> None:
    run = failure(ended(69, said(memory_limit_bytes=96 * MI)), job=failed(memory_bytes=0))
    assert run.memory_limit == "96Mi"


# Who stopped it


@pytest.mark.parametrize(
    "stopped",
    [
        ended(137, said(Result.RUNNING)),
        ended(137, said(Result.RUNNING, cgroup_peak_bytes=64 * MI)),
        ended(137, "", reason="ContainerStatusUnknown"),
        ended(143),
        ended(75, said(reason="Interrupted", message="stopped by SIGTERM")),
        ended(75),
    ],
)
def test_a_worker_that_was_stopped_at_the_jobs_deadline_is_over_it(stopped: PodFacts) -> None:
    run = failure(stopped, job=failed("DeadlineExceeded"))
    assert run.reason == Reason.DEADLINE_EXCEEDED
    assert "spec.timeout" in run.message


def test_what_a_worker_found_out_goes_before_the_jobs_deadline() -> None:
    assert failure(ended(69, said()), job=failed("DeadlineExceeded")).reason == Reason.SOURCE_UNAVAILABLE
    assert ending(failed("DeadlineExceeded"), ended(0, said(Result.SUCCEEDED)))[0] is Result.SUCCEEDED


def test_a_worker_that_stopped_itself_in_time_says_so() -> None:
    message = "spec.timeout of 1800 s is over; what was stored stays, and the next run resumes"
    stopped = ended(75, said(reason="DeadlineExceeded", message=message), disrupted=True)
    run = failure(stopped, job=failed("PodFailurePolicy"))
    assert (run.reason, run.message) == (Reason.DEADLINE_EXCEEDED, message)


@pytest.mark.parametrize("code", [75, 137, 143])
def test_a_worker_whose_pod_was_taken_away_was_evicted(code: int) -> None:
    gone = ended(code, reason="Error", disrupted=True)
    assert failure(gone).reason == Reason.EVICTED


@pytest.mark.parametrize("reason", ["Evicted", "NodeLost", "Terminated"])
def test_a_pod_that_was_taken_away_says_why(reason: str) -> None:
    run = failure(pod(phase="Failed", reason=reason, message="The node was low on resource: memory."))
    assert run.reason == Reason.EVICTED
    assert run.message == f"the pod was taken away: {reason}: The node was low on resource: memory."
    assert run.exit_code is None


def test_a_disrupted_pod_without_a_word_was_evicted() -> None:
    assert failure(pod(disrupted=True)).reason == Reason.EVICTED


def test_a_pod_that_its_node_refuses_failed() -> None:
    run = failure(pod(phase="Failed", reason="OutOfmemory", message="Node didn't have enough resource: memory"))
    assert run.reason == Reason.POD_FAILED
    assert run.message == "OutOfmemory: Node didn't have enough resource: memory"


def test_a_pod_that_failed_without_a_word_failed() -> None:
    run = failure(pod(phase="Failed"))
    assert run.reason == Reason.POD_FAILED
    assert run.message


# No pod that tells


def test_a_run_whose_pod_never_came_is_over_its_deadline() -> None:
    run = failure(job=failed("DeadlineExceeded"))
    assert run.reason == Reason.DEADLINE_EXCEEDED
    assert run.message == "the run was over its deadline before its pod started"


def test_a_pod_that_could_not_start_says_what_it_waited_for() -> None:
    waiting = pod(waiting_reason="ImagePullBackOff", waiting_message='Back-off pulling image "x"')
    run = failure(waiting, job=failed("DeadlineExceeded"))
    assert run.reason == Reason.DEADLINE_EXCEEDED
    assert run.message == (
        "the run was over its deadline before its pod started; pod community-0123456789-abcde waited: "
        'ImagePullBackOff: Back-off pulling image "x"'
    )


def test_the_last_pod_that_waited_goes_before_an_earlier_one_that_failed() -> None:
    waiting = pod(name="b", created=LATER, waiting_reason="Unschedulable", waiting_message="0/1 nodes are available")
    run = failure(ended(69, said(), name="a"), waiting, job=failed("DeadlineExceeded"))
    assert run.reason == Reason.DEADLINE_EXCEEDED
    assert "Unschedulable" in run.message


@pytest.mark.parametrize("reason", ["BackoffLimitExceeded", "PodFailurePolicy", ""])
def test_a_failed_job_without_pods_says_what_it_knows(reason: str) -> None:
    run = failure(job=failed(reason, "Job has reached the specified backoff limit"))
    assert run.reason == Reason.POD_FAILED
    assert reason in run.message
    assert "Job has reached the specified backoff limit" in run.message


def test_a_failed_job_that_says_nothing_at_all_is_still_told() -> None:
    assert failure(job=failed("", "")).message.endswith("nothing is known of why")


# Several pods


def test_the_newest_pod_decides_and_earlier_ones_add_what_they_took() -> None:
    pods = [
        ended(70, said(reason="InternalError", peak_rss_bytes=60 * MI, fetched_bytes=500), name="a"),
        ended(69, said(reason="RateLimited", message="429", fetched_bytes=70), name="b", created=LATER),
    ]
    for order in (pods, pods[::-1]):
        run = harvest(failed(), order).run
        assert (run.reason, run.message) == ("RateLimited", "429; this was the last of 2 pods")
        assert (run.peak_rss_bytes, run.fetched_bytes) == (60 * MI, 570)


def test_a_run_of_several_pods_took_as_long_as_its_job() -> None:
    pods = [ended(70, said(), name="a"), ended(0, said(Result.SUCCEEDED), name="b", created=LATER)]
    assert harvest(complete(), pods).run.duration == "2m"


def test_a_newer_pod_that_says_nothing_leaves_the_word_to_an_older_one() -> None:
    run = failure(ended(69, said(reason="RateLimited"), name="a"), pod(name="b", created=LATER))
    assert run.reason == Reason.RATE_LIMITED


def test_what_several_pods_fetched_adds_up_to_no_more_than_an_api_server_stores() -> None:
    pods = [ended(70, said(fetched_bytes=LARGEST), name=name) for name in ("a", "b")]
    assert failure(*pods).fetched_bytes == LARGEST


def test_an_exit_code_beyond_all_measure_is_one_that_an_api_server_stores() -> None:
    assert failure(ended(10**30)).exit_code == 2**31 - 1


# How long it took


def test_a_killed_run_took_as_long_as_its_container() -> None:
    assert failure(ended(137, said(Result.RUNNING), reason="OOMKilled")).duration == "30s"


def test_a_run_without_a_report_took_as_long_as_its_container() -> None:
    assert failure(ended(1)).duration == "30s"


def test_a_run_without_a_container_took_as_long_as_its_job() -> None:
    assert failure().duration == "2m"


@pytest.mark.parametrize("finished", [None, NOW - timedelta(hours=1)])
def test_a_run_of_which_no_end_is_known_says_nothing_of_how_long_it_took(finished: datetime | None) -> None:
    assert failure(job=failed(finished_at=finished)).duration == ""
