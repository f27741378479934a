"""The page of one CollectionSync: how it stands, its runs while they go on, and how they ended."""

from dashboards import runs_history, runs_live
from dashboards.page import FLEET, RESOURCE, SERVER, Document, Place, Row, document, link, place, variable
from dashboards.panels import OPERATOR_STEP, Panel, Target, above, meaning, number, states
from dashboards.promql import ONE


def page() -> Document:
    """Return the page."""
    # There is one of every CollectionSync, also of one whose spec cannot be read.
    known = "collectionsync_created_timestamp_seconds"
    back = "var-namespace=${namespace}&var-name=${name}&"
    return document(
        uid=RESOURCE,
        title="CollectionSync / One resource",
        description="One CollectionSync: how it stands, the memory and the work of its runs, and how they ended.",
        variables=[
            variable("namespace", "Namespace", f"label_values({known}, namespace)", several=False),
            variable("name", "CollectionSync", f'label_values({known}{{namespace="$namespace"}}, name)', several=False),
        ],
        links=[
            link("All CollectionSyncs", FLEET),
            link("Only this one among all", FLEET, back),
            link("The server", SERVER),
        ],
        rows=[
            Row("How it stands", [*place(3, 4, *_when(), *_what()), Place(_last(), 6, 7), Place(_conditions(), 18, 7)]),
            Row("Memory of its runs", runs_live.memory()),
            Row("Work of its runs", runs_live.work()),
            Row("How long a version takes", runs_live.latencies()),
            Row("History of its runs", runs_history.places()),
        ],
    )


def _when() -> list[Panel]:
    return [
        number(
            "Ready",
            "Whether the last run published what the spec asks for. It stays so during a routine run, and is unknown "
            "while a new spec has never been carried out. See docs/runbooks/collection-sync-not-ready.md.",
            Target(f"{ONE.condition('Ready')} * 2 + {ONE.condition('Ready', 'Unknown')}"),
            mappings=meaning({0: ("No", "red"), 1: ("Unknown", "yellow"), 2: ("Yes", "green")}),
        ),
        number(
            "Suspended",
            "Whether `spec.suspend` keeps runs from starting.",
            Target(ONE.each("collectionsync_suspended")),
            mappings=meaning({0: ("No", "green"), 1: ("Yes", "blue")}),
        ),
        number(
            "Since success",
            "How long ago a run last succeeded, which is how old the mirror may be. More than two periods are too "
            "long: see docs/runbooks/collection-sync-no-success.md.",
            Target(f"time() - {ONE.each('collectionsync_last_success_timestamp_seconds')}"),
            unit="s",
            absent="Never",
        ),
        number(
            "Next run in",
            "When the next run is due. Less than no time means that it waits for room, or for the operator.",
            Target(f"{ONE.each('collectionsync_next_sync_timestamp_seconds')} - time()"),
            unit="s",
            steps=((None, "orange"), (-60, "text")),
            absent="None is due",
        ),
    ]


def _what() -> list[Panel]:
    return [
        number(
            "Period",
            "The time between two scheduled runs. There is none without `spec.schedule` and `spec.interval`.",
            Target(ONE.each("collectionsync_sync_period_seconds")),
            unit="s",
            absent="On request",
        ),
        number(
            "Versions",
            "How many versions of collections are published.",
            Target(ONE.each("collectionsync_published_versions")),
            unit="locale",
            absent="None yet",
        ),
        number(
            "Their documents",
            "The size of the documents of what is published.",
            Target(ONE.each("collectionsync_published_bytes")),
            unit="bytes",
            absent="None yet",
        ),
        number(
            "Failures in a row",
            "How many runs have failed since the last success. The operator tries again by itself, less and less "
            "often, up to once an hour.",
            Target(ONE.each("collectionsync_consecutive_failures")),
            steps=above(1),
        ),
    ]


def _last() -> Panel:
    return number(
        "The last run",
        "How the last run ended, and why. The reasons are described in docs/collectionsync.md.",
        Target(ONE.each("collectionsync_last_run_info", "result", "reason"), "{{result}}: {{reason}}"),
        by_name=True,
        absent="None has ended",
    )


def _conditions() -> Panel:
    others = ONE.where('status="True"').where('type!="Ready"').each("collectionsync_status_condition", "type")
    return states(
        "Conditions over time",
        "When each condition was True. Ready had better be green; the others are there only while they are True, and "
        "each but Reconciling is worth a look.",
        Target(ONE.condition("Ready"), "Ready"),
        Target(others, "{{type}}"),
        Target(ONE.each("collectionsync_suspended"), "Suspended"),
        mappings=meaning({0: ("no", "transparent"), 1: ("yes", "orange")}),
        good="Ready",
        step=OPERATOR_STEP,
    )
