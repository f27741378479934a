"""The row about how the runs of one CollectionSync ended, which the operator tells and which outlives them."""

from dashboards.page import Place, place
from dashboards.panels import OPERATOR_STEP, RESULT_COLORS, Panel, Target, counts, lines
from dashboards.promql import ONE, counted, largest

_LIMIT = "limit"


def places() -> list[Place]:
    """Return the panels."""
    return place(6, 8, _ended(), _peaks(), *_worked(), *_stored(), _published())


def _ended() -> Panel:
    return counts(
        "Runs that ended, by result and reason",
        "How many runs ended in each step, by their result and reason; the legend has the sum over the time that is "
        "shown. Failed is red: its reasons are described in docs/collectionsync.md.",
        Target(counted(ONE.series("collectionsync_runs_total"), "result", "reason"), "{{result}}: {{reason}}"),
        step="1m",
        absent="No run ended",
        colors=RESULT_COLORS,
    )


def _peaks() -> Panel:
    return _held(
        "Peak memory of the last run",
        "The largest resident memory of the last run, the most that its cgroup was charged for, and its limit. The "
        "run needed less than either: from 90 % of the limit on by both, raise `spec.resources.limits.memory`, as "
        "docs/runbooks/collection-sync-memory-near-limit.md describes.",
        [
            Target(_last("peak_rss_bytes"), "resident"),
            Target(_last("cgroup_peak_memory_bytes"), "cgroup"),
            Target(_last("memory_limit_bytes"), _LIMIT),
        ],
        "bytes",
    )


def _worked() -> list[Panel]:
    return [
        _held(
            "Duration of the last run",
            "How long the last run took, until the next one ends. Beyond `spec.timeout`, 30 minutes by default, a run "
            "is stopped, and the next one resumes it.",
            [Target(_last("duration_seconds"), "duration")],
            "s",
        ),
        _held(
            "Versions of the last run, by outcome",
            "What became of the versions of the last run, until the next one ends. Skipped and failed ones are named "
            "in the status.",
            [Target(_last("versions", "outcome"), "{{outcome}}")],
            "none",
            stacked=True,
        ),
        _held(
            "Fetched by the last run",
            "What the last run fetched, until the next one ends. A run that finds everything there already reads "
            "lists only.",
            [Target(_last("fetched_bytes"), "fetched")],
            "bytes",
        ),
    ]


def _stored() -> list[Panel]:
    return [
        _held(
            "Artifacts stored by the last run",
            "How many artifacts the last run put into the object store, until the next one ends. There are some with "
            "`spec.contentPolicy: Full` only, and none where all are there already.",
            [Target(_last("artifacts"), "stored")],
            "none",
        ),
        _held(
            "Size of these artifacts",
            "What these artifacts take in the object store, which keeps each of them once.",
            [Target(_last("artifact_bytes"), "stored")],
            "bytes",
        ),
    ]


def _published() -> Panel:
    return _held(
        "Published versions",
        "How many versions are published. It falls when the spec asks for less, and when the source has withdrawn "
        "some.",
        [Target(largest(ONE.series("collectionsync_published_versions")), "published")],
        "none",
    )


def _last(metric: str, *by: str) -> str:
    return largest(ONE.series(f"collectionsync_last_run_{metric}"), *by)


def _held(title: str, description: str, targets: list[Target], unit: str, *, stacked: bool = False) -> Panel:
    """Return curves that stay where they are from the end of one run to that of the next."""
    return lines(
        title,
        description,
        *targets,
        unit=unit,
        step=OPERATOR_STEP,
        limits=[each.legend for each in targets if each.legend == _LIMIT],
        calculations=["lastNotNull"],
        stacked=stacked,
        held=True,
        absent="No run has ended",
    )
