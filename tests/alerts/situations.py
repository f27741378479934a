"""The situation that each alert is for, from minute 0 on, and what Prometheus tells when it has lasted long enough."""

from dataclasses import dataclass, replace

from alerts.promtool import Told
from alerts.series import OPERATORS_NAMESPACE, every, mirror, operator, server

MIRROR = {"namespace": "mirrors", "name": "community"}
OPERATOR = {"namespace": OPERATORS_NAMESPACE}
SERVER = {"namespace": OPERATORS_NAMESPACE}


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What an alert is for. `minute` is the first at which it fires; `since` is the one from which it counts an age."""

    alert: str
    series: dict[str, str]
    minute: int
    told: Told
    since: int = 0

    def __str__(self) -> str:
        return self.alert

    def told_at(self, minute: int) -> Told:
        """What Prometheus tells at a minute."""
        hours, minutes = divmod(minute - self.since, 60)
        return replace(self.told, description=self.told.description.format(age=f"{hours}h {minutes}m 0s"))

    def but(self, **values: str) -> dict[str, str]:
        """The series with other values for the metrics of these names; whatever their labels, there is one of each."""
        found = dict(self.series)
        for metric, each in values.items():
            names = {f"collectionsync_{part}{metric}" for part in ("", "operator_", "server_")}
            (name,) = (name for name in found if name.partition("{")[0] in names)
            found[name] = each
        return found


NOT_READY = Situation(
    alert="CollectionSyncNotReady",
    series=mirror(
        {
            'status_condition{type="Ready",status="True"}': "0x2000",
            'last_run_info{result="Failed",reason="SourceUnavailable"}': "1x2000",
            "suspended": "0x2000",
        }
    ),
    minute=60,
    told=Told(
        labels={"severity": "warning", **MIRROR},
        summary="CollectionSync mirrors/community is not ready",
        description=(
            "CollectionSync mirrors/community has not been ready for an hour. "
            "Its last run ended with the reason SourceUnavailable. What was published before stays as it is."
        ),
        runbook="collection-sync-not-ready.md",
    ),
)
OUT_OF_SYNC = Situation(
    alert="CollectionSyncOutOfSync",
    series=mirror({'status_condition{type="OutOfSync",status="True"}': "1x2000", "suspended": "0x2000"}),
    minute=15,
    told=Told(
        labels={"severity": "warning", **MIRROR},
        summary="A scheduled run of CollectionSync mirrors/community does not start",
        description=(
            "A scheduled run of CollectionSync mirrors/community is later than its starting deadline allows: "
            "others take the room that it needs, or a run before it does not end."
        ),
        runbook="collection-sync-out-of-sync.md",
    ),
)
OOM_KILLED = Situation(
    alert="CollectionSyncOOMKilled",
    series=mirror(
        {
            'runs_total{result="Failed",reason="OOMKilled"}': "0 1x2000",
            'last_run_info{result="Failed",reason="OOMKilled"}': "_ 1x2000",
            "suspended": "0x2000",
        }
    ),
    minute=1,
    told=Told(
        labels={"severity": "warning", **MIRROR},
        summary="A run of CollectionSync mirrors/community was killed for its memory",
        description=(
            "A run of CollectionSync mirrors/community was killed at its memory limit. Its message says how much "
            "memory it took, and which limit to try. What it had stored is not fetched again."
        ),
        runbook="collection-sync-oom-killed.md",
    ),
)
MEMORY_NEAR_LIMIT = Situation(
    alert="CollectionSyncMemoryNearLimit",
    series=mirror(
        {
            'status_condition{type="MemoryPressure",status="True"}': "1x2000",
            'last_run_info{result="Succeeded",reason="Succeeded"}': "1x2000",
            "suspended": "0x2000",
        }
    ),
    minute=15,
    told=Told(
        labels={"severity": "info", **MIRROR},
        summary="Runs of CollectionSync mirrors/community come close to their memory limit",
        description=(
            "The last run of CollectionSync mirrors/community took 90% of its memory limit or more. "
            "Raise spec.resources.limits.memory before a run is killed."
        ),
        runbook="collection-sync-memory-near-limit.md",
    ),
)
DEGRADED = Situation(
    alert="CollectionSyncDegraded",
    series=mirror({'status_condition{type="Degraded",status="True"}': "1x2000", "suspended": "0x2000"}),
    minute=24 * 60,
    told=Told(
        labels={"severity": "info", **MIRROR},
        summary="The mirror of CollectionSync mirrors/community lacks something",
        description=(
            "CollectionSync mirrors/community has been published for a day without some versions that it asks for. "
            "Its status names them with their reasons."
        ),
        runbook="collection-sync-degraded.md",
    ),
)
NO_SUCCESS = Situation(
    alert="CollectionSyncNoSuccess",
    series=mirror(
        {
            "last_success_timestamp_seconds": "600x2000",
            "created_timestamp_seconds": "0x2000",
            "success_expected_since_timestamp_seconds": f"0x59 {every(60, until=2000)}",
            "suspended": "0x2000",
        }
    ),
    minute=2 * 60 + 30,
    since=10,
    told=Told(
        labels={"severity": "warning", **MIRROR},
        summary="CollectionSync mirrors/community has had no success for too long",
        description=(
            "No run of CollectionSync mirrors/community has succeeded for {age}, in which its schedule has asked for "
            "two or more. Its mirror is as old as that."
        ),
        runbook="collection-sync-no-success.md",
    ),
)
QUEUE_STUCK = Situation(
    alert="CollectionSyncQueueStuck",
    series=operator({"queued_runs": "3x2000"}) | mirror({"last_attempt_timestamp_seconds": "0x2000"}),
    minute=10 + 60,
    told=Told(
        labels={"severity": "warning", **OPERATOR},
        summary="Runs wait for room, and none ends that would make some",
        description=(
            "3 runs of the collectionsync operator in namespace tools wait for room, and no run has ended for an hour."
        ),
        runbook="collection-sync-queue-stuck.md",
    ),
)
OPERATOR_ABSENT = Situation(
    alert="CollectionSyncOperatorAbsent",
    series=operator({"last_resync_timestamp_seconds": "60x5 stale"}) | {'up{namespace="tools"}': "1x5 0x2000"},
    minute=5 + 5 + 1 + 10,
    told=Told(
        labels={"severity": "critical", **OPERATOR},
        summary="The collectionsync operator is absent",
        description=(
            "Nothing has been heard of the collectionsync operator in namespace tools for 15 minutes: no run starts, "
            "and no status is up to date. What was published stays as it is."
        ),
        runbook="collection-sync-operator-absent.md",
    ),
)
WATCH_STALE = Situation(
    alert="CollectionSyncWatchStale",
    series=operator(
        {
            "last_resync_timestamp_seconds": "60x2000",
            'missed_changes_total{kind="Job"}': "0x2000",
            'last_watch_event_timestamp_seconds{kind="Job"}': "60x2000",
        }
    ),
    minute=1 + 30 + 1 + 5,
    told=Told(
        labels={"severity": "critical", **OPERATOR},
        summary="The collectionsync operator does not see what happens in the cluster",
        description=(
            "The collectionsync operator in namespace tools runs, and has not listed its resources for half an hour, "
            "or is not told of changes. Runs start and are recorded late, or not at all."
        ),
        runbook="collection-sync-watch-stale.md",
    ),
)
SERVER_ABSENT = Situation(
    alert="CollectionSyncServerAbsent",
    series=server({"database_up": "1x5 stale"}) | {'up{namespace="tools"}': "1x5 0x2000"},
    minute=5 + 5 + 1 + 10,
    told=Told(
        labels={"severity": "critical", **SERVER},
        summary="The collectionsync server is absent",
        description=(
            "Nothing has been heard of the collectionsync server in namespace tools for 15 minutes: clients may find "
            "no collections. Mirrors are kept up to date all the same."
        ),
        runbook="collection-sync-server-absent.md",
    ),
)
SERVER_DATABASE_DOWN = Situation(
    alert="CollectionSyncServerDatabaseDown",
    series=server({"database_up": "0x2000"}),
    minute=10,
    told=Told(
        labels={"severity": "critical", **SERVER},
        summary="The collectionsync server does not reach its database",
        description=(
            "No pod of the collectionsync server in namespace tools has reached the database for ten minutes: all "
            "requests are answered with 503."
        ),
        runbook="collection-sync-server-database-down.md",
    ),
)
SERVER_ERRORS = Situation(
    alert="CollectionSyncServerErrors",
    series=server(
        {
            'requests_total{route="artifact",code="503"}': "0+1x2000",
            'requests_total{route="version",code="200"}': "0+9x2000",
            'requests_total{route="ready",code="200"}': "0+90x2000",
            "database_up": "1x2000",
        }
    ),
    minute=1 + 15,
    told=Told(
        labels={"severity": "warning", **SERVER},
        summary="The collectionsync server answers with errors",
        description=(
            "10% of the requests to the collectionsync server in namespace tools were answered with 5xx in the last 15 "
            "minutes."
        ),
        runbook="collection-sync-server-errors.md",
    ),
)
SERVER_MEMORY_NEAR_LIMIT = Situation(
    alert="CollectionSyncServerMemoryNearLimit",
    series=server(
        {"peak_rss_bytes": "95x2000", "cgroup_peak_memory_bytes": "100x2000", "memory_limit_bytes": "100x2000"}
    ),
    minute=15,
    told=Told(
        labels={"severity": "info", **SERVER},
        summary="The collectionsync server comes close to its memory limit",
        description=(
            "A pod of the collectionsync server in namespace tools has taken 95% of its memory limit since it started. "
            "Raise the limit before a pod is killed."
        ),
        runbook="collection-sync-server-memory-near-limit.md",
    ),
)
SERVER_SLOW = Situation(
    alert="CollectionSyncServerSlow",
    series=server(
        {
            'request_duration_seconds_bucket{route="versions",le="1"}': "0+90x2000",
            'request_duration_seconds_bucket{route="versions",le="2.5"}': "0+90x2000",
            'request_duration_seconds_bucket{route="versions",le="5"}': "0+100x2000",
            'request_duration_seconds_bucket{route="versions",le="+Inf"}': "0+100x2000",
        }
    ),
    minute=1 + 30,
    told=Told(
        labels={"severity": "warning", **SERVER},
        summary="The collectionsync server is slow",
        description=(
            "One in a hundred of the small answers of the collectionsync server in namespace tools has taken 4.75s or "
            "more in the last 15 minutes."
        ),
        runbook="collection-sync-server-slow.md",
    ),
)
SITUATIONS = (
    NOT_READY,
    OUT_OF_SYNC,
    OOM_KILLED,
    MEMORY_NEAR_LIMIT,
    DEGRADED,
    NO_SUCCESS,
    QUEUE_STUCK,
    OPERATOR_ABSENT,
    WATCH_STALE,
    SERVER_ABSENT,
    SERVER_DATABASE_DOWN,
    SERVER_ERRORS,
    SERVER_MEMORY_NEAR_LIMIT,
    SERVER_SLOW,
)
OF_SERVERS = tuple(each for each in SITUATIONS if "Server" in each.alert)
"""Those of which a server is the subject."""
ABSENT = (OPERATOR_ABSENT, SERVER_ABSENT)
"""Those of what tells nothing."""
OF_MIRRORS = tuple(each for each in SITUATIONS if each.told.labels.keys() >= MIRROR.keys())
"""Those of which a resource is the subject."""
