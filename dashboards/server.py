"""The page of `collectionsync serve`: the memory of its pods, what they answer and how fast, and what they hold."""

from dashboards import server_answers, server_pods
from dashboards.page import FLEET, SERVER, Document, Place, Row, document, link, place, variable
from dashboards.panels import OF_LIMIT, SERVER_STEP, Target, above, meaning, number
from dashboards.promql import ANSWERS, server, server_rate, total

_KNOWN = "collectionsync_server_memory_limit_bytes"
"""What each pod of a server tells, whatever becomes of its database and store."""


def page() -> Document:
    """Return the page."""
    chosen = f'{_KNOWN}{{namespace=~"$namespace"}}'
    return document(
        uid=SERVER,
        title="CollectionSync / Server",
        description="collectionsync serve: the memory of its pods, what they answer and how fast, and what they hold.",
        variables=[
            variable("namespace", "Namespace", f"label_values({_KNOWN}, namespace)", several=True),
            variable("pod", "Pod", f"label_values({chosen}, pod)", several=True),
        ],
        links=[link("All CollectionSyncs", FLEET)],
        rows=[
            Row("Memory, which stays flat", server_pods.memory()),
            Row("At a glance", _glance()),
            Row("Requests", server_answers.requests()),
            Row("How long answers take", server_answers.durations()),
            Row("What is under way", server_pods.under_way()),
            Row("The pods", server_pods.pods()),
        ],
    )


def _glance() -> list[Place]:
    return place(
        3,
        4,
        number(
            "Pods",
            "How many pods of servers are scraped. A dash here and beside it means that none is, so that nothing is "
            "known: see docs/runbooks/collection-sync-server-absent.md.",
            Target(f"count({server('memory_limit_bytes')})"),
        ),
        number(
            "Database",
            "Whether every pod reaches its database. Without it a pod answers 503, and is not ready: see "
            "docs/runbooks/collection-sync-server-database-down.md.",
            Target(f"min({server('database_up')})"),
            mappings=meaning({0: ("Down", "red"), 1: ("Up", "green")}),
        ),
        number(
            "Peak of limit",
            "The peak of the pod that came closest to its limit, as a share of that; it is the smaller one of resident "
            "memory and of what the cgroup was charged for. From 90 % on see "
            "docs/runbooks/collection-sync-server-memory-near-limit.md.",
            Target(server_pods.closest()),
            unit="percentunit",
            steps=OF_LIMIT,
        ),
        number(
            "Requests",
            "Requests per second, without those of the kubelet.",
            Target(server_rate("requests_total", ("route", "code"), of=ANSWERS)),
            unit="reqps",
            step=SERVER_STEP,
        ),
        number(
            "Errors",
            "The share of requests that were answered with 5xx. From 5 % on see "
            "docs/runbooks/collection-sync-server-errors.md.",
            Target(f"{server_answers.share('5..')} >= 0"),  # without any request it is no number
            unit="percentunit",
            steps=((None, "green"), (0.01, "orange"), (0.05, "red")),
            step=SERVER_STEP,
        ),
        number(
            "Lists, p99",
            "The time within which 99 % of the small answers are sent: lists, roots and namespaces, which do not take "
            "longer for a client that reads slowly. From 2.5 s on see docs/runbooks/collection-sync-server-slow.md.",
            Target(f"{server_answers.quickly(0.99)} >= 0"),
            unit="s",
            steps=above(2.5),
            step=SERVER_STEP,
        ),
        number(
            "Sent",
            "Bytes per second that are sent, by all of the pods.",
            Target(server_rate("response_bytes_total", ("route",))),
            unit="binBps",
            step=SERVER_STEP,
        ),
        number(
            "Connections",
            "Connections of clients that are open, idle ones included.",
            Target(total(server("connections"))),
        ),
    )
