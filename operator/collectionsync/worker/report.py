"""The RunReport: built from the tally at any moment, and written where the kubelet, or a person, finds it.

It is rewritten during the run, so that even a process that is killed for its memory has said how much it took.
"""

import asyncio
from pathlib import Path

from collectionsync.memory import Cgroup, peak_rss_bytes
from collectionsync.report import (
    ArtifactCounts,
    ContentCounts,
    DocumentCounts,
    Result,
    RunReport,
    SkippedItem,
    VersionCounts,
)
from collectionsync.store.plan import Counts, Failure
from collectionsync.store.repository import Publication
from collectionsync.worker import report_file
from collectionsync.worker.outcome import Outcome
from collectionsync.worker.tally import Tally

# Memory may grow from harmless to fatal within a second or two, in any part of a run, and the last report is all that a
# run which is killed for it says. It costs a tenth of a millisecond.
EVERY_SECONDS = 1.0


class Reporter:
    """Builds reports of one run and writes them to `path`; to nowhere without one."""

    def __init__(self, *, tally: Tally, path: Path | None, cgroup: Cgroup, limit_bytes: int, base_bytes: int) -> None:
        self._tally = tally
        self._path = path
        self._cgroup = cgroup
        self._limit_bytes = limit_bytes
        self._base_bytes = base_bytes
        self._start_time = report_file.now()
        # What only the end of a run knows.
        self._versions: VersionCounts | None = None
        self._skipped: list[SkippedItem] = []
        self._removed = 0
        self._revision = ""
        self._content: ContentCounts | None = None

    def published(self, publication: Publication) -> None:
        """Take note of what the run made public."""
        self._removed = publication.removed
        self._revision = publication.revision
        held = publication.content
        self._content = ContentCounts(versions=held.versions, collections=held.collections, bytes=held.bytes)

    def counted(self, counts: Counts, failures: list[Failure], *, fail: bool) -> None:
        """Take note of the plan's own counts; where `fail` is the policy, what failed is not called skipped."""
        self._versions = VersionCounts(
            discovered=counts.discovered,
            created=counts.created,
            unchanged=counts.unchanged + counts.filled,
            skipped=0 if fail else counts.failed,
            failed=counts.failed if fail else 0,
            removed=self._removed,
            excluded=counts.excluded + self._tally.versions_left_out,
        )
        self._skipped = [SkippedItem(name=each.name, version=each.version, reason=each.reason) for each in failures]

    def report(self, outcome: Outcome | None = None) -> RunReport:
        """Return the report as of now; `outcome` is None while the run goes on."""
        tally = self._tally
        return RunReport(
            result=outcome.result if outcome else Result.RUNNING,
            reason=outcome.reason if outcome else "Running",
            message=outcome.message if outcome else "",
            start_time=self._start_time,
            duration_seconds=round(tally.seconds, 3),
            base_rss_bytes=self._base_bytes,
            peak_rss_bytes=peak_rss_bytes(),
            memory_limit_bytes=self._limit_bytes,
            cgroup_peak_bytes=self._cgroup.peak_bytes(),
            fetched_bytes=tally.fetched_bytes,
            requests=tally.requests.total(),
            retries=tally.retries.total(),
            versions=self._versions or _counted(tally),
            documents=DocumentCounts(created=tally.documents_created, bytes=tally.document_bytes),
            artifacts=ArtifactCounts(created=tally.artifacts_created, bytes=tally.artifact_bytes),
            skipped=self._skipped,
            warnings=list(tally.warnings),
            revision=self._revision,
            content=self._content,
        )

    def write(self, report: RunReport) -> None:
        """Write the report."""
        report_file.write(self._path, report)

    async def keep_writing(self) -> None:
        """Write every EVERY_SECONDS, for ever; ends by being cancelled."""
        while True:
            self.write(self.report())
            await asyncio.sleep(EVERY_SECONDS)


def _counted(tally: Tally) -> VersionCounts:
    done = tally.versions_done
    return VersionCounts(
        discovered=tally.versions_discovered,
        created=done["Created"],
        unchanged=done["Unchanged"] + done["Filled"],
        skipped=done["Failed"],
        failed=0,
        removed=0,
        excluded=done["Excluded"] + tally.versions_left_out,
    )
