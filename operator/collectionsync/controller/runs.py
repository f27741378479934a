"""Which runs of a resource there are: the one that goes on, those that ended and are not in the status yet, the rest.

Pure, and independent of the order in which the cluster tells of its Jobs: it may tell late, twice, or not at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from collectionsync.controller import rfc3339
from collectionsync.controller.observed import JobFacts
from collectionsync.resource import Spec
from collectionsync.status import MAX_HISTORY, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The Jobs of one resource. `active` is the oldest that goes on; `ended` are to be harvested, oldest first."""

    active: JobFacts | None
    ended: tuple[JobFacts, ...]
    known: tuple[JobFacts, ...]
    newest: JobFacts | None
    lost: bool
    """Whether the run that the status calls active has neither ended nor a Job."""


def survey(status: Status, jobs: Iterable[JobFacts]) -> Runs:
    """Sort the Jobs of a resource by what its status says of them already."""
    ordered = sorted(jobs, key=lambda job: (job.created, job.name))
    known = {run.job_name for run in status.history}
    # What is older than a full history has left it, and is not to come back. Of two runs at once, which only two
    # operators can bring about, the older one may end last.
    full = len(status.history) >= MAX_HISTORY
    oldest = rfc3339.parse(status.history[-1].start_time) if full else None
    ended = [job for job in ordered if job.finished and job.name not in known and not _before(job, oldest)]
    named = {job.name for job in ordered}
    return Runs(
        active=next((job for job in ordered if not job.finished), None),
        ended=tuple(ended),
        known=tuple(job for job in ordered if job.finished and job not in ended),
        newest=ordered[-1] if ordered else None,
        lost=status.active_run is not None and status.active_run.job_name not in named | known,
    )


def _before(job: JobFacts, time: datetime | None) -> bool:
    return time is not None and job.created < time


def superfluous(spec: Spec, ended: Sequence[JobFacts]) -> tuple[JobFacts, ...]:
    """Return those of the ended Jobs that the history limits leave no room for: the oldest of each kind."""
    newest_first = sorted(ended, key=lambda job: (job.created, job.name), reverse=True)
    succeeded = [job for job in newest_first if job.succeeded]
    failed = [job for job in newest_first if not job.succeeded]
    return tuple(
        job
        for job in (
            *succeeded[spec.successful_runs_history_limit :],
            *failed[spec.failed_runs_history_limit :],
        )
        if not job.deleting
    )
