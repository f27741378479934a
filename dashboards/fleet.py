"""The page of all CollectionSyncs: what is late, failing, waiting or short of memory, and how the operator is."""

from collections.abc import Iterator

from dashboards import fleet_runs, fleet_table, operator_row
from dashboards.page import FLEET, RESOURCE, SERVER, Document, Place, Row, document, link, place, variable
from dashboards.panels import GOOD, PLAIN, Steps, Target, above, bars, number
from dashboards.promql import EVERY, OWNER, how_many

_NAMED = "{{namespace}}/{{name}}"
_BAD, _ODD = above(1), above(1, color="orange")
_OWNED = f"on ({', '.join(OWNER)})"
_KNOWN = "collectionsync_created_timestamp_seconds"
"""What there is of every CollectionSync, also of one whose spec cannot be read."""


def page() -> Document:
    """Return the page."""
    known = f'{_KNOWN}{{namespace=~"$namespace"}}'
    return document(
        uid=FLEET,
        title="CollectionSync / Fleet",
        description="All CollectionSyncs: what is late, failing, waiting or short of memory, and how the operator is.",
        variables=[
            variable("namespace", "Namespace", f"label_values({_KNOWN}, namespace)", several=True),
            variable("name", "CollectionSync", f"label_values({known}, name)", several=True),
        ],
        links=[link("One CollectionSync", RESOURCE), link("The server", SERVER)],
        rows=[
            Row("At a glance", _glance()),
            Row("What needs somebody", _needs()),
            Row("All CollectionSyncs", [Place(fleet_table.panel(), 24, 11)]),
            Row("Runs", fleet_runs.runs()),
            Row("Memory", fleet_runs.memory()),
            Row("The operator", operator_row.places()),
        ],
    )


def _glance() -> list[Place]:
    figures = [*_well(), *_unwell()]
    return place(
        3, 4, *(number(title, told, Target(how_many(expr)), steps=steps) for title, told, expr, steps in figures)
    )


def _well() -> Iterator[tuple[str, str, str, Steps]]:
    yield (
        "CollectionSyncs",
        "How many CollectionSyncs the operator knows. A dash here and beside it means that no operator is scraped, so "
        "that nothing is known: see docs/runbooks/collection-sync-operator-absent.md. Where it is scraped without "
        "`honorLabels: true`, those with one name count once.",
        EVERY.each(_KNOWN),
        PLAIN,
    )
    yield (
        "Ready",
        "How many are Ready: their last run published what their spec asks for.",
        EVERY.with_condition("Ready"),
        GOOD,
    )
    yield (
        "Suspended",
        "How many start no runs because `spec.suspend` is true. `spec.suspendReason` may say why.",
        f"{EVERY.each('collectionsync_suspended')} == 1",
        PLAIN,
    )


def _unwell() -> Iterator[tuple[str, str, str, Steps]]:
    yield (
        "Not ready",
        "How many are not Ready: their last run failed, they cannot run, or no run of their present spec has ended. "
        "One that has just been created and runs for the first time is among them, a suspended one is not. The "
        "reasons are below; see docs/runbooks/collection-sync-not-ready.md.",
        EVERY.not_ready(),
        _BAD,
    )
    yield (
        "Stalled",
        "How many wait for somebody: their spec, a Secret or their database has to change, and time alone will not "
        "help.",
        EVERY.with_condition("Stalled"),
        _BAD,
    )
    yield (
        "Out of sync",
        "How many have a scheduled run that is later than their starting deadline allows. The room for runs is used "
        "up, or the operator does not get to it: see docs/runbooks/collection-sync-out-of-sync.md.",
        EVERY.with_condition("OutOfSync"),
        _BAD,
    )
    yield (
        "Due and waiting",
        "How many should have started a run more than a minute ago. Some at times are runs that wait for room; if it "
        "stays so, see docs/runbooks/collection-sync-queue-stuck.md.",
        f"{EVERY.each('collectionsync_next_sync_timestamp_seconds')} < time() - 60",
        _ODD,
    )
    yield (
        "Degraded",
        "How many are published without some items that could not be had. `status.skipped` of each names them: see "
        "docs/runbooks/collection-sync-degraded.md.",
        EVERY.with_condition("Degraded"),
        _ODD,
    )


def _needs() -> list[Place]:
    overdue = f"time() - {EVERY.each('collectionsync_next_sync_timestamp_seconds')}"
    return place(
        8,
        7,
        bars(
            "Not ready, by the reason of the last run",
            "How many CollectionSyncs are not Ready, by the reason of their last run. Many with the same reason, such "
            "as SourceUnavailable or DatabaseUnavailable, have one cause outside of them. One that has just been "
            "created, or whose spec is new, is there until its first run ends; if it stays, it waits for room. "
            "Suspended ones are left out.",
            Target(_not_ready_by_reason(), "{{reason}}"),
            unit="none",
            steps=_BAD,
            absent="All are ready",
        ),
        bars(
            "Failures since the last success",
            "How many runs in a row have failed, of those where it is any. The operator tries again by itself after a "
            "minute, two, four and so on up to an hour; three and more are worth a look.",
            Target(f"topk(10, {EVERY.each('collectionsync_consecutive_failures')} > 0)", _NAMED),
            unit="none",
            steps=((None, "yellow"), (3, "red")),
            absent="None fails",
        ),
        bars(
            "Late by",
            "How long ago the next run was due, where that is more than a minute. It waits for room, or for the "
            "operator; beyond the starting deadline the resource is out of sync.",
            Target(f"topk(10, {overdue} > 60)", _NAMED),
            unit="s",
            steps=((None, "yellow"), (3600, "red")),
            absent="None is late",
        ),
    )


def _not_ready_by_reason() -> str:
    """What has not run as its spec is now has no reason yet, and a spec that cannot be read may have no run at all."""
    unknown = EVERY.with_condition("Ready", "Unknown")
    waiting = f"{EVERY.not_ready()} and {_OWNED} {unknown}"
    judged = f"{EVERY.not_ready()} unless {_OWNED} {unknown}"
    failed = EVERY.where('result="Failed"').each("collectionsync_last_run_info", "reason")
    groups = [
        f"{failed} and {_OWNED} ({judged})",
        _labelled(waiting, "no run of this spec has ended"),
        _labelled(f"{judged} unless {_OWNED} {failed}", "it cannot run"),
    ]
    return f"sort_desc(count by (reason) ({' or '.join(groups)}))"


def _labelled(expression: str, reason: str) -> str:
    return f'label_replace({expression}, "reason", "{reason}", "", "")'
