"""What the status remembers of runs: the one that goes on, the last that ended, and what they add up to. Pure."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from collectionsync.controller import rfc3339
from collectionsync.controller.harvest import Harvest, harvest
from collectionsync.controller.observed import JobFacts, PodFacts
from collectionsync.controller.runs import Runs
from collectionsync.report import Result
from collectionsync.status import MAX_HISTORY, ActiveRun, Content, Reason, Run, Status


def active(job: JobFacts, status: Status) -> ActiveRun | None:
    """Return the run of a Job that goes on; one that is being deleted is over, unless the status waits for its end."""
    if job.deleting and (status.active_run is None or status.active_run.job_name != job.name):
        return None
    return ActiveRun(
        job_name=job.name, start_time=rfc3339.render(job.created), trigger=job.trigger, generation=job.generation
    )


def ended(status: Status, runs: Runs, pods: Sequence[PodFacts], *, now: datetime) -> Status:
    """Return the status with the runs that have ended since it was written."""
    for job in runs.ended:
        found = harvest(job, [pod for pod in pods if pod.job_name == job.name])
        status = _with(status, found, end=job.finished_at or now)
    if runs.lost and status.active_run is not None:
        status = _without_its_job(status, status.active_run, now)
    return status


def _with(status: Status, found: Harvest, *, end: datetime) -> Status:
    run = found.run
    succeeded = run.result is not Result.FAILED
    finished = rfc3339.render(end)
    return replace(
        _with_run(status, run, end),
        consecutive_failures=0 if succeeded else status.consecutive_failures + 1,
        last_success_time=finished if succeeded else status.last_success_time,
        observed_inputs=found.inputs,
        observed_requirements=found.requirements,
        content=_content(status.content, found.content, end),
        skipped=found.skipped if succeeded else status.skipped,
        skipped_count=found.skipped_count if succeeded else status.skipped_count,
    )


def _with_run(status: Status, run: Run, end: datetime) -> Status:
    # The last run alone has its warnings: five times as many texts are much for a cache of a thousand statuses.
    remembered = replace(run, warnings=())
    return replace(
        status,
        last_run=run,
        history=(remembered, *status.history)[:MAX_HISTORY],
        last_attempt_time=rfc3339.render(end),
    )


def _without_its_job(status: Status, lost: ActiveRun, now: datetime) -> Status:
    """Note a run whose Job was deleted before it ended, by whoever did that: it is tried again."""
    run = Run(
        id=lost.job_name.rpartition("-")[2],
        job_name=lost.job_name,
        result=Result.FAILED,
        reason=Reason.POD_FAILED,
        message="the Job was deleted before the run ended; the next run resumes it",
        start_time=lost.start_time,
        generation=lost.generation,
        trigger=lost.trigger,
    )
    return replace(_with_run(status, run, now), consecutive_failures=status.consecutive_failures + 1)


def _content(old: Content | None, new: Content | None, end: datetime) -> Content | None:
    if new is None:
        return old
    same = old is not None and old.revision == new.revision
    return replace(new, last_update_time=old.last_update_time if same and old else rfc3339.render(end))
