"""The rows about the runs of one CollectionSync while they go on.

What a run tells of itself lives as long as its pod. Where a run may be over after a scrape or two, what it has counted
so far says more than a rate; what it ended with, the operator tells.
"""

from dashboards.page import Place, place
from dashboards.panels import RUN_STEP, Panel, Target, heatmap, lines
from dashboards.promql import ONE, RUNS, largest, quantile, total

_LIMIT = "limit"
_NO_RUN = "No run was seen"


def memory() -> list[Place]:
    """Return the panels about memory while runs go on."""
    own = largest(RUNS.series("collectionsync_worker_memory_limit_bytes"))
    # Between runs, the limit that the next one will have.
    limit = Target(f"{own} or {largest(ONE.series('collectionsync_memory_limit_bytes'))}", _LIMIT)
    return place(
        12,
        10,
        lines(
            "Resident memory, by run",
            "Resident memory of each run against the limit that it keeps to. It should be flat after the first "
            "seconds, however much is fetched; a run that reaches the limit is killed: see "
            "docs/runbooks/collection-sync-oom-killed.md.",
            Target(RUNS.seen("process_resident_memory_bytes"), "{{run_id}}"),
            limit,
            unit="bytes",
            step=RUN_STEP,
            limits=[_LIMIT],
            calculations=["max"],
            absent=_NO_RUN,
        ),
        lines(
            "Peaks, and what the cgroup is charged for",
            "The largest resident memory so far, as the kernel counts it, and what the cgroup is charged for. The "
            "latter has page cache in it that the kernel takes back, so it may come close to the limit without harm.",
            Target(largest(RUNS.seen("collectionsync_worker_peak_rss_bytes")), "peak resident"),
            Target(largest(RUNS.seen("collectionsync_worker_cgroup_memory_bytes")), "cgroup"),
            Target(largest(RUNS.seen("collectionsync_worker_cgroup_peak_memory_bytes")), "peak of the cgroup"),
            limit,
            unit="bytes",
            step=RUN_STEP,
            limits=[_LIMIT],
            calculations=["max"],
            absent=_NO_RUN,
        ),
    )


def work() -> list[Place]:
    """Return the panels about what runs do."""
    return [*place(8, 8, *_under_way()), *place(6, 8, *_done())]


def _under_way() -> list[Panel]:
    return [
        lines(
            "Documents and artifacts in flight",
            "Bytes between the source and where they are stored. They take a quarter of the memory limit at most, and "
            "`spec.fetch.maxInFlight`; at that bound the database, or the object store, is what a run waits for.",
            Target(largest(RUNS.seen("collectionsync_worker_inflight_bytes")), "in flight"),
            unit="bytes",
            step=RUN_STEP,
            absent=_NO_RUN,
        ),
        lines(
            "Requests under way, and versions to do",
            "Requests to the source at the same time, and versions that are discovered and not done. The former grow "
            "while growth pays; the latter rise while lists are read, and then fall to nothing.",
            Target(largest(RUNS.seen("collectionsync_worker_inflight_requests")), "requests under way"),
            Target(largest(RUNS.seen("collectionsync_worker_queue_items")), "versions to do"),
            unit="none",
            step=RUN_STEP,
            absent=_NO_RUN,
        ),
        lines(
            "Fetched per second",
            "Bytes per second as they come over the wire. A run of fewer than two scrapes has no rate; what it "
            "fetched in all is in the history below.",
            Target(RUNS.rate("collectionsync_worker_fetched_bytes_total"), "fetched"),
            unit="binBps",
            step=RUN_STEP,
            calculations=["mean", "max"],
            absent=_NO_RUN,
        ),
    ]


def _done() -> list[Panel]:
    return [
        _so_far(
            "Versions done, by outcome",
            "How many versions a run has done so far, by what became of them. Failed ones are left out or fail the "
            "run, as `spec.onError` says, and the status names them.",
            "versions_total",
            "outcome",
        ),
        _so_far(
            "Rows inserted, by table",
            "How many rows a run has inserted so far. A run that finds everything there already inserts none.",
            "rows_inserted_total",
            "table",
            absent="No run inserted any",
        ),
        _so_far(
            "Requests, by endpoint and code",
            "How many requests a run has made so far, by what they were for and how they were answered. `docs-blob` "
            "with 404 is a document that the source does not have; 401 and 403 are credentials, 429 a source that "
            "wants fewer.",
            "http_requests_total",
            "endpoint",
            "code",
        ),
        _so_far(
            "Requests repeated, by reason",
            "How many requests a run has repeated so far. A few are the way of networks; with RateLimited a lower "
            "`spec.source.rateLimit` helps.",
            "retries_total",
            "reason",
            absent="None was repeated",
        ),
    ]


def _so_far(title: str, description: str, metric: str, *by: str, absent: str = _NO_RUN) -> Panel:
    """Return what a counter of the run that goes on has come to, by these labels."""
    return lines(
        title,
        description,
        Target(
            total(RUNS.run(f"collectionsync_worker_{metric}", *by), *by), " ".join(f"{{{{{label}}}}}" for label in by)
        ),
        unit="none",
        step=RUN_STEP,
        calculations=["max"],
        stacked=True,
        absent=absent,
    )


def latencies() -> list[Place]:
    """Return the panels about the time that a version takes."""
    return place(6, 8, *_latency("fetch", "Fetching", _FETCHING), *_latency("insert", "Inserting", _INSERTING))


_FETCHING = (
    "from a version's first request to its last byte. Long times with few requests under way are the source's "
    "latency; a long p99 alone is large documents."
)
_INSERTING = (
    "that the transaction of a version takes. It grows with what else the database does; a long p99 alone is large "
    "documents."
)


def _latency(stage: str, title: str, meaning: str) -> list[Panel]:
    buckets = f"collectionsync_worker_{stage}_duration_seconds_bucket"
    rate = RUNS.rate(buckets, "le")
    return [
        lines(
            f"{title} a version, quantiles",
            f"Quantiles of the time {meaning}",
            *(Target(quantile(share, rate), f"p{share * 100:g}") for share in (0.5, 0.9, 0.99)),
            unit="s",
            step=RUN_STEP,
            absent=_NO_RUN,
        ),
        heatmap(
            f"{title} a version, spread",
            f"About how many versions took how long in each step, by rates that need two scrapes of a run, of the "
            f"time {meaning}",
            # Each step counts its own: windows of rates overlap, so that their increases would count most of it again.
            f"{rate} * $__interval_ms / 1000",
            step=RUN_STEP,
        ),
    ]
