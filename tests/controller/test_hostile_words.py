"""Whatever a pod says of its end, the status is one that an API server takes, and holds no credentials."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.controller.harvest import Harvest, harvest
from collectionsync.controller.observed import JobFacts, PodFacts, Terminated
from collectionsync.controller.termination import is_reason
from collectionsync.report import Result, VersionCounts
from collectionsync.status import MAX_SKIPPED, Reason, Status
from controller.samples import complete, ended, failed, failure, pod, said

LARGEST = 2**63 - 1


def test_credentials_do_not_reach_the_status() -> None:
    secret = "postgresql://mirror:hunter2@db.example.org/mirror"
    for found in (
        failure(ended(69, said(message=f"cannot reach {secret}"))),
        failure(ended(1, f"Traceback\nOSError: {secret}")),
        failure(pod(phase="Failed", reason="Evicted", message=secret)),
        failure(job=failed("DeadlineExceeded", secret)),
        failure(pod(waiting_reason="X", waiting_message=secret), job=failed("DeadlineExceeded")),
    ):
        assert "hunter2" not in found.message


NUMBERS = st.one_of(st.integers(), st.integers(-(2**70), 2**70), st.floats(), st.just(10**50))
TEXTS = st.one_of(st.text(max_size=300), st.just("x" * 3000), st.just("😀" * 1500))
COUNTS = st.fixed_dictionaries({}, optional=dict.fromkeys(VersionCounts.__struct_fields__, NUMBERS))
ITEMS = st.fixed_dictionaries({"name": TEXTS, "version": TEXTS, "reason": st.one_of(TEXTS, st.just("NotFound"))})
REPORTS = st.fixed_dictionaries(
    {"result": st.sampled_from(list(Result)), "reason": st.one_of(st.sampled_from(list(Reason)), TEXTS)},
    optional={
        "message": TEXTS,
        "startTime": st.one_of(TEXTS, st.datetimes().map(datetime.isoformat)),
        "durationSeconds": NUMBERS,
        "peakRssBytes": NUMBERS,
        "memoryLimitBytes": NUMBERS,
        "cgroupPeakBytes": NUMBERS,
        "fetchedBytes": NUMBERS,
        "versions": COUNTS,
        "skipped": st.lists(ITEMS, max_size=30),
        "warnings": st.lists(TEXTS, max_size=30),
        "artifacts": st.fixed_dictionaries({}, optional={"created": NUMBERS, "bytes": NUMBERS}),
        "revision": st.one_of(TEXTS, st.just("ab" * 32)),
    },
).map(lambda told: msgspec.json.encode(told).decode())
MESSAGES = st.one_of(st.binary(max_size=5000).map(lambda data: data.decode("utf-8", "replace")), TEXTS, REPORTS)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
CODES_OR_ANY = st.one_of(st.sampled_from([0, 1, 64, 65, 69, 70, 75, 77, 78, 137, 139, 143]), st.integers())
TERMINATIONS = st.builds(
    Terminated,
    reason=st.one_of(st.sampled_from(["", "Error", "Completed", "OOMKilled", "StartError"]), TEXTS),
    exit_code=CODES_OR_ANY,
    message=MESSAGES,
    started_at=st.none() | TIMES,
    finished_at=st.none() | TIMES,
)
PODS = st.builds(
    pod,
    name=st.sampled_from(["a", "b", "c"]),
    created=TIMES,
    phase=st.sampled_from(["Pending", "Running", "Failed", "Succeeded", "Unknown"]),
    reason=st.one_of(st.sampled_from(["", "Evicted"]), TEXTS),
    message=TEXTS,
    started=st.booleans(),
    waiting_reason=st.one_of(st.sampled_from(["", "ImagePullBackOff"]), TEXTS),
    waiting_message=TEXTS,
    disrupted=st.booleans(),
    terminated=st.none() | TERMINATIONS,
)
JOBS = st.one_of(
    st.builds(complete, memory_bytes=st.integers(0, LARGEST), generation=st.integers()),
    st.builds(
        failed,
        st.sampled_from(["DeadlineExceeded", "BackoffLimitExceeded", "PodFailurePolicy", ""]),
        TEXTS,
        memory_bytes=st.integers(0, LARGEST),
        created=TIMES,
        finished_at=st.none() | TIMES,
    ),
)


@given(JOBS, st.lists(PODS, max_size=4))
def test_whatever_pods_say_the_status_is_one_that_an_api_server_takes(job: JobFacts, pods: Sequence[PodFacts]) -> None:
    found = harvest(job, pods)
    _check_acceptable(found)
    if not job.succeeded and all(each.terminated is None or each.terminated.exit_code for each in pods):
        assert found.run.result is Result.FAILED


def _check_acceptable(found: Harvest) -> None:
    status = Status(
        last_run=found.run,
        history=(found.run,),
        content=found.content,
        skipped=found.skipped,
        skipped_count=found.skipped_count,
    )
    encoded = msgspec.json.encode(status)
    # Decoding checks every bound that the CRD's schema has, too: both are made from the same structs.
    assert msgspec.json.decode(encoded, type=Status) == status
    assert len(encoded) <= 20_000
    assert all(-LARGEST <= number <= LARGEST for number in _numbers(msgspec.json.decode(encoded)))
    assert is_reason(found.run.reason)
    assert found.run.result is not Result.RUNNING
    assert len(found.run.message) <= 1024
    assert found.run.message.isprintable()
    assert len(found.skipped) <= MAX_SKIPPED


def _numbers(value: Any) -> list[int]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in _numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    return [value] if isinstance(value, int) else []
