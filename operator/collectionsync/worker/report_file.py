"""Where a report lies, and those of runs that have not begun. Imports nothing heavy: the first one comes before that.

A run may be killed for its memory at any moment, also while the client and the driver are imported, and what it said
last is then all that is known of it.
"""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from collectionsync.memory import find_cgroup, peak_rss_bytes
from collectionsync.report import REPORT_LIMIT_BYTES, Result, RunReport
from collectionsync.resource import CollectionSync, memory_limit_bytes

log = logging.getLogger(__name__)


def now() -> str:
    """Return the time as reports have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def begun(resource: CollectionSync) -> RunReport:
    """Return the first report of a run, which has imported nothing yet and so has no base either."""
    cgroup = find_cgroup()
    return RunReport(
        result=Result.RUNNING,
        reason="Running",
        start_time=now(),
        peak_rss_bytes=peak_rss_bytes(),
        memory_limit_bytes=cgroup.limit_within(memory_limit_bytes(resource.spec)),
        cgroup_peak_bytes=cgroup.peak_bytes(),
    )


def refused(reason: str, message: str) -> RunReport:
    """Return the report of a run that never began."""
    return RunReport(result=Result.FAILED, reason=reason, message=message, start_time=now())


def write(path: Path | None, report: RunReport) -> None:
    """Write a report in place; to nowhere for None. One that cannot be written costs a warning, and not the run.

    A termination log is a bind mount, which can be neither renamed nor replaced. It is written over and then cut: one
    that was cut first would be empty for a while, and would need memory to be written again, which a process at its
    limit may be killed for.
    """
    if path is None:
        return
    data = report.encode()
    try:
        target = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            length = os.fstat(target).st_size  # 0 for what has no length, such as a pipe
            # White space after JSON is none of it: what was there is gone before it is cut off.
            os.write(target, data.ljust(min(length, REPORT_LIMIT_BYTES)))
            if length > len(data):
                os.ftruncate(target, len(data))
        finally:
            os.close(target)
    except OSError as error:
        log.warning("the report cannot be written to %s: %s", path, error.strerror)
