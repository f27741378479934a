"""The row about the operator itself: whether it sees the cluster, and what it takes."""

from dashboards.page import Place, place
from dashboards.panels import OPERATOR_STEP, Panel, Target, counts, lines
from dashboards.promql import counted, operator, operator_process, operator_rate, quantile

_PODS = "{{pod}}"


def places() -> list[Place]:
    """Return the panels."""
    return place(6, 7, *_seeing(), *_taking())


def _seeing() -> list[Panel]:
    return [
        lines(
            "Since everything was listed",
            "How long ago the operator last listed everything, which it does every ten minutes. Half an hour means "
            "that it hangs, or that the API server does not answer it: see "
            "docs/runbooks/collection-sync-watch-stale.md.",
            Target(f"time() - {operator('collectionsync_operator_last_resync_timestamp_seconds')}", _PODS),
            unit="s",
            step=OPERATOR_STEP,
            steps=((None, "green"), (1800, "red")),
        ),
        lines(
            "Since a watch told of a change",
            "How long ago each operator's watch of each kind last told of a change. Where runs come and go it is "
            "minutes; without any runs it may be as long as nothing happens.",
            Target(
                f"time() - {operator('collectionsync_operator_last_watch_event_timestamp_seconds', 'kind')}",
                f"{_PODS} {{{{kind}}}}",
            ),
            unit="s",
            step=OPERATOR_STEP,
        ),
        counts(
            "Changes that no watch told of",
            "Changes that only the list of everything found, by their kind. A few after the API server was away are "
            "put right by it; more of them all the time mean that the watch of that kind is broken.",
            Target(counted("collectionsync_operator_missed_changes_total", "kind"), "{{kind}}"),
            step="1m",
            absent="None was missed",
            colors={},
        ),
        lines(
            "Looks at resources",
            "How often per second the operator looks at a resource, and how many of these looks fail and are "
            "repeated. Failures that last mean that the API server refuses something: the operator's log says what.",
            Target(operator_rate("collectionsync_operator_reconciles_total"), "all"),
            Target(operator_rate("collectionsync_operator_reconcile_failures_total"), "failed"),
            unit="ops",
            step=OPERATOR_STEP,
        ),
    ]


def _taking() -> list[Panel]:
    histogram = operator_rate("collectionsync_operator_reconcile_duration_seconds_bucket", "le")
    return [
        lines(
            "How long a look takes",
            "Quantiles of the time that a look at one resource takes, requests included. Looks happen one after the "
            "other: seconds each, with many resources, make all of them late.",
            *(Target(quantile(share, histogram), f"p{share * 100:g}") for share in (0.5, 0.9, 0.99)),
            unit="s",
            step=OPERATOR_STEP,
        ),
        lines(
            "Requests to the API server",
            "Requests per second besides watches. At rest they are next to none; a high rate without any runs is a "
            "fault worth reporting.",
            Target(operator_rate("collectionsync_operator_api_requests_total"), "requests"),
            unit="reqps",
            step=OPERATOR_STEP,
        ),
        lines(
            "Memory of the operator",
            "Resident memory of the operator's pods, which is about 100 MiB with 1,000 CollectionSyncs. The limit of "
            "the chart is 256 MiB (`resources`).",
            Target(operator_process("process_resident_memory_bytes"), _PODS),
            unit="bytes",
            step=OPERATOR_STEP,
        ),
        lines(
            "Processor time of the operator",
            "Processors that the operator keeps busy, as a share of one. At rest most of it goes into scrapes: "
            "with 1,000 CollectionSyncs each takes 0.3 to 0.4 s, which every 30 seconds is a bit more than 1 %.",
            Target(operator_process("rate(process_cpu_seconds_total[$__rate_interval])"), _PODS),
            unit="percentunit",
            step=OPERATOR_STEP,
        ),
    ]
