"""The rows about the pods of the server: their memory, what they hold for clients, and what they are."""

from dashboards.page import Place, place
from dashboards.panels import SERVER_STEP, WANTED, Panel, Target, lines, meaning, states
from dashboards.promql import SERVER_PODS, largest, server, server_process, server_rate, total

_PODS = "{{pod}}"


def memory() -> list[Place]:
    """Return the panels about memory."""
    limit = Target(largest(server("memory_limit_bytes"), "namespace"), "{{namespace}}: limit")
    return place(
        12,
        10,
        lines(
            "Resident memory, by pod",
            "Resident memory of each pod against the limit that its buffers are derived from. It should be flat, "
            "however many clients read however large documents, and however slowly: see "
            "docs/runbooks/collection-sync-server-memory-near-limit.md.",
            Target(server_process(SERVER_PODS.series("process_resident_memory_bytes")), _PODS),
            limit,
            unit="bytes",
            step=SERVER_STEP,
            limits=[".*: limit"],
            calculations=["max"],
        ),
        lines(
            "Peaks, and what cgroups are charged for",
            "The largest resident memory that any of the pods has had so far, as the kernel counts it, and the most "
            "that a cgroup is charged for. The latter has page cache in it, of documents that wait on disk for "
            "clients, which the kernel takes back, so it may come close to the limit without harm.",
            Target(largest(server("peak_rss_bytes")), "peak resident"),
            Target(largest(server("cgroup_memory_bytes")), "cgroup"),
            Target(largest(server("cgroup_peak_memory_bytes")), "peak of a cgroup"),
            limit,
            unit="bytes",
            step=SERVER_STEP,
            limits=[".*: limit"],
            calculations=["max"],
        ),
    )


def closest() -> str:
    """Return the largest share of its limit that any pod has taken, as the alert about that has it.

    The smaller one of its peaks counts, since each is more than it needed: resident memory has pages in it that others
    are charged for, and what a cgroup is charged for has page cache.
    """
    resident, charged = server("peak_rss_bytes"), server("cgroup_peak_memory_bytes")
    return f"max(({resident} < {charged} or {charged} or {resident}) / {server('memory_limit_bytes')})"


def under_way() -> list[Place]:
    """Return the panels about what is held for clients."""
    return [*place(8, 8, _sent(), *_in_flight()), *place(12, 8, *_held())]


def _sent() -> Panel:
    return lines(
        "Sent by route",
        "Bytes per second that are sent, by what they answer. Artifacts that clients are redirected to the object "
        "store for are not among them.",
        Target(server_rate("response_bytes_total", ("route",), "route"), "{{route}}"),
        unit="binBps",
        step=SERVER_STEP,
        calculations=["mean"],
        stacked=True,
        absent="No request was seen",
    )


def _in_flight() -> list[Panel]:
    return [
        lines(
            "Requests in flight",
            "Requests that have begun and whose answers have not been sent as a whole, by pod. Many for long are "
            "clients that read slowly, or a database that many wait for.",
            Target(server("inflight_requests"), _PODS),
            unit="none",
            step=SERVER_STEP,
            calculations=["max"],
        ),
        lines(
            "Bytes in flight",
            "What answers take of the budget for bytes that are read and not sent, by pod. The budget follows from the "
            "memory limit; at that bound requests wait for clients to read.",
            Target(server("inflight_bytes"), _PODS),
            unit="bytes",
            step=SERVER_STEP,
            calculations=["max"],
        ),
    ]


def _held() -> list[Panel]:
    return [
        lines(
            "Connections, by pod",
            "Connections of clients that are open, idle ones included. Their number is bounded by the memory limit: "
            "beyond it the one that has been idle for longest is closed, or a new one waits.",
            Target(server("connections"), _PODS),
            unit="none",
            step=SERVER_STEP,
            calculations=["max"],
        ),
        lines(
            "Documents on disk, by pod",
            "Large documents that are kept on disk on their way from the database to clients, shared by all who read "
            "the same one. They take disk, and page cache that the kernel takes back, but no memory of the pod's own.",
            Target(server("document_cache_bytes"), _PODS),
            unit="bytes",
            step=SERVER_STEP,
            calculations=["max"],
        ),
    ]


def pods() -> list[Place]:
    """Return the panels about what the pods are."""
    return [Place(_databases(), 12, 7), *place(6, 7, _versions(), _processors())]


def _databases() -> Panel:
    return states(
        "Database, by pod",
        "When each pod reached its database. Without it a pod answers 503, and is not ready: see "
        "docs/runbooks/collection-sync-server-database-down.md.",
        Target(server("database_up"), _PODS),
        mappings=meaning(WANTED),
        step=SERVER_STEP,
    )


def _versions() -> Panel:
    return lines(
        "Pods, by version",
        "How many pods run which version. Two at the same time are an upgrade that goes on, or that got stuck.",
        Target(total(server("info", "version"), "version"), "{{version}}"),
        unit="none",
        step=SERVER_STEP,
        calculations=["lastNotNull"],
        stacked=True,
        held=True,
    )


def _processors() -> Panel:
    used = f"rate({SERVER_PODS.series('process_cpu_seconds_total')}[$__rate_interval])"
    return lines(
        "Processor time, by pod",
        "Processors that each pod keeps busy, as a share of one. A pod serves with one process, so that at 100 % "
        "only more pods help.",
        Target(server_process(used), _PODS),
        unit="percentunit",
        step=SERVER_STEP,
        calculations=["max"],
    )
