"""The rows about the runs of all CollectionSyncs, and about their memory."""

from dashboards.page import Place, place
from dashboards.panels import OF_LIMIT, OPERATOR_STEP, RESULT_COLORS, Panel, Target, bars, counts, lines
from dashboards.promql import EVERY, OWNER, counted, how_many, largest, needed, operator, total

_NAMED = "{{namespace}}/{{name}}"
_OF_ALL = "Each operator is named by its namespace, and counts all of its runs, whatever is chosen above."


def runs() -> list[Place]:
    """Return the panels about runs."""
    return place(8, 8, _ended(), _going_on(), _admitted(), _missed(), _longest(), _stored())


def _ended() -> Panel:
    ended = counted(EVERY.series("collectionsync_runs_total"), "result", "reason")
    return counts(
        "Runs that ended, by result and reason",
        "How many runs ended in each step, by their result and reason; the legend has the sum over the time that is "
        "shown. Failed is red: its reasons are described in docs/collectionsync.md.",
        Target(ended, "{{result}}: {{reason}}"),
        step="1m",
        absent="No run ended",
        colors=RESULT_COLORS,
    )


def _going_on() -> Panel:
    return lines(
        "Runs that go on, and that wait",
        "Jobs that go on, runs that are due and wait for room, and how many may go on at once "
        "(`limits.simultaneousRuns` of the chart). Where runs wait for long, raise a limit, of runs, of memory or of "
        f"one source: see docs/runbooks/collection-sync-queue-stuck.md. {_OF_ALL}",
        _by_operator("active_runs", "going on"),
        _by_operator("queued_runs", "waiting"),
        _by_operator("simultaneous_runs_limit", "limit"),
        unit="none",
        step=OPERATOR_STEP,
        limits=[".*: limit"],
        calculations=["max"],
        held=True,
    )


def _admitted() -> Panel:
    return lines(
        "Memory admitted, against the budget",
        "What the memory limits of the Jobs that go on add up to, and the budget for it (`limits.totalMemory` of the "
        f"chart). At the budget, further runs wait. {_OF_ALL}",
        _by_operator("admitted_memory_bytes", "admitted"),
        _by_operator("memory_budget_bytes", "budget"),
        unit="bytes",
        step=OPERATOR_STEP,
        limits=[".*: budget"],
        calculations=["max"],
        held=True,
    )


def _by_operator(metric: str, called: str) -> Target:
    """Each operator has limits of its own, so that sums over several would say nothing."""
    return Target(total(operator(f"collectionsync_operator_{metric}"), "namespace"), f"{{{{namespace}}}}: {called}")


def _missed() -> Panel:
    return counts(
        "Scheduled times that were missed",
        "Scheduled times whose starting deadline passed without a run: others took the room, or the run before took "
        "too long. One run makes up for all of them; see docs/runbooks/collection-sync-out-of-sync.md.",
        Target(counted(EVERY.series("collectionsync_missed_schedules_total")), "missed"),
        step="1m",
        absent="None was missed",
        colors={"missed": "orange"},
    )


def _longest() -> Panel:
    return bars(
        "Longest last runs",
        "The CollectionSyncs whose last run took longest. Beyond `spec.timeout`, 30 minutes by default, a run is "
        "stopped, and the next one resumes it.",
        Target(f"topk(8, {EVERY.each('collectionsync_last_run_duration_seconds')})", _NAMED),
        unit="s",
        absent="No run has ended",
    )


def _stored() -> Panel:
    return bars(
        "Artifacts stored by last runs",
        "The CollectionSyncs whose last run put most bytes of artifacts into an object store. There are some with "
        "`spec.contentPolicy: Full` only, and none where all are there already.",
        Target(f"topk(8, {EVERY.each('collectionsync_last_run_artifact_bytes')} > 0)", _NAMED),
        unit="bytes",
        absent="None was stored",
    )


def memory() -> list[Place]:
    """Return the panels about the memory of runs."""
    return place(8, 9, _closest(), _largest(), _under_pressure())


def _closest() -> Panel:
    share = f"({needed(EVERY)}) / {EVERY.each('collectionsync_last_run_memory_limit_bytes')}"
    return bars(
        "Closest to their memory limit",
        "The peak of the last run as a share of its limit, of those that come closest; it is the smaller one of "
        "resident memory and of what the cgroup was charged for. From 90 % on raise `spec.resources.limits.memory` "
        "before a run is killed: see docs/runbooks/collection-sync-memory-near-limit.md.",
        Target(f"topk(10, {share})", _NAMED),
        unit="percentunit",
        steps=OF_LIMIT,
        highest=1,
        absent="No run has ended",
    )


def _largest() -> Panel:
    peak = "collectionsync_last_run_peak_rss_bytes"
    # The ten are chosen once for all that is shown: topk alone would choose anew at each step.
    ever = largest(f"max_over_time({EVERY.series(peak)}[$__range] @ end())", *OWNER)
    return lines(
        "Largest peaks of the last runs",
        "Peak resident memory of the last run, of the ten CollectionSyncs that took most within the time that is "
        "shown. It should be flat from run to run, however much was fetched.",
        Target(f"{EVERY.each(peak)} and on ({', '.join(OWNER)}) topk(10, {ever})", _NAMED),
        unit="bytes",
        step=OPERATOR_STEP,
        calculations=["max"],
        held=True,
    )


def _under_pressure() -> Panel:
    return lines(
        "Under memory pressure",
        "How many CollectionSyncs had a last run that needed 90 % of its limit and more, or was killed for it. Each "
        "of them names its peak and a limit to try in its condition MemoryPressure.",
        Target(how_many(EVERY.with_condition("MemoryPressure")), "under pressure"),
        unit="none",
        step=OPERATOR_STEP,
        held=True,
    )
