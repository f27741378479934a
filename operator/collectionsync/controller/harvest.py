"""From a Job that has ended, and its pods, to what the run was. PURE.

What the cluster says goes before what the worker says, and facts before words: the reason of the container's end, its
exit code, the report, the Job's condition, the pod's own reason. The newest pod that says anything decides; those
before it add to the peak and to what was fetched. What workers say comes through `termination`, made harmless.
"""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from collectionsync.controller import rfc3339
from collectionsync.controller.observed import JobFacts, PodFacts, Terminated
from collectionsync.controller.termination import cleaned, count, last_line, report_in
from collectionsync.quantity import exact_bytes, format_bytes, format_seconds
from collectionsync.report import ExitCode, Result, RunReport, SkippedItem, VersionCounts
from collectionsync.status import Content, Reason, Run, StoredArtifacts

_SIGNALLED = 128
_KILLED = _SIGNALLED + signal.SIGKILL
_TERMINATED = _SIGNALLED + signal.SIGTERM
_LARGEST_EXIT_CODE = 2**31 - 1
# The kernel kills for memory when not a page is left to be taken; the peak is read a little before.
_AT_THE_LIMIT_PER_CENT = 97
_STEP = 16 * 1024**2
_SMALLEST_SUGGESTION = 64 * 1024**2
_NAMED = 5
_OOM_KILLED = "OOMKilled"
_DEADLINE_EXCEEDED = "DeadlineExceeded"
# Reasons of pods whose node took them away (kubelet: eviction and shutdown; node lifecycle and pod GC controllers).
_TAKEN_AWAY = frozenset({"Evicted", "NodeLost", "NodeShutdown", "Preempting", "Shutdown", "Terminated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    """What a run was. `report` is that of the pod that decided, and is None where it left none.

    `content` is None where nothing was published, or nothing is known of it. `skipped` are as many items as a status
    names, `skipped_count` counts them all; of a failed run there are none, since it went on without none.
    """

    run: Run
    report: RunReport | None
    inputs: str
    requirements: str
    content: Content | None
    skipped: tuple[SkippedItem, ...]
    skipped_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What there is to judge by: `pods` in order of age, `pod` the one that decides, `report` what it left."""

    job: JobFacts
    pods: Sequence[PodFacts]
    reports: Sequence[RunReport]
    pod: PodFacts | None
    report: RunReport | None

    @property
    def terminated(self) -> Terminated | None:
        return self.pod.terminated if self.pod else None

    @property
    def limit(self) -> int:
        """The memory limit: the Job's own, since the worker may only have been told of it."""
        return self.job.memory_bytes or (self.report and self.report.memory_limit_bytes) or 0

    @property
    def waiting(self) -> PodFacts | None:
        """The newest pod, if it never came to start and says why."""
        newest = self.pods[-1] if self.pods else None
        return newest if newest and newest.waiting_reason and not newest.started and not newest.terminated else None


@dataclass(frozen=True, slots=True)
class _Ending:
    result: Result
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class _Failure:
    """What an exit code means: a reason, the more exact ones that a report may give instead, and a sentence."""

    reason: Reason
    message: str
    exactly: frozenset[str] = frozenset()


_FAILURES: dict[int, _Failure] = {
    ExitCode.USAGE: _Failure(
        Reason.INVALID_SPEC, "the worker does not know its command line; its image may be of another release"
    ),
    ExitCode.CONTENT: _Failure(Reason.CONTENT_FAILED, "a version could not be had, and the spec does not let it go"),
    ExitCode.UNAVAILABLE: _Failure(
        Reason.SOURCE_UNAVAILABLE,
        "a source, the database or the object store is not available",
        frozenset(
            {
                Reason.RATE_LIMITED,
                Reason.CERTIFICATE_NOT_TRUSTED,
                Reason.DATABASE_UNAVAILABLE,
                Reason.ARTIFACT_STORE_UNAVAILABLE,
                Reason.SPOOL_UNAVAILABLE,
            }
        ),
    ),
    ExitCode.BUG: _Failure(Reason.INTERNAL_ERROR, "something happened in the worker that nobody foresaw; see its log"),
    ExitCode.INTERRUPTED: _Failure(
        Reason.INTERRUPTED, "the worker was told to stop", frozenset({Reason.DEADLINE_EXCEEDED})
    ),
    ExitCode.AUTHENTICATION: _Failure(
        Reason.AUTHENTICATION_FAILED, "a source, the database or the object store refuses the credentials"
    ),
    ExitCode.CONFIGURATION: _Failure(
        Reason.INVALID_SPEC,
        "the worker cannot use the manifest, a Secret, a ConfigMap, the database or the object store as it is",
        frozenset(
            {
                Reason.SECRET_NOT_FOUND,
                Reason.CONFIG_MAP_NOT_FOUND,
                Reason.SCHEMA_MISMATCH,
                Reason.DATABASE_MISCONFIGURED,
                Reason.ARTIFACT_STORE_MISCONFIGURED,
            }
        ),
    ),
}
_COMPLETED = {
    Result.SUCCEEDED: Reason.SUCCEEDED,
    Result.NO_CHANGE: Reason.NO_CHANGE,
    Result.PARTIAL: Reason.ITEMS_SKIPPED,
}


def harvest(job: JobFacts, pods: Sequence[PodFacts]) -> Harvest:
    """Return what the run of `job`, which has ended, was; `pods` are those of the Job that are known."""
    evidence = _evidence(job, pods)
    ending = _ending(evidence)
    published = evidence.report if ending.result is not Result.FAILED else None
    return Harvest(
        run=_run(evidence, ending),
        report=evidence.report,
        inputs=job.inputs,
        requirements=job.requirements,
        content=_content(published),
        skipped=tuple(published.skipped) if published else (),
        skipped_count=max(published.versions.skipped, len(published.skipped)) if published else 0,
    )


def _evidence(job: JobFacts, pods: Sequence[PodFacts]) -> _Evidence:
    ordered = sorted(pods, key=lambda pod: (pod.created, pod.name))
    heard = [(pod, report_in(pod.terminated.message) if pod.terminated else None) for pod in ordered]
    pod, report = next(((pod, report) for pod, report in reversed(heard) if _decides(job, pod)), (None, None))
    return _Evidence(job=job, pods=ordered, reports=[report for _, report in heard if report], pod=pod, report=report)


def _decides(job: JobFacts, pod: PodFacts) -> bool:
    """Whether a pod has a say in how its run ended; where the Job is complete, only one that came to its end well."""
    if job.succeeded:
        return pod.terminated is not None and pod.terminated.exit_code == ExitCode.OK
    return pod.terminated is not None or pod.disrupted or pod.phase == "Failed" or bool(pod.reason)


def _run(evidence: _Evidence, ending: _Ending) -> Run:
    job, report, reports, limit = evidence.job, evidence.report, evidence.reports, evidence.limit
    code = evidence.terminated.exit_code if evidence.terminated else None
    peak = max((each.peak_rss_bytes for each in reports), default=0)
    return Run(
        id=job.run_id,
        job_name=job.name,
        generation=count(job.generation),
        trigger=job.trigger,
        result=ending.result,
        reason=ending.reason,
        message=_message(evidence, ending),
        exit_code=None if code is None else max(min(code, _LARGEST_EXIT_CODE), -_LARGEST_EXIT_CODE),
        # The Job's own, by the cluster's clock: runs are told apart by it.
        start_time=rfc3339.render(job.created),
        duration=_duration(evidence),
        peak_rss=format_bytes(peak) if peak else "",
        memory_limit=format_bytes(limit) if limit else "",
        peak_rss_bytes=peak,
        cgroup_peak_bytes=max((each.cgroup_peak_bytes or 0 for each in reports), default=0),
        memory_limit_bytes=count(limit),
        fetched_bytes=count(sum(each.fetched_bytes for each in reports)),
        versions=report.versions if report else VersionCounts(),
        artifacts=StoredArtifacts(
            created=count(sum(each.artifacts.created for each in reports)),
            bytes=count(sum(each.artifacts.bytes for each in reports)),
        ),
        warnings=tuple(report.warnings) if report else (),
    )


def named(items: Sequence[SkippedItem]) -> str:
    """Return these items, each with its reason, for people."""
    return ", ".join(f"{each.name} {each.version} ({each.reason})" for each in items)


def _message(evidence: _Evidence, ending: _Ending) -> str:
    message = cleaned(ending.message)
    if ending.result is not Result.FAILED or len(evidence.pods) < 2:
        return message
    return cleaned(f"{message.rstrip('.')}; this was the last of {len(evidence.pods)} pods")


def _duration(evidence: _Evidence) -> str:
    """Return how long the run took: the worker's own word for it if it had but one pod and came to an end."""
    job, report, terminated = evidence.job, evidence.report, evidence.terminated
    whole = _between(job.created, job.finished_at)
    if len(evidence.pods) > 1 and whole:
        return whole
    if report and report.result is not Result.RUNNING and report.duration_seconds:
        return format_seconds(report.duration_seconds)
    return (_between(terminated.started_at, terminated.finished_at) if terminated else "") or whole


def _between(start: datetime | None, end: datetime | None) -> str:
    """Return the time from `start` to `end` for people; empty where it is not known."""
    return format_seconds((end - start).total_seconds()) if start and end and start <= end else ""


def _content(report: RunReport | None) -> Content | None:
    """Return what is published after a run, as far as its report tells."""
    if report is None or not report.revision or report.content is None:
        return None
    found = report.content
    return Content(
        revision=f"sha256:{report.revision}",
        versions=found.versions,
        collections=found.collections,
        bytes=found.bytes,
    )


def _ending(evidence: _Evidence) -> _Ending:
    job, pod, terminated = evidence.job, evidence.pod, evidence.terminated
    if pod is None and job.succeeded:
        return _completed(None)
    if pod is None or (evidence.waiting and job.failure_reason == _DEADLINE_EXCEEDED):
        return _never_started(evidence)
    if terminated is None:
        return _stopped(job, pod) or _failed(_joined(pod.reason, pod.message) or "the pod failed, and says no more")
    if terminated.exit_code == ExitCode.OK:
        return _completed(evidence.report)
    if terminated.reason == _OOM_KILLED:
        return _out_of_memory(evidence)
    stopped = _stopped(job, pod) if _was_stopped(terminated, evidence.report) else None
    if stopped is None and terminated.exit_code == _KILLED and _was_at_its_limit(evidence):
        return _out_of_memory(evidence)
    return stopped or _by_exit_code(terminated, evidence.report)


def _completed(report: RunReport | None) -> _Ending:
    if report is None:
        return _Ending(Result.SUCCEEDED, Reason.SUCCEEDED, "the worker ended well, and left no report")
    if reason := _COMPLETED.get(report.result):
        return _Ending(report.result, reason, report.message)
    message = f"the worker ended well, though its last report says {report.result.value}"
    return _Ending(Result.SUCCEEDED, Reason.SUCCEEDED, message)


def _failed(message: str) -> _Ending:
    return _Ending(Result.FAILED, Reason.POD_FAILED, message)


def _never_started(evidence: _Evidence) -> _Ending:
    """Return how a run ended none of whose pods has anything to say, or whose last one was still waiting to start."""
    job, waiting = evidence.job, evidence.waiting
    why = ""
    if waiting:
        why = f"; pod {waiting.name} waited: {_joined(waiting.waiting_reason, waiting.waiting_message)}"
    if job.failure_reason == _DEADLINE_EXCEEDED:
        message = f"the run was over its deadline before its pod started{why}"
        return _Ending(Result.FAILED, Reason.DEADLINE_EXCEEDED, message)
    told = _joined(job.failure_reason, job.failure_message) or "nothing is known of why"
    return _failed(f"the Job failed, and no pod tells more: {told}{why}")


def _was_stopped(terminated: Terminated, report: RunReport | None) -> bool:
    """Whether a worker was stopped from outside, and cannot know why."""
    if terminated.exit_code == ExitCode.INTERRUPTED:
        return report is None or report.reason != Reason.DEADLINE_EXCEEDED
    return terminated.exit_code in (_KILLED, _TERMINATED)


def _stopped(job: JobFacts, pod: PodFacts) -> _Ending | None:
    """Return who stopped a pod, if that is known."""
    if job.failure_reason == _DEADLINE_EXCEEDED:
        message = "the worker did not end at spec.timeout by itself, and was stopped; the next run resumes"
        return _Ending(Result.FAILED, Reason.DEADLINE_EXCEEDED, message)
    if pod.disrupted or pod.reason in _TAKEN_AWAY:
        told = _joined(pod.reason, pod.message) or "its node needed the room, or went away"
        return _Ending(Result.FAILED, Reason.EVICTED, f"the pod was taken away: {told}")
    return None


def _was_at_its_limit(evidence: _Evidence) -> bool:
    """Whether the cgroup had come to its limit, so that SIGKILL came from the kernel.

    Where the kernel kills a process of the container and not all of them, the container's end has no reason of its own.
    """
    peak = (evidence.report.cgroup_peak_bytes or 0) if evidence.report else 0
    return evidence.limit > 0 and peak * 100 >= evidence.limit * _AT_THE_LIMIT_PER_CENT


def _out_of_memory(evidence: _Evidence) -> _Ending:
    report, limit = evidence.report, evidence.limit
    told = f"killed for its memory, at a limit of {format_bytes(limit)}" if limit else "killed for its memory"
    if report and report.peak_rss_bytes:
        told += f"; the worker's own peak was {format_bytes(report.peak_rss_bytes)}"
        if report.cgroup_peak_bytes:
            told += f", that of its cgroup {format_bytes(report.cgroup_peak_bytes)}"
    enough = max(-(-limit * 3 // (2 * _STEP)) * _STEP, _SMALLEST_SUGGESTION)
    message = f"{told}; try spec.resources.limits.memory: {exact_bytes(enough)}"
    return _Ending(Result.FAILED, Reason.OOM_KILLED, message)


def _by_exit_code(terminated: Terminated, report: RunReport | None) -> _Ending:
    told = report if report and report.result is Result.FAILED else None
    failure = _FAILURES.get(terminated.exit_code)
    if failure is None:
        meaning = _death(terminated)
        return _failed(_joined(meaning, told.message) if told else _meant(meaning, terminated, report))
    message = (told.message if told else "") or _meant(failure.message, terminated, report)
    reason = told.reason if told else ""
    if told and reason == Reason.TOO_MANY_SKIPPED and told.skipped:
        # The status names nothing as skipped by a run that published nothing.
        message = f"{message}; they begin with {named(told.skipped[:_NAMED])}"
    if reason in failure.exactly or (reason and terminated.exit_code == ExitCode.CONTENT):
        return _Ending(Result.FAILED, reason, message)
    # A reason that only the worker knows is still worth a word.
    known = reason in ("", failure.reason)
    return _Ending(Result.FAILED, failure.reason, message if known else _joined(reason, message))


def _meant(meaning: str, terminated: Terminated, report: RunReport | None) -> str:
    """Return what an exit code means, and what else there is to say where no report tells why."""
    if report:
        return f"{meaning}; its last report says {report.result.value}"
    return _joined(meaning, last_line(terminated.message))


def _death(terminated: Terminated) -> str:
    code = terminated.exit_code
    try:
        told = f"the worker was killed ({signal.Signals(code - _SIGNALLED).name})"
    except ValueError:
        told = f"the worker ended with exit code {code}"
    return told if terminated.reason in ("", "Error") else f"{told}, {terminated.reason}"


def _joined(*parts: str) -> str:
    return ": ".join(filter(None, parts))
